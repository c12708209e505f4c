// The geometry of a hall, from the API's plan to flat arrays in plan order. Pure.
// A seat is its index everywhere in the scripts; ids and names are looked up here.

import { say } from "./messages.js";
import { sum } from "./money.js";

export class Plan {
  /**
   * Reads the plan document. A standing area takes as many indices as it has places, in plan order
   * like seats, but its places are neither drawn nor listed: they are taken by quantity.
   */
  constructor(document) {
    this.tiers = document.tiers;
    this.stage = document.stage ?? null;
    this.sections = [];
    this.rows = [];
    const seats = this.#collect(document);
    this.count = seats.length;
    this.x = Float32Array.from(seats, ({ seat }) => seat.x);
    this.y = Float32Array.from(seats, ({ seat }) => seat.y);
    this.tier = Uint8Array.from(seats, ({ tier }) => tier);
    this.accessible = Uint8Array.from(seats, ({ seat }) => (seat.accessible ? 1 : 0));
    this.row = Uint32Array.from(seats, ({ row }) => row);
    /** Sections that are areas, and the indices of all seats that are not in one. */
    this.areas = this.sections.filter((section) => section.isArea);
    const indices = Uint32Array.from({ length: this.count }, (_, seat) => seat);
    this.drawn = this.areas.length === 0 ? indices
      : indices.filter((seat) => !this.sectionOf(seat).isArea);
    this.number = seats.map(({ seat }) => String(seat.number));
    this.pitch = pitchOf(this);
    this.bounds = boundsOf(this, this.drawn);
    for (const section of this.sections) {
      const { first, end, isArea } = section;
      section.bounds = boundsOf(this, isArea ? [] : indices.subarray(first, end));
    }
    this.#index = null;
  }

  #index;

  #collect(document) {
    const tierIndex = new Map(document.tiers.map((tier, index) => [tier.id, index]));
    const seats = [];
    for (const { id, name, kind, rows = [], capacity = 0, tier } of document.sections) {
      const isArea = kind === "area";
      const first = { first: seats.length, firstRow: this.rows.length };
      const section = { id, name: name || id, isArea, ...first };
      for (const { label, seats: inRow } of isArea ? [places(capacity, tier)] : rows) {
        const row = this.rows.length;
        const first = seats.length;
        for (const seat of inRow) seats.push({ seat, row, tier: tierIndex.get(seat.tier) ?? 0 });
        this.rows.push({ label, section: this.sections.length, first, end: seats.length });
      }
      section.end = seats.length;
      section.endRow = this.rows.length;
      this.sections.push(section);
    }
    return seats;
  }

  sectionOf(seat) {
    return this.sections[this.rows[this.row[seat]].section];
  }

  /** The API's id of a seat: <section>-<row>-<number>. */
  id(seat) {
    const row = this.rows[this.row[seat]];
    return `${this.sections[row.section].id}-${row.label}-${this.number[seat]}`;
  }

  /** The seat with the API's id `id`, or undefined. */
  find(id) {
    if (this.#index === null) {
      this.#index = new Map();
      for (const seat of this.drawn) this.#index.set(this.id(seat), seat);
    }
    return this.#index.get(id) ?? this.#place(id);
  }

  /** The place of an area with this id: <area>-<row>-<number>, numbered through from 1. */
  #place(id) {
    const [, section, number] = /^(.+)-[^-]+-(\d+)$/.exec(id) ?? [];
    const area = this.areas.find((one) => one.id === section);
    if (area === undefined) return undefined;
    const seat = area.first + Number(number) - 1;
    return seat >= area.first && seat < area.end ? seat : undefined;
  }

  /** What a seat costs before fees. */
  price(seat) {
    return this.tiers[this.tier[seat]].price;
  }

  /** What is paid on top for a seat; absent where there are no fees. */
  fee(seat) {
    return this.tiers[this.tier[seat]].fee;
  }

  /** What a seat costs in full. */
  fullPrice(seat) {
    return fullPrice(this.tiers[this.tier[seat]]);
  }

  /** A seat in words: Balcony, row 4, seat 12; a place of an area bears the area's name. */
  name(seat) {
    const row = this.rows[this.row[seat]];
    const section = this.sections[row.section].name;
    if (this.sections[row.section].isArea) return section;
    return say("seat_name", { section, row: row.label, number: this.number[seat] });
  }
}

/** What a seat of this tier costs with its fee. */
export function fullPrice({ price, fee }) {
  return fee === undefined ? price : sum([price, fee]);
}

/** The places of an area as one row. */
function places(capacity, tier) {
  const place = (_, at) => ({ number: at + 1, tier, x: 0, y: 0, accessible: false });
  return { label: "", seats: Array.from({ length: capacity }, place) };
}

/** The usual distance between neighbours: the middle one of all distances along rows. */
function pitchOf(plan) {
  const distances = [];
  for (const seat of plan.drawn) {
    if (seat === 0 || plan.row[seat] !== plan.row[seat - 1]) continue;
    const gap = Math.hypot(plan.x[seat] - plan.x[seat - 1], plan.y[seat] - plan.y[seat - 1]);
    if (gap > 0) distances.push(gap);
  }
  const sorted = Float32Array.from(distances).sort();
  return sorted[sorted.length >> 1] ?? 1;
}

function boundsOf(plan, seats) {
  const bounds = { left: Infinity, top: Infinity, right: -Infinity, bottom: -Infinity };
  for (const seat of seats) {
    bounds.left = Math.min(bounds.left, plan.x[seat]);
    bounds.right = Math.max(bounds.right, plan.x[seat]);
    bounds.top = Math.min(bounds.top, plan.y[seat]);
    bounds.bottom = Math.max(bounds.bottom, plan.y[seat]);
  }
  return bounds;
}

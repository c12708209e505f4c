// The geometry of a hall, from the API's plan to flat arrays in plan order. Pure.
// A seat is its index everywhere in the scripts; ids and names are looked up here.

import { say } from "./messages.js";

export class Plan {
  /** Reads the plan document; sections without rows (standing areas) hold no seats. */
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
    this.number = seats.map(({ seat }) => String(seat.number));
    this.pitch = pitchOf(this);
    this.bounds = boundsOf(this, 0, this.count);
    for (const section of this.sections) {
      section.bounds = boundsOf(this, section.first, section.end);
    }
    this.#index = null;
  }

  #index;

  #collect(document) {
    const tierIndex = new Map(document.tiers.map((tier, index) => [tier.id, index]));
    const seats = [];
    for (const { id, name, rows = [] } of document.sections) {
      const section = { id, name: name || id, first: seats.length, firstRow: this.rows.length };
      for (const { label, seats: inRow } of rows) {
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
      for (let seat = 0; seat < this.count; seat += 1) this.#index.set(this.id(seat), seat);
    }
    return this.#index.get(id);
  }

  price(seat) {
    return this.tiers[this.tier[seat]].price;
  }

  /** A seat in words: Balcony, row 4, seat 12. */
  name(seat) {
    const row = this.rows[this.row[seat]];
    const section = this.sections[row.section].name;
    return say("seat_name", { section, row: row.label, number: this.number[seat] });
  }
}

/** The usual distance between neighbours: the middle one of all distances along rows. */
function pitchOf(plan) {
  const distances = [];
  for (let seat = 1; seat < plan.count; seat += 1) {
    if (plan.row[seat] !== plan.row[seat - 1]) continue;
    const gap = Math.hypot(plan.x[seat] - plan.x[seat - 1], plan.y[seat] - plan.y[seat - 1]);
    if (gap > 0) distances.push(gap);
  }
  const sorted = Float32Array.from(distances).sort();
  return sorted[sorted.length >> 1] ?? 1;
}

function boundsOf(plan, first, end) {
  const bounds = { left: Infinity, top: Infinity, right: -Infinity, bottom: -Infinity };
  for (let seat = first; seat < end; seat += 1) {
    bounds.left = Math.min(bounds.left, plan.x[seat]);
    bounds.right = Math.max(bounds.right, plan.x[seat]);
    bounds.top = Math.min(bounds.top, plan.y[seat]);
    bounds.bottom = Math.max(bounds.bottom, plan.y[seat]);
  }
  return bounds;
}

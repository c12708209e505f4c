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
    // Everything in one pass and without an object for each seat: this stands before the first
    // picture of a hall, on phones, too.
    this.count = document.sections.reduce((count, section) => count + sizeOf(section), 0);
    this.x = new Float32Array(this.count);
    this.y = new Float32Array(this.count);
    this.tier = new Uint8Array(this.count);
    this.accessible = new Uint8Array(this.count);
    this.row = new Uint32Array(this.count);
    this.number = new Array(this.count);
    this.#read(document);
    /** Sections that are areas, and the indices of all seats that are not in one. */
    this.areas = this.sections.filter((section) => section.isArea);
    this.drawn = indicesOf(this.sections.filter((section) => !section.isArea));
    this.pitch = pitchOf(this);
    for (const section of this.sections) {
      const { first, end, isArea } = section;
      section.bounds = boundsOf(this, first, isArea ? first : end);
    }
    this.bounds = around(this.sections.map(({ bounds }) => bounds));
    this.#index = null;
  }

  #index;

  #read(document) {
    const tierOf = new Map(document.tiers.map((tier, index) => [tier.id, index]));
    let at = 0;
    for (const { id, name, kind, rows = [], capacity = 0, tier } of document.sections) {
      const isArea = kind === "area";
      const section = { id, name: name || id, isArea, first: at, firstRow: this.rows.length };
      if (isArea) at = this.#places(at, capacity, tierOf.get(tier) ?? 0);
      else for (const row of rows) at = this.#seats(at, row, tierOf);
      section.end = at;
      section.endRow = this.rows.length;
      this.sections.push(section);
    }
  }

  /** The places of an area as one row, from index `first` on; gives the next index. */
  #places(first, capacity, tier) {
    const end = first + capacity;
    this.tier.fill(tier, first, end);
    this.row.fill(this.rows.length, first, end);
    for (let at = first; at < end; at += 1) this.number[at] = String(at - first + 1);
    this.rows.push({ label: "", section: this.sections.length, first, end });
    return end;
  }

  /** A row's seats, from index `first` on; gives the next index. */
  #seats(first, { label, seats }, tierOf) {
    let at = first;
    for (const seat of seats) {
      this.x[at] = seat.x;
      this.y[at] = seat.y;
      this.tier[at] = tierOf.get(seat.tier) ?? 0;
      if (seat.accessible) this.accessible[at] = 1;
      this.row[at] = this.rows.length;
      this.number[at] = String(seat.number);
      at += 1;
    }
    this.rows.push({ label, section: this.sections.length, first, end: at });
    return at;
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

/** How many places a section of the document has. */
function sizeOf({ kind, rows = [], capacity = 0 }) {
  return kind === "area" ? capacity : rows.reduce((count, { seats }) => count + seats.length, 0);
}

/** The indices of all seats of `sections`. */
function indicesOf(sections) {
  const count = sections.reduce((sum, { first, end }) => sum + end - first, 0);
  const indices = new Uint32Array(count);
  let next = 0;
  for (const { first, end } of sections) {
    for (let seat = first; seat < end; seat += 1) {
      indices[next] = seat;
      next += 1;
    }
  }
  return indices;
}

/** The usual distance between neighbours: the middle one of all distances along rows. */
function pitchOf({ drawn, row, x, y }) {
  const distances = new Float32Array(drawn.length);
  let found = 0;
  for (let at = 1; at < drawn.length; at += 1) {
    const seat = drawn[at];
    if (row[seat] !== row[seat - 1]) continue;
    const [dx, dy] = [x[seat] - x[seat - 1], y[seat] - y[seat - 1]];
    const gap = Math.sqrt(dx * dx + dy * dy);
    if (gap > 0) {
      distances[found] = gap;
      found += 1;
    }
  }
  const sorted = distances.subarray(0, found).sort();
  return sorted[sorted.length >> 1] ?? 1;
}

/** The box around the seats from `first` to before `end`. */
function boundsOf({ x, y }, first, end) {
  const bounds = { left: Infinity, top: Infinity, right: -Infinity, bottom: -Infinity };
  for (let seat = first; seat < end; seat += 1) {
    if (x[seat] < bounds.left) bounds.left = x[seat];
    if (x[seat] > bounds.right) bounds.right = x[seat];
    if (y[seat] < bounds.top) bounds.top = y[seat];
    if (y[seat] > bounds.bottom) bounds.bottom = y[seat];
  }
  return bounds;
}

/** The box around boxes. */
function around(boxes) {
  return {
    left: Math.min(...boxes.map(({ left }) => left)),
    top: Math.min(...boxes.map(({ top }) => top)),
    right: Math.max(...boxes.map(({ right }) => right)),
    bottom: Math.max(...boxes.map(({ bottom }) => bottom)),
  };
}

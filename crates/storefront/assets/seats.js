// The state of all seats as this page knows it: a snapshot, then deltas. No network in here.
// Tells listeners by "change" events: detail is an array of seats, or null for all of them.

import { decode, FREE, statusOfLetter } from "./bitmap.js";

export class Seats extends EventTarget {
  constructor(plan) {
    super();
    this.plan = plan;
    this.version = -1;
    this.statuses = new Uint8Array(plan.count);
    /** Free seats by tier, in the order of the plan's tiers. */
    this.free = new Uint32Array(plan.tiers.length);
  }

  /** Whether a snapshot has arrived; before that every status is a guess. */
  get known() {
    return this.version >= 0;
  }

  isFree(seat) {
    return this.statuses[seat] === FREE;
  }

  /** Free seats of a section. */
  freeIn({ first, end }) {
    let free = 0;
    for (let seat = first; seat < end; seat += 1) free += this.isFree(seat);
    return free;
  }

  /** The server starts counting anew: whatever it says next is right. */
  forget() {
    this.version = -1;
  }

  /** Takes a whole bitmap of state `version`; one older than what is known is passed over. */
  replace(version, bytes) {
    if (version < this.version) return;
    this.statuses = decode(bytes, this.plan.count);
    this.version = version;
    this.#countFree();
    this.#changed(null);
  }

  /** Takes one delta {v, s, n}; false when it is older than what is known. */
  apply({ v: version, s: changes = [], n: counts = {} }) {
    if (!this.known || version <= this.version) return false;
    this.version = version;
    const changed = [];
    for (const [id, letter] of changes) {
      const seat = this.plan.find(id);
      const status = statusOfLetter(letter);
      if (seat === undefined || status === undefined) continue;
      this.set(seat, status);
      changed.push(seat);
    }
    this.#correct(counts);
    this.#changed(changed);
    return true;
  }

  /** Sets one seat without telling listeners; callers that know better than the stream do. */
  set(seat, status) {
    const tier = this.plan.tier[seat];
    if (this.statuses[seat] === FREE) this.free[tier] -= 1;
    if (status === FREE) this.free[tier] += 1;
    this.statuses[seat] = status;
  }

  /** Notes what an answer said about single seats, until the stream confirms it. */
  learn(facts) {
    for (const [seat, status] of facts) this.set(seat, status);
    this.#changed(facts.map(([seat]) => seat));
  }

  /** The server's own counts win over ours. */
  #correct(counts) {
    this.plan.tiers.forEach((tier, index) => {
      if (Number.isInteger(counts[tier.id])) this.free[index] = counts[tier.id];
    });
  }

  #countFree() {
    this.free.fill(0);
    for (let seat = 0; seat < this.plan.count; seat += 1) {
      if (this.statuses[seat] === FREE) this.free[this.plan.tier[seat]] += 1;
    }
  }

  #changed(seats) {
    this.dispatchEvent(new CustomEvent("change", { detail: seats }));
  }
}

// The seats a visitor has chosen but not yet taken. "change" events follow every change. Pure.

export class Selection extends EventTarget {
  #chosen = new Set();

  /** At most `max` seats, the limit of one hold. */
  constructor(max) {
    super();
    this.max = max;
    /** A frozen selection belongs to a hold and cannot be edited. */
    this.frozen = false;
  }

  get seats() {
    return [...this.#chosen];
  }

  get size() {
    return this.#chosen.size;
  }

  has(seat) {
    return this.#chosen.has(seat);
  }

  /** Adds or removes; returns "added", "removed", "full" or "frozen". */
  toggle(seat) {
    if (this.frozen) return "frozen";
    if (this.#chosen.delete(seat)) {
      this.#tell();
      return "removed";
    }
    if (this.#chosen.size >= this.max) return "full";
    this.#chosen.add(seat);
    this.#tell();
    return "added";
  }

  /** Takes out those of `seats` that are chosen; returns them. */
  drop(seats) {
    const dropped = seats.filter((seat) => this.#chosen.delete(seat));
    if (dropped.length > 0) this.#tell();
    return dropped;
  }

  replace(seats) {
    this.#chosen = new Set(seats);
    this.#tell();
  }

  #tell() {
    this.dispatchEvent(new Event("change"));
  }
}

// The hall as a list: sections, rows, seats. The equal of the map for keyboards and screen readers.
// A section's seats are built when it is opened, so that a hall of 20,000 costs nothing until then.

import { make } from "./dom.js";
import { say } from "./messages.js";
import { moneyText } from "./money.js";

const STATUS_WORDS = ["status_free", "status_held", "status_sold", "status_blocked"];
const STATUS_CODES = ["free", "held", "sold", "blocked"];

export class SeatList {
  #buttons = new Map();
  #counts = [];

  /** Fills `root`; `onPick(seat)` is called for a seat that was chosen. */
  constructor({ root, plan, seats, selection, onPick }) {
    Object.assign(this, { root, plan, seats, selection, onPick });
    root.append(make("p", { className: "muted small keys-hint" }, say("list_hint")));
    plan.sections.forEach((section) => {
      if (section.end > section.first && !section.isArea) root.append(this.#section(section));
    });
    root.addEventListener("click", (event) => this.#click(event));
    root.addEventListener("keydown", (event) => this.#key(event));
    seats.addEventListener("change", ({ detail }) => this.#refresh(detail));
    selection.addEventListener("change", () => this.#refresh(null));
  }

  /** Brings the list up to date as it is shown; nobody sees it before. */
  refresh() {
    this.#refresh(null);
  }

  #section(section) {
    const count = make("span", { className: "muted" });
    this.#counts.push({ section, count });
    const details = make("details", {}, make("summary", {}, section.name, " ", count));
    const build = () => details.append(this.#rows(section));
    details.addEventListener("toggle", build, { once: true });
    return details;
  }

  #rows(section) {
    const list = make("ul", { className: "rows" });
    for (let row = section.firstRow; row < section.endRow; row += 1) {
      const { label, first, end } = this.plan.rows[row];
      const name = say("row", { row: label });
      const group = make("div", { className: "row-seats", role: "group", "aria-label": name });
      for (let seat = first; seat < end; seat += 1) group.append(this.#button(seat));
      list.append(make("li", {}, make("span", { className: "row-name" }, name), group));
    }
    // One stop for the Tab key in each section; arrow keys move inside.
    list.querySelector("button")?.setAttribute("tabindex", "0");
    return list;
  }

  #button(seat) {
    const button = make("button", { type: "button", className: "seat", tabIndex: -1 });
    button.textContent = this.plan.number[seat];
    button.dataset.seat = seat;
    this.#buttons.set(seat, button);
    this.#dress(seat, button);
    return button;
  }

  #dress(seat, button) {
    const { plan, seats, selection } = this;
    const mine = selection.has(seat);
    const status = seats.statuses[seat];
    const facts = [plan.name(seat), moneyText(plan.fullPrice(seat)),
      say(mine ? "status_mine" : STATUS_WORDS[status])];
    if (plan.accessible[seat]) facts.push(say("accessible"));
    button.dataset.status = mine ? "mine" : STATUS_CODES[status];
    button.setAttribute("aria-pressed", String(mine));
    button.setAttribute("aria-disabled", String(!mine && !seats.isFree(seat)));
    button.setAttribute("aria-label", facts.join(", "));
    button.classList.toggle("accessible", plan.accessible[seat] === 1);
  }

  #refresh(changed) {
    if (this.root.hidden) return;
    const each = changed === null ? this.#buttons.keys() : changed;
    for (const seat of each) {
      const button = this.#buttons.get(seat);
      if (button !== undefined) this.#dress(seat, button);
    }
    for (const { section, count } of this.#counts) {
      count.textContent = say("seats_free", { n: this.seats.freeIn(section) });
    }
  }

  #click(event) {
    const button = event.target.closest("button.seat");
    if (button !== null) this.onPick(Number(button.dataset.seat));
  }

  #key(event) {
    const button = event.target.closest("button.seat");
    if (button === null) return;
    const seat = Number(button.dataset.seat);
    const next = this.#neighbour(seat, event.key);
    if (next === undefined) return;
    event.preventDefault();
    const target = this.#buttons.get(next);
    if (target === undefined) return;
    button.tabIndex = -1;
    target.tabIndex = 0;
    target.focus();
  }

  /** The seat that an arrow key leads to; undefined for other keys and at the edges. */
  #neighbour(seat, key) {
    const { plan } = this;
    const row = plan.row[seat];
    const { first, end, section } = plan.rows[row];
    if (key === "ArrowLeft" && seat > first) return seat - 1;
    if (key === "ArrowRight" && seat + 1 < end) return seat + 1;
    if (key === "Home") return first;
    if (key === "End") return end - 1;
    const other = plan.rows[row + { ArrowUp: -1, ArrowDown: 1 }[key]];
    if (other === undefined || other.section !== section) return undefined;
    return Math.min(other.first + (seat - first), other.end - 1);
  }
}

// The visitor's seats and their total: chosen ones that can be taken out, held ones that cannot.

import { byId, make, show } from "./dom.js";
import { say } from "./messages.js";
import { isNothing, moneyText, sum } from "./money.js";

export class Tray {
  constructor(plan, selection) {
    Object.assign(this, { plan, selection });
    this.list = byId("picked");
    this.notice = byId("tray-notice");
    selection.addEventListener("change", () => this.renderChoice());
    this.list.addEventListener("click", (event) => {
      const button = event.target.closest("button[data-seat]");
      if (button !== null) selection.toggle(Number(button.dataset.seat));
    });
  }

  /** Shows the chosen seats. A hold has its own prices, so it is shown by `renderHold`. */
  renderChoice() {
    if (this.selection.frozen) return;
    const { seats } = this.selection;
    this.list.replaceChildren(...seats.map((seat) => this.#chosen(seat)));
    const fees = seats.map((seat) => this.plan.fee(seat)).filter((fee) => fee !== undefined);
    this.list.append(...feeLines(sum(fees)));
    this.#total(sum(seats.map((seat) => this.plan.fullPrice(seat))), seats.length);
    byId("hold-button").hidden = seats.length === 0;
    byId("hold-note").hidden = seats.length === 0;
  }

  /** Shows what the server holds, with the prices frozen in it. */
  renderHold(hold) {
    this.list.replaceChildren(...hold.seats.map((seat) => seatLine(this.plan, seat)));
    this.list.append(...feeLines(hold.fees));
    this.#total(hold.total, hold.seats.length);
    byId("hold-button").hidden = true;
    byId("hold-note").hidden = true;
  }

  /** Says something above the seats; `focus` moves the reader there. Empty text takes it away. */
  say(text, { focus = false, link = null } = {}) {
    show(this.notice, text);
    if (link !== null) {
      this.notice.replaceChildren(make("a", { href: link }, text));
    }
    if (focus && text) {
      this.notice.focus({ preventScroll: true });
      byId("tray").scrollIntoView({ block: "nearest" });
    }
  }

  /** A button under what was said last; it goes with the words. */
  offer(text, act) {
    const button = make("button", { type: "button", className: "quiet" }, text);
    button.addEventListener("click", act);
    this.notice.append(" ", button);
  }

  #chosen(seat) {
    const name = this.plan.name(seat);
    const label = say("remove", { seat: name });
    const remove = make("button", { type: "button", className: "round", "aria-label": label }, "×");
    remove.dataset.seat = seat;
    return line(name, this.plan.price(seat), remove);
  }

  #total(total, count) {
    byId("tray-empty").hidden = count > 0;
    byId("total-line").hidden = total === null;
    byId("total").textContent = total === null ? "" : moneyText(total);
  }
}

/** A seat of a hold or an order as a line; `plan` (or null) gives the section its name. */
export function seatLine(plan, seat) {
  return line(seatName(plan, seat), seat.price);
}

/** The part of a total that is not prices as a line of its own; none where there is no fee. */
export function feeLines(fees) {
  return fees && !isNothing(fees) ? [line(say("fees"), fees)] : [];
}

/** The name of a seat document {id, section, row, number}, with "section_name" where given. */
export function seatName(plan, seat) {
  const known = plan?.find(seat.id);
  if (known !== undefined) return plan.name(known);
  if (seat.section === undefined) return seat.id;
  const section = seat.section_name ?? seat.section;
  if (seat.area) return section;
  return say("seat_name", { section, row: String(seat.row), number: String(seat.number) });
}

function line(name, price, ...rest) {
  const cost = price ? moneyText(price) : "";
  const cell = make("span", { className: "price" }, cost);
  return make("li", {}, make("span", {}, name), cell, ...rest);
}

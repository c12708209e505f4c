// Standing areas: how many places are left in each, and a form that takes some by quantity.

import { byId, make, show } from "./dom.js";
import { say } from "./messages.js";
import { moneyText } from "./money.js";
import { fullPrice } from "./plan.js";
import { stepper } from "./stepper.js";

export class Areas {
  #counts = [];

  /** `onTake({area}, button, complain)` is called with the part of a hold that names the area. */
  constructor({ plan, seats, max, onTake }) {
    Object.assign(this, { plan, seats, max, onTake });
    if (plan.areas.length === 0) return;
    byId("area-forms").append(...plan.areas.map((area) => this.#form(area)));
    byId("areas").hidden = false;
    seats.addEventListener("change", () => this.#refresh());
  }

  #form(area) {
    const tier = this.plan.tiers[this.plan.tier[area.first]];
    const count = make("span", { className: "muted" });
    const error = make("p", { className: "error", role: "alert", hidden: true });
    const button = make("button", { type: "submit", className: "primary" }, say("area_take"));
    const number = stepper({ label: say("area_number", { area: area.name }), max: this.max });
    const head = make("div", { className: "area-head" }, make("h3", {}, area.name),
      make("span", { className: "price" }, moneyText(fullPrice(tier))), count);
    const form = make("form", { className: "area" }, head, number.root, button, error);
    form.addEventListener("submit", (event) => {
      event.preventDefault();
      show(error, null);
      const quantity = Number(number.input.value);
      this.onTake({ area: { id: area.id, quantity } }, button, (text) => show(error, text));
    });
    this.#counts.push({ area, count });
    return form;
  }

  #refresh() {
    for (const { area, count } of this.#counts) {
      const text = say("places_left", { n: this.seats.freeIn(area) });
      if (count.textContent !== text) count.textContent = text;
    }
  }
}

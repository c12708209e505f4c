// The form behind a hold: who buys, how they pay. Places the order, then leaves for the payment.

import { call, Intent } from "./api.js";
import { fieldOfPointer, wrongFields } from "./buyer.js";
import { byId, show } from "./dom.js";
import { keepOrder } from "./keep.js";
import { say } from "./messages.js";
import { orderPage, startPayment } from "./pay.js";
import { describe } from "./problem.js";
import { session } from "./session.js";

const INPUTS = { name: "buyer-name", email: "buyer-email", phone: "buyer-phone",
  consent: "consent" };
const COMPLAINTS = { name: "name_missing", email: "email_wrong", phone: "phone_wrong",
  consent: "consent_missing" };

export class Checkout {
  #intent = new Intent();
  #busy = false;

  /** `desk` is the HoldDesk whose hold is bought. */
  constructor(desk, provider) {
    Object.assign(this, { desk, provider });
    this.form = byId("checkout");
    this.form.addEventListener("submit", (event) => {
      event.preventDefault();
      this.#submit();
    });
  }

  /** Fills in what a signed-in person has told before; what was typed already stays. */
  async prefill() {
    if (session() === null) return;
    const me = await call("GET", "/me").catch(() => null);
    if (me === null) return;
    const known = { name: `${me.name} ${me.surname}`.trim(), email: me.email, phone: me.phone };
    for (const [field, value] of Object.entries(known)) {
      const input = byId(INPUTS[field]);
      if (input.value === "") input.value = value;
    }
  }

  async #submit() {
    if (this.#busy || this.desk.hold === null) return;
    const details = this.#details();
    const wrong = wrongFields(details);
    this.#complain(wrong);
    show(byId("checkout-error"), null);
    if (wrong.length > 0) return;
    this.#setBusy(true);
    try {
      await this.#buy(details);
    } catch (problem) {
      this.#refused(problem);
    } finally {
      this.#setBusy(false);
    }
  }

  #details() {
    const fields = this.form.elements;
    return {
      name: fields.name.value, email: fields.email.value, phone: fields.phone.value,
      consent: fields.consent.checked, method: fields.method.value,
    };
  }

  async #buy({ name, email, phone, method }) {
    const { hold } = this.desk;
    const order = await this.#intent.post("/orders", {
      token: hold.token,
      body: {
        hold_id: hold.id,
        buyer: { name: name.trim(), email: email.trim(), phone: phone.trim() },
        consents: ["personal_data"],
        channels: ["email"],
      },
    });
    keepOrder(order.id, { token: hold.token, eventId: this.desk.eventId, open: true });
    this.desk.handOver();
    try {
      await startPayment({ id: order.id, token: hold.token }, this.provider, method);
    } catch {
      // The order stands; its own page says how it goes on and offers to pay again.
      location.assign(orderPage(order.id));
    }
  }

  #refused(problem) {
    const pointers = (problem?.body?.errors ?? []).map(({ pointer }) => fieldOfPointer(pointer));
    const wrong = Object.keys(INPUTS).filter((field) => pointers.includes(field));
    this.#complain(wrong);
    show(byId("checkout-error"), describe(problem));
    if (wrong.length === 0) byId("checkout-error").focus();
  }

  /** Marks the `wrong` fields, clears the others, and goes to the first wrong one. */
  #complain(wrong) {
    for (const [field, id] of Object.entries(INPUTS)) {
      const isWrong = wrong.includes(field);
      byId(id).toggleAttribute("aria-invalid", isWrong);
      if (isWrong) byId(id).setAttribute("aria-invalid", "true");
      show(byId(`${id}-error`), isWrong ? say(COMPLAINTS[field]) : null);
    }
    if (wrong.length > 0) byId(INPUTS[wrong[0]]).focus();
  }

  #setBusy(busy) {
    this.#busy = busy;
    byId("pay-button").setAttribute("aria-disabled", String(busy));
    byId("pay-button").toggleAttribute("data-busy", busy);
  }
}

// The waiting list after the sell-out: joining with a wish, the place in line, seats that were
// given with their own countdown, leaving. Given seats are a hold and are paid for like any other.

import { call, Intent, segment } from "./api.js";
import { announce, byId, make, show } from "./dom.js";
import { field, form, sureButton } from "./forms.js";
import { forgetWait, keepWait, keptHold, keptRoom, keptWait } from "./keep.js";
import { Ticker } from "./ticker.js";
import { tell } from "./words-wait.js";

/** How often a place is looked at, in milliseconds, spread by as much again; seldom far behind. */
const NEAR_MS = 4000;
const FAR_MS = 15_000;
const FAR_BEHIND = 20;

export class Waitlist {
  #timer = null;
  #status = null;
  #intent = new Intent();
  #title = globalThis.document?.title ?? "";

  /** `tiers` are the plan's; `desk` takes up the hold that the list gave. */
  constructor({ eventId, tiers, max, desk, isOffered }) {
    Object.assign(this, { eventId, tiers, max, desk, isOffered });
    this.box = byId("waitlist");
    this.clock = new Ticker("wait");
  }

  /** Goes on with the place of an earlier visit, or offers one where the page says so. */
  start() {
    if (keptWait(this.eventId) !== null) {
      this.box.hidden = false;
      this.look();
    } else if (!this.box.hidden) this.#offerForm();
  }

  /** No seat is left, or none that fits: people may wait for some. `number` of them is proposed. */
  open(number = 2) {
    if (!this.isOffered || this.desk.hold !== null || !this.box.hidden) return;
    this.box.hidden = false;
    this.#offerForm(number);
  }

  /** A button at the end of `place` that opens the list for as many seats as `number()` says. */
  offerBeside(place, number) {
    if (!this.isOffered) return;
    const button = make("button", { type: "button", className: "quiet" }, tell("wait_instead"));
    button.addEventListener("click", () => {
      this.open(number());
      this.focus();
    });
    place.append(" ", button);
  }

  focus() {
    byId("wait-title").focus({ preventScroll: true });
    this.box.scrollIntoView({ block: "nearest" });
  }

  /** While seats are held the list does not matter. */
  pause() {
    clearTimeout(this.#timer);
    this.box.hidden = true;
    document.title = this.#title;
  }

  /** Asks how the place stands. */
  async look() {
    clearTimeout(this.#timer);
    const kept = keptWait(this.eventId);
    if (kept === null || this.desk.hold !== null) return;
    let place = null;
    try {
      place = await call("GET", `/waitlist/${segment(kept.id)}`, { token: kept.token });
    } catch (problem) {
      if (problem?.status === undefined) throw problem;
      if (problem.status === 404) {
        this.#ended(kept);
        return;
      }
    }
    if (this.desk.hold !== null) return;
    if (place !== null) this.#render(place);
    this.#later(place?.before ?? FAR_BEHIND);
  }

  #later(before) {
    clearTimeout(this.#timer);
    const pause = before >= FAR_BEHIND ? FAR_MS : NEAR_MS;
    this.#timer = setTimeout(() => this.look(), pause * (0.5 + Math.random()));
  }

  #ended({ taken }) {
    forgetWait(this.eventId);
    this.#status = null;
    this.clock.show(null);
    document.title = this.#title;
    // Seats that were taken have their own end, told elsewhere.
    if (taken) this.box.hidden = true;
    else {
      this.box.hidden = false;
      this.#offerForm();
      show(byId("wait-text"), tell("over"));
    }
  }

  #render(place) {
    this.box.hidden = false;
    const isOffered = place.status === "offered";
    this.clock.show(isOffered ? place.hold.expires_in : null, tell("offer_left"));
    const state = isOffered ? "offered" : `waiting ${place.before}`;
    if (state === this.#status) return;
    this.#status = state;
    const before = place.before === 0 ? tell("before_none") : tell("before", { n: place.before });
    const text = isOffered ? tell("offered", { n: place.number })
      : `${tell("in_line", { n: place.number })} ${before}`;
    show(byId("wait-text"), text);
    document.title = isOffered ? `${tell("offered_title")} ${this.#title}` : this.#title;
    if (isOffered) announce(text);
    const parts = isOffered ? [this.#takeButton(place)]
      : [make("p", { className: "muted small" }, tell("keep_open"))];
    byId("wait-body").replaceChildren(...parts, this.#leaveButton());
  }

  #takeButton(place) {
    const error = make("p", { className: "error", role: "alert", hidden: true });
    const button = make("button", { type: "button", className: "primary", id: "wait-take" },
      tell("take"));
    button.addEventListener("click", async () => {
      if (this.desk.hold !== null) {
        show(error, tell("first_pay"));
        return;
      }
      keepWait(this.eventId, { ...keptWait(this.eventId), taken: true });
      await this.desk.adopt(place.hold);
    });
    return make("div", { className: "stack" }, error, button);
  }

  #leaveButton() {
    return sureButton({ text: tell("leave"), sure: tell("leave_sure"), yes: tell("leave_yes"),
      no: tell("leave_no"), act: async () => {
        const { id, token } = keptWait(this.eventId);
        await call("DELETE", `/waitlist/${segment(id)}`, { token });
        clearTimeout(this.#timer);
        forgetWait(this.eventId);
        this.#status = null;
        this.clock.show(null);
        document.title = this.#title;
        this.#offerForm();
        show(byId("wait-text"), tell("left"));
        this.focus();
      } });
  }

  #offerForm(number = 2) {
    const tiers = this.tiers.map(({ id, name }) => [id, name]);
    const wish = [
      field({ name: "number", label: tell("number"), type: "number", value: Math.min(number,
        this.max), hint: tell("join_hint"), set: { min: 1, max: this.max, inputMode: "numeric" } }),
      field({ name: "tiers", label: tell("tier"), type: "select", optional: true,
        options: [["", tell("any")], ...tiers] }),
    ];
    const word = [
      field({ name: "buyer_email", label: tell("email"), type: "email", optional: true,
        set: { autocomplete: "email", maxLength: 254 } }),
      field({ name: "buyer_name", label: tell("name"), optional: true,
        set: { autocomplete: "name", maxLength: 100 } }),
      field({ name: "consents", label: tell("agree"), type: "checkbox", optional: true }),
    ];
    const made = form({ fields: [...wish, ...word], submit: tell("join"),
      onSubmit: (values) => this.#join(values), label: tell("join") });
    const apart = make("details", {}, make("summary", {}, tell("tell_me")));
    apart.append(...word.map(({ box }) => box));
    made.insertBefore(apart, made.querySelector("p.error[role=alert]"));
    byId("wait-body").replaceChildren(made);
  }

  async #join(values) {
    const body = { number: Number(values.number), tiers: values.tiers ? [values.tiers] : [] };
    if (values.buyer_email) {
      body.buyer = { name: values.buyer_name, email: values.buyer_email };
      body.consents = values.consents ? ["personal_data"] : [];
      body.channels = ["email"];
    }
    const token = (keptRoom(this.eventId) ?? keptHold(this.eventId))?.token;
    const path = `/events/${segment(this.eventId)}/waitlist`;
    try {
      const place = await this.#intent.post(path, { body, token });
      keepWait(this.eventId, place);
      this.#render(place);
      this.#later(place.before);
      this.focus();
    } catch (problem) {
      if (problem?.status === 429) problem.told = tell("too_many");
      throw problem;
    }
  }
}

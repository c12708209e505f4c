// The waiting room in front of a sale: a place in it, kept over a reload and looked at until the
// turn comes. Looking is what takes the turn, so it goes on while the page is out of sight.

import { call, newKey, segment } from "./api.js";
import { announce, byId, make, show, whileBusy } from "./dom.js";
import { forgetRoom, keepRoom, keptRoom } from "./keep.js";
import { describe } from "./problem.js";
import { Ticker } from "./ticker.js";
import { momentText } from "./when.js";
import { tell, waitText } from "./words-wait.js";

/** The server's wish is spread by this part, so that a crowd does not ask as one. */
const SPREAD = 0.2;
/** Seconds until the next look where the server could not be asked. */
const AGAIN_S = 5;

export class Room {
  #timer = null;
  #status = null;
  #paused = false;
  #asking = false;
  #title = globalThis.document?.title ?? "";

  /** `stage(name)` learns where the visitor stands: outside, waiting, ready, closed. `onClosed` is
   * called when nothing is left to wait for here; `zone` is the venue's. */
  constructor({ eventId, zone, stage, onClosed }) {
    Object.assign(this, { eventId, zone, stage, onClosed });
    this.box = byId("room");
    this.clock = new Ticker("room");
    byId("room-enter").addEventListener("click", ({ currentTarget: button }) =>
      whileBusy(button, () => this.#enter()));
    document.addEventListener("visibilitychange", () => {
      if (document.visibilityState === "visible") this.#look();
    });
  }

  /** Goes on with the place of an earlier visit, if there is one. */
  start() {
    if (keptRoom(this.eventId) === null) return;
    this.box.hidden = false;
    this.stage("waiting");
    this.#look();
  }

  /** A hold was refused for want of a turn: the visitor is led here. */
  require() {
    this.box.hidden = false;
    if (keptRoom(this.eventId) === null) this.#outside(tell("queue_needed"));
    else this.#look();
    byId("room-title").focus({ preventScroll: true });
    this.box.scrollIntoView({ block: "nearest" });
  }

  /** While seats are held the room does not matter. */
  pause() {
    this.#paused = true;
    clearTimeout(this.#timer);
    this.box.hidden = true;
    document.title = this.#title;
  }

  /** Looks again; nothing without a place. */
  resume() {
    this.#paused = false;
    if (keptRoom(this.eventId) === null) return;
    this.box.hidden = false;
    this.#look();
  }

  async #enter() {
    show(byId("room-error"), null);
    try {
      const path = `/events/${segment(this.eventId)}/queue`;
      const place = await call("POST", path, { body: {}, key: newKey() });
      if (place.ticket) keepRoom(this.eventId, place);
      this.#render(place);
      byId("room-title").focus({ preventScroll: true });
    } catch (problem) {
      if (problem?.status === undefined) console.error(problem);
      show(byId("room-error"), describe(problem));
    }
  }

  async #look() {
    const kept = keptRoom(this.eventId);
    if (kept === null || this.#paused || this.#asking) return;
    clearTimeout(this.#timer);
    this.#asking = true;
    try {
      const place = await call("GET", `/queue/${segment(kept.ticket)}`, { token: kept.token });
      show(byId("room-error"), null);
      this.#render(place);
    } catch (problem) {
      if (problem?.status === undefined) throw problem;
      if (problem.status === 404) {
        forgetRoom(this.eventId);
        this.#outside(tell("lost"));
      } else {
        show(byId("room-error"), tell("late"));
        this.#later(AGAIN_S);
      }
    } finally {
      this.#asking = false;
    }
  }

  #later(seconds) {
    clearTimeout(this.#timer);
    if (this.#paused) return;
    this.#timer = setTimeout(() => this.#look(),
      seconds * 1000 * (1 + SPREAD * Math.random()));
  }

  #outside(text) {
    this.#status = null;
    show(byId("room-text"), text);
    this.clock.show(null);
    byId("room-facts").hidden = true;
    byId("room-draw").hidden = true;
    byId("room-enter").hidden = false;
    document.title = this.#title;
    this.stage("outside");
  }

  #render(place) {
    if (this.#paused) return;
    this.#say(place);
    this.#facts(place);
    byId("room-enter").hidden = true;
    byId("room-draw").hidden = !place.salt;
    byId("room-salt").textContent = place.salt ?? "";
    const isReady = place.status === "ready";
    this.clock.show(isReady ? place.expires_in : null, tell("turn_left"));
    this.stage(place.status);
    if (place.status === "closed") {
      forgetRoom(this.eventId);
      this.onClosed(Boolean(place.waitlist));
    } else this.#later(place.poll_in_s);
  }

  /** The sentence of a state, said once when the state begins. */
  #say(place) {
    const isPresent = place.status === "waiting" && place.place === null;
    const state = isPresent ? "present" : place.status;
    if (state === this.#status) return;
    this.#status = state;
    const words = state === "closed" && place.waitlist ? "closed_list" : state;
    const time = place.opens_at ? momentText(place.opens_at, this.zone) : "";
    show(byId("room-text"), tell(words, { time }));
    document.title = state === "ready" ? `${tell("ready_title")} ${this.#title}` : this.#title;
    if (state === "ready") announce(tell("ready"));
  }

  #facts({ status, place, eta_s: eta, present, remaining_seats: free }) {
    const facts = status !== "waiting" ? [] : [["place", place?.toLocaleString()],
      ["present", present?.toLocaleString()], ["wait", eta == null ? null : waitText(eta)],
      ["free", free.toLocaleString()]];
    const shown = facts.filter(([, value]) => value != null);
    byId("room-facts").hidden = shown.length === 0;
    byId("room-facts").replaceChildren(...shown.map(([name, value]) => make("div", {},
      make("dt", {}, tell(`fact_${name}`)), make("dd", { id: `room-${name}` }, value))));
  }
}

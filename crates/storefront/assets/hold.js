// The visitor's hold: taken, kept over a reload, followed to its end. Speaks with the API and tells
// the page by events: "held", "over" with detail {reason: "expired" or "released", hold}, and
// "gone" when a hold of an earlier visit has ended meanwhile.
// The server alone decides when a hold ends; the clock only says when to ask.

import { call, Intent, segment } from "./api.js";
import { Clock } from "./clock.js";
import { forgetHold, keepHold, keptHold, keptRoom } from "./keep.js";

/** A hold that the server still has at our zero is asked about again after this many seconds. */
const ASK_AGAIN_S = 1;

export class HoldDesk extends EventTarget {
  #intent = new Intent();
  #more = new Intent();

  constructor(eventId) {
    super();
    this.eventId = eventId;
    /** The API's hold document with its token, or null. */
    this.hold = null;
    this.clock = new Clock(() => this.#ended());
    document.addEventListener("visibilitychange", () => {
      // Some devices stop the monotonic clock while they sleep.
      if (document.visibilityState === "visible" && this.hold !== null) this.#ended();
    });
  }

  /** Takes `request`, the body of POST /holds; throws Problem. */
  async take(request) {
    const fromMs = performance.now();
    const path = `/events/${segment(this.eventId)}/holds`;
    // Whoever came through the waiting room is the same person here.
    const token = keptRoom(this.eventId)?.token;
    const hold = await this.#intent.post(path, { body: request, token });
    keepHold(this.eventId, hold);
    this.#accept(hold, fromMs);
  }

  /** Takes up a hold that was made elsewhere for this visitor. */
  async adopt(hold) {
    keepHold(this.eventId, hold);
    await this.restore();
  }

  /** Gives the seats back; throws Problem. A hold that is already gone is as good as released. */
  async release() {
    const { id, token } = this.hold;
    try {
      await call("DELETE", `/holds/${segment(id)}`, { token });
    } catch (problem) {
      if (problem.status !== 404 && problem.status !== 410) throw problem;
    }
    this.#over("released");
  }

  /** Asks for more time; throws Problem. The server says whether it is allowed, and how much. */
  async extend() {
    const { id, token } = this.hold;
    const fromMs = performance.now();
    const path = `/holds/${segment(id)}`;
    const hold = await this.#more.send("PATCH", path, { token, body: { extend: true } });
    this.hold = { ...this.hold, ...hold, token };
    this.clock.start(hold.expires_in, fromMs);
  }

  /** Takes up the hold that an earlier visit of this page left, if it still lives. */
  async restore() {
    const kept = keptHold(this.eventId);
    if (kept === null) return;
    const fromMs = performance.now();
    const hold = await this.#read(kept).catch(() => null);
    if (hold === null) return;
    if (hold.live) {
      this.#accept({ ...hold.document, token: kept.token }, fromMs);
      return;
    }
    forgetHold(this.eventId);
    this.dispatchEvent(new Event("gone"));
  }

  /** The hold became an order; it is followed on the order's own page from now on. */
  handOver() {
    this.clock.stop();
    forgetHold(this.eventId);
    this.hold = null;
  }

  #accept(hold, fromMs) {
    this.hold = hold;
    this.clock.start(hold.expires_in, fromMs);
    this.dispatchEvent(new Event("held"));
  }

  /** {live, document} of a hold; throws when the server cannot say. */
  async #read({ id, token }) {
    try {
      const document = await call("GET", `/holds/${segment(id)}`, { token });
      return { live: document.status === "held", document };
    } catch (problem) {
      if (problem.status !== 404 && problem.status !== 410) throw problem;
      return { live: false, document: null };
    }
  }

  async #ended() {
    const { hold } = this;
    const fromMs = performance.now();
    // Where the server cannot be asked our clock stands: it never runs behind the server's.
    const state = await this.#read(hold).catch(() => null);
    if (this.hold !== hold) return;
    const expired = state === null ? this.clock.over : !state.live;
    if (expired) {
      this.#over("expired");
      return;
    }
    if (state !== null) this.clock.start(Math.max(state.document.expires_in, ASK_AGAIN_S), fromMs);
  }

  #over(reason) {
    const { hold } = this;
    this.handOver();
    this.dispatchEvent(new CustomEvent("over", { detail: { reason, hold } }));
  }
}

// Shows a countdown in the page: the digits, the warnings, the end. One clock a page.

import { clockText, Countdown, WARNINGS_S } from "./countdown.js";
import { announce, byId } from "./dom.js";
import { say } from "./messages.js";

/** Often enough that no second is skipped, seldom enough to cost nothing. */
const TICK_MS = 250;
/** Two answers about one deadline differ by the network's mood; less than this is no news. */
const AGREES_MS = 1500;

export class Clock {
  #timer = null;
  #countdown = null;

  /** `onEnd()` is called once when the time is over. */
  constructor(onEnd) {
    this.box = byId("clock");
    this.digits = byId("clock-time");
    this.onEnd = onEnd;
  }

  /** Starts anew with `expiresInS` seconds, counted from `fromMs` of performance.now(). A running
   * clock that agrees goes on, so that no warning is lost or given twice. */
  start(expiresInS, fromMs) {
    const next = new Countdown(expiresInS, fromMs);
    const drift = this.#timer === null ? Infinity : Math.abs(next.endMs - this.#countdown.endMs);
    if (drift < AGREES_MS) return;
    this.stop();
    this.#countdown = next;
    this.box.hidden = false;
    this.#timer = setInterval(() => this.#tick(), TICK_MS);
    this.#tick();
  }

  /** Whether the time that was started last has run out. */
  get over() {
    return this.#countdown !== null && this.#countdown.over(performance.now());
  }

  stop() {
    clearInterval(this.#timer);
    this.#timer = null;
    this.box.hidden = true;
    delete this.box.dataset.late;
  }

  #tick() {
    const now = performance.now();
    const remaining = this.#countdown.remainingS(now);
    const text = clockText(remaining);
    if (this.digits.textContent !== text) this.digits.textContent = text;
    if (remaining <= WARNINGS_S[0]) {
      this.box.dataset.late = remaining <= WARNINGS_S[1] ? "very" : "a-little";
    }
    const warning = this.#countdown.dueWarning(now);
    if (warning !== null) {
      announce(warning === 60 ? say("warn_minute") : say("warn", { n: warning }));
    }
    if (!this.#countdown.over(now)) return;
    this.stop();
    this.onEnd();
  }
}

// A countdown of its own in the page, beside the clock of a hold: a box with a label and digits.

import { clockText, Countdown } from "./countdown.js";
import { byId } from "./dom.js";

/** Often enough that no second is skipped. */
const TICK_MS = 250;

export class Ticker {
  #timer = null;

  /** `name` is that of the elements: `{name}-clock`, `-clock-label`, `-clock-time`. */
  constructor(name) {
    this.box = byId(`${name}-clock`);
    this.label = byId(`${name}-clock-label`);
    this.digits = byId(`${name}-clock-time`);
  }

  /** Shows `seconds` from now on under `label`; null takes the clock away. */
  show(seconds, label = "") {
    clearInterval(this.#timer);
    this.box.hidden = seconds === null;
    if (seconds === null) return;
    this.label.textContent = label;
    const countdown = new Countdown(seconds, performance.now());
    const tick = () => {
      const text = clockText(countdown.remainingS(performance.now()));
      if (this.digits.textContent !== text) this.digits.textContent = text;
    };
    this.#timer = setInterval(tick, TICK_MS);
    tick();
  }
}

// The time left of a hold, on this device's monotonic clock. Pure: the caller brings the time.
// A wall clock would be wrong by hours on some devices; `expires_in` and a stopwatch never are.

/** Seconds at which people are warned. */
export const WARNINGS_S = [60, 20];

export class Countdown {
  /** Starts with `expiresInS` seconds at `nowMs` of performance.now(). */
  constructor(expiresInS, nowMs) {
    this.endMs = nowMs + expiresInS * 1000;
    // A warning that is already behind us is not given late.
    this.pending = WARNINGS_S.filter((warning) => warning < expiresInS);
  }

  remainingS(nowMs) {
    return Math.max(0, Math.ceil((this.endMs - nowMs) / 1000));
  }

  over(nowMs) {
    return nowMs >= this.endMs;
  }

  /** The warning that became due, in seconds, once each; null when none is. */
  dueWarning(nowMs) {
    const remaining = this.remainingS(nowMs);
    const passed = this.pending.filter((warning) => remaining <= warning);
    this.pending = this.pending.filter((warning) => remaining > warning);
    return passed.length > 0 && remaining > 0 ? Math.min(...passed) : null;
  }
}

/** 4:05 */
export function clockText(seconds) {
  return `${Math.floor(seconds / 60)}:${String(seconds % 60).padStart(2, "0")}`;
}

// Decides whether and when a request is tried again. Pure: no network, no clock, no page.

/** Tries of one request, the first included: enough to ride out a change of leader. */
export const TRIES_MAX = 5;
/** The longest wait between two tries, in milliseconds; a longer wish of the server is final. */
export const WAIT_MAX_MS = 5000;
const WAIT_FIRST_MS = 250;

/**
 * Whether trying again with the same key can help. A lost answer (`status` 0) and every 503 may
 * have happened or not; the key makes the repetition harmless.
 */
export function worthRetrying(status) {
  return status === 0 || status === 429 || status === 502 || status === 503 || status === 504;
}

/**
 * Milliseconds to wait before try number `next` (2 is the first repetition), or null to give up.
 * `retryAfterS` is the server's wish in seconds or null; `random` in 0..1 spreads the crowd.
 */
export function waitMs(next, retryAfterS, random) {
  if (next > TRIES_MAX) return null;
  if (retryAfterS !== null) {
    const asked = retryAfterS * 1000;
    return asked > WAIT_MAX_MS ? null : asked + random * 250;
  }
  const grown = WAIT_FIRST_MS * 2 ** (next - 2);
  return Math.min(grown, WAIT_MAX_MS) * (0.5 + random / 2);
}

/** The number of seconds in a `Retry-After` header, or null where there is none that is usable. */
export function retryAfterSeconds(header) {
  if (header === null || !/^\d{1,6}$/.test(header.trim())) return null;
  return Number(header);
}

// What a door's device knows by itself: the key of all codes, void tickets, whom it let in, and
// what is still to be sent. Nothing in here asks the network; the page brings what it learnt.

const NAME = "seatgrid.door";
/** Scans that may wait to be sent: more than one door lets in on an evening. */
export const WAITING_MAX = 5000;
/** Scans that are sent at once. */
const BATCH_MAX = 100;
/** What the server says of tickets that nobody may come in by, here or at another door. */
const VOID = new Set(["refunded", "replaced", "not_paid", "expired"]);
/** Refusals that say nothing of what was sent: signed out, not allowed, too slow, too many. */
const NOT_OF_SCANS = new Set([401, 403, 408, 429]);
/** Codes are shorter; whatever is longer is not looked at. */
const CODE_MAX = 512;

/** Latin letters by the keys of a Russian keyboard: scanners press keys, not letters. */
const CYRILLIC = "йцукенгшщзхъфывапролджэячсмитьбюЙЦУКЕНГШЩЗХЪФЫВАПРОЛДЖЭЯЧСМИТЬБЮ";
const LATIN = "qwertyuiop[]asdfghjkl;'zxcvbnm,.QWERTYUIOP{}ASDFGHJKL:\"ZXCVBNM<>";

/** What a scanner meant where the keyboard was set to Russian. */
export function fromKeys(text) {
  const typed = text.trim();
  if (!/[а-яё]/i.test(typed)) return typed;
  return Array.from(typed, (key) => LATIN[CYRILLIC.indexOf(key)] ?? key).join("");
}

/** {ticket, event, seat, said, signature} of a code; null where it is none of ours. */
export function parse(code) {
  if (code.length > CODE_MAX) return null;
  const match = /^(SG1:([^:]+):([^:]+):([^:]+)):([A-Za-z0-9_-]{86})$/.exec(code);
  if (match === null) return null;
  const [, said, ticket, event, seat, signature] = match;
  return { said, ticket, event, seat, signature };
}

const bytesOf = (base64) => Uint8Array.from(
  atob(base64.replaceAll("-", "+").replaceAll("_", "/")), (c) => c.charCodeAt(0));

/** Whether the shop signed the code; throws where this browser cannot say. */
export async function isSigned({ said, signature }, verifyKey) {
  const key = await crypto.subtle.importKey("raw", bytesOf(verifyKey), { name: "Ed25519" }, false,
    ["verify"]);
  return crypto.subtle.verify({ name: "Ed25519" }, key, bytesOf(signature),
    new TextEncoder().encode(said));
}

/** Forgets the oldest of `named` where there are too many. */
function keepLast(named) {
  const names = Object.keys(named);
  for (const name of names.slice(0, Math.max(0, names.length - WAITING_MAX))) delete named[name];
}

/** Which scan's time the server did not take, by its place in the upload; -1 where it was not
 * that. A scan that was asked about alone is number 0. */
export function wrongTime(problem) {
  if (problem?.status !== 400) return -1;
  for (const { pointer } of problem.body?.errors ?? []) {
    const match = /^(?:\/scans\/(\d+))?\/at$/.exec(pointer ?? "");
    if (match !== null) return Number(match[1] ?? 0);
  }
  return -1;
}

/** Whether the server wants somebody to sign in. */
export const isSignedOut = (problem) => problem?.status === 401 || problem?.status === 403;

/** What to say of the server after these problems. */
export function serverAfter(problems) {
  if (problems.some(isSignedOut)) return "sign_in";
  return problems.length > 0 ? "offline" : "online";
}

/** Sends what `list` has waiting, the oldest first. `ask(scans)` brings what became of each, or
 * throws a Problem; `tellBad(n)` hears of people who are in and should not be. */
export async function sendWaiting(list, ask, tellBad) {
  const held = new Set();
  for (let size = BATCH_MAX; ;) {
    const scans = list.next(size, held);
    if (scans.length === 0) return;
    try {
      const items = await ask(scans);
      list.sent(scans);
      // Whoever waits in the list is in already: a refusal comes too late.
      const bad = items.filter(({ status, conflict }) => status !== "admitted" || conflict).length;
      if (bad > 0) tellBad(bad);
    } catch (problem) {
      const isFinal = problem?.status >= 400 && problem.status < 500
        && !NOT_OF_SCANS.has(problem.status);
      if (!isFinal) throw problem;
      const early = scans[wrongTime(problem)];
      if (early !== undefined) {
        // This device's clock is wrong, not the scan: it goes with the server's time, or later.
        if (!list.clamp(early, problem.serverMs)) held.add(early.nonce);
        continue;
      }
      // One of them can never be taken: find it alone.
      if (scans.length === 1) list.putApart(scans[0]);
      size = 1;
    }
  }
}

export class DoorList {
  #isLeft = false;

  constructor(storage = localStorage) {
    this.storage = storage;
    const empty = { eventId: null, gate: "", verifyKey: null, asOf: null,
      learnedFor: null, revoked: {}, voided: {}, used: {}, waiting: [], refused: [] };
    try {
      this.kept = { ...empty, ...JSON.parse(storage.getItem(NAME) ?? "{}") };
    } catch {
      this.kept = empty;
    }
  }

  /** Which door this is. Another event has other void tickets; what waits to be sent stays. */
  set(eventId, gate, eventName = eventId) {
    if (eventId !== this.kept.eventId) {
      Object.assign(this.kept, { asOf: null, learnedFor: null, revoked: {} });
    }
    Object.assign(this.kept, { eventId, gate, eventName });
    this.#write();
  }

  /** Takes over the answer of GET /events/{id}/revocations, unless the door is for another event
   * by now. What the server said of single tickets stays: the list may be older than that. */
  learn(eventId, { verify_key: verifyKey, as_of: asOf, items }) {
    if (eventId !== this.kept.eventId) return;
    const revoked = Object.fromEntries(items.map((one) => [one.ticket_id, one.reason]));
    Object.assign(this.kept, { verifyKey, asOf, learnedFor: eventId, revoked });
    this.#write();
  }

  /** How many tickets are known to be void. */
  get voidCount() {
    return Object.keys({ ...this.kept.voided, ...this.kept.revoked }).length;
  }

  /** Remembers what the server said of a scan, for the time without it. */
  heard(scan, { status, reason, ticket_id: ticket, first }) {
    if (!ticket) return;
    if (status === "admitted") {
      delete this.kept.voided[ticket];
      this.noteUsed(ticket, scan.at, scan.gate);
    } else if (reason === "already_used") {
      this.noteUsed(ticket, first?.at ?? scan.at, first?.gate ?? scan.gate);
    } else if (VOID.has(reason)) {
      this.kept.voided[ticket] = reason;
      keepLast(this.kept.voided);
      this.#write();
    }
  }

  /** Somebody came in by this ticket, whoever decided it. */
  noteUsed(ticket, at, gate) {
    if (!ticket || this.kept.used[ticket]) return;
    this.kept.used[ticket] = { at, gate };
    keepLast(this.kept.used);
    this.#write();
  }

  get isFull() {
    return this.kept.waiting.length >= WAITING_MAX;
  }

  /** Decides about a code without the server, in the server's words. Who comes in is noted, to be
   * sent later. `scan`: {code, gate, nonce, at, event_id}. */
  async decide(scan) {
    const claim = parse(scan.code);
    const refuse = (reason, rest = {}) => ({ status: "refused", reason, ...rest });
    if (claim === null) return refuse("unknown_code");
    const isKnown = this.kept.verifyKey !== null && this.kept.learnedFor === scan.event_id;
    if (!isKnown) return refuse("no_key");
    const isOurs = await isSigned(claim, this.kept.verifyKey).catch(() => null);
    if (isOurs === null) return refuse("no_way");
    if (!isOurs) return refuse("not_signed");
    if (claim.event !== scan.event_id) return refuse("wrong_event");
    const reason = this.kept.revoked[claim.ticket] ?? this.kept.voided[claim.ticket];
    if (reason !== undefined) return refuse(reason);
    const first = this.kept.used[claim.ticket];
    if (first !== undefined) return refuse("already_used", { first });
    this.kept.waiting.push({ ...scan, force: true });
    this.noteUsed(claim.ticket, scan.at, scan.gate);
    this.#write();
    return { status: "admitted", ticket_id: claim.ticket, seat: claim.seat };
  }

  /** The oldest scans that wait, `max` at most, without those whose nonce is in `held`. */
  next(max, held = new Set()) {
    return this.kept.waiting.filter(({ nonce }) => !held.has(nonce)).slice(0, max);
  }

  /** Nothing that waits was later than the server's clock. Whether that changed `scan`. */
  clamp(scan, serverMs) {
    if (!Number.isFinite(serverMs)) return false;
    const before = scan.at;
    for (const one of this.kept.waiting) {
      if (!(Date.parse(one.at) <= serverMs)) one.at = new Date(serverMs).toISOString();
    }
    this.#write();
    return scan.at !== before;
  }

  /** These were sent. */
  sent(scans) {
    const gone = new Set(scans.map(({ nonce }) => nonce));
    this.kept.waiting = this.kept.waiting.filter(({ nonce }) => !gone.has(nonce));
    this.#write();
  }

  /** The server will never take this one: kept apart, so that the others go on. */
  putApart(scan) {
    this.kept.refused = [...this.kept.refused, scan].slice(-WAITING_MAX);
    this.sent([scan]);
  }

  /** Another tab of this device keeps the list from now on. */
  leave() {
    this.#isLeft = true;
  }

  #write() {
    if (this.#isLeft) return;
    try {
      this.storage.setItem(NAME, JSON.stringify(this.kept));
    } catch {
      // Without storage the device remembers as long as the page is open.
    }
  }
}

// What a door's device knows by itself: the key of all codes, void tickets, whom it let in, and
// what is still to be sent. Nothing in here asks the network; the page brings what it learnt.

const NAME = "seatgrid.door";
/** Scans that may wait to be sent: more than one door lets in on an evening. */
export const WAITING_MAX = 5000;
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

export class DoorList {
  constructor(storage = localStorage) {
    this.storage = storage;
    const empty = { eventId: null, gate: "", verifyKey: null, asOf: null, revoked: {}, used: {},
      waiting: [], refused: [] };
    try {
      this.kept = { ...empty, ...JSON.parse(storage.getItem(NAME) ?? "{}") };
    } catch {
      this.kept = empty;
    }
  }

  /** Which door this is. Another event has other void tickets; what waits to be sent stays. */
  set(eventId, gate, eventName = eventId) {
    if (eventId !== this.kept.eventId) Object.assign(this.kept, { asOf: null, revoked: {} });
    Object.assign(this.kept, { eventId, gate, eventName });
    this.#write();
  }

  /** Takes over the answer of GET /events/{id}/revocations. */
  learn({ verify_key: verifyKey, as_of: asOf, items }) {
    const revoked = Object.fromEntries(items.map((one) => [one.ticket_id, one.reason]));
    Object.assign(this.kept, { verifyKey, asOf, revoked });
    this.#write();
  }

  /** Somebody came in by this ticket, whoever decided it. */
  noteUsed(ticket, at, gate) {
    if (!ticket || this.kept.used[ticket]) return;
    this.kept.used[ticket] = { at, gate };
    const names = Object.keys(this.kept.used);
    for (const name of names.slice(0, Math.max(0, names.length - WAITING_MAX))) {
      delete this.kept.used[name];
    }
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
    if (this.kept.verifyKey === null) return refuse("no_key");
    const isOurs = await isSigned(claim, this.kept.verifyKey).catch(() => null);
    if (isOurs === null) return refuse("no_way");
    if (!isOurs) return refuse("not_signed");
    if (claim.event !== scan.event_id) return refuse("wrong_event");
    const reason = this.kept.revoked[claim.ticket];
    if (reason !== undefined) return refuse(reason);
    const first = this.kept.used[claim.ticket];
    if (first !== undefined) return refuse("already_used", { first });
    this.kept.waiting.push({ ...scan, force: true });
    this.noteUsed(claim.ticket, scan.at, scan.gate);
    this.#write();
    return { status: "admitted", ticket_id: claim.ticket, seat: claim.seat };
  }

  /** The oldest scans that wait, `max` at most. */
  next(max) {
    return this.kept.waiting.slice(0, max);
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

  #write() {
    try {
      this.storage.setItem(NAME, JSON.stringify(this.kept));
    } catch {
      // Without storage the device remembers as long as the page is open.
    }
  }
}

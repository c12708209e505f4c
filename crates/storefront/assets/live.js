// Keeps a Seats object equal to the server: the stream is opened first, then the snapshot is read,
// and deltas that came in between wait for it. That order leaves no gap.

import { ROOT, segment } from "./api.js";

const BITMAP = "application/vnd.seatgrid.bitmap";
/** Deltas kept while a snapshot is under way: at 4 a second that is half a minute. */
const WAITING_MAX = 128;
/** Pauses before the next attempt while the server is out of reach: growing, with jitter, so that
 * the crowd does not come back in one second. Milliseconds. */
const PAUSE_FIRST_MS = 2000;
const PAUSE_MAX_MS = 30_000;
const SNAPSHOT_MS = 8000;

const addressOf = (eventId) => `${ROOT}/events/${segment(eventId)}/seats`;

/** A snapshot asked for early, beside the plan; whoever awaits it is told of its failure. */
export function snapshotOf(eventId) {
  const early = read(addressOf(eventId));
  early.catch(() => null);
  return early;
}

async function read(address) {
  const response = await fetch(address, {
    headers: { Accept: BITMAP }, cache: "no-cache", signal: AbortSignal.timeout(SNAPSHOT_MS),
  });
  if (!response.ok) throw new Error(`HTTP ${response.status}`);
  const version = Number(response.headers.get("Grid-Version"));
  return { version, bytes: new Uint8Array(await response.arrayBuffer()) };
}

export class Live extends EventTarget {
  #address;
  #seats;
  #source = null;
  #waiting = [];
  #reading = false;
  #again = false;
  #pauseMs = PAUSE_FIRST_MS;
  #timer = null;
  #early;

  /** `early`: a snapshot asked for before there was anything to put it in, of `snapshotOf`. */
  constructor(eventId, seats, early = null) {
    super();
    this.#address = addressOf(eventId);
    this.#early = early;
    this.#seats = seats;
    /** Whether what is shown follows the server right now. */
    this.connected = false;
  }

  start() {
    this.#open();
    this.refresh();
    // A phone that slept may have missed anything, whatever its stream believes.
    document.addEventListener("visibilitychange", () => {
      if (document.visibilityState === "visible") this.refresh();
    });
    addEventListener("online", () => this.refresh());
  }

  /** Reads the whole bitmap; while one reading is under way, at most one more is queued. */
  async refresh() {
    if (this.#reading) {
      this.#again = true;
      return;
    }
    this.#reading = true;
    try {
      const early = this.#early;
      this.#early = null;
      const { version, bytes } = await (early ?? read(this.#address));
      this.#seats.replace(version, bytes);
      // What came before the stream was open may lack what happened in between.
      if (early !== null) this.#again = true;
      this.#drain();
      this.#mark(this.#source?.readyState === EventSource.OPEN);
    } catch {
      this.#mark(false);
    } finally {
      this.#reading = false;
      if (this.#again) {
        this.#again = false;
        this.refresh();
      }
    }
  }

  #open() {
    const source = new EventSource(`${this.#address}/stream`);
    this.#source = source;
    source.addEventListener("open", () => this.refresh());
    source.addEventListener("delta", (message) => this.#delta(message.data));
    source.addEventListener("resync", () => {
      this.#seats.forget();
      this.refresh();
    });
    source.addEventListener("error", () => this.#mark(false));
  }

  #delta(text) {
    let delta;
    try {
      delta = JSON.parse(text);
    } catch {
      this.refresh();
      return;
    }
    if (!this.#reading && this.#seats.known) {
      this.#seats.apply(delta);
    } else if (this.#waiting.length < WAITING_MAX) {
      this.#waiting.push(delta);
    } else {
      this.#again = true;
    }
  }

  #drain() {
    const waiting = this.#waiting;
    this.#waiting = [];
    for (const delta of waiting) this.#seats.apply(delta);
  }

  #mark(connected) {
    this.connected = connected;
    this.dispatchEvent(new Event("state"));
    if (connected) this.#pauseMs = PAUSE_FIRST_MS;
    else this.#retryLater();
  }

  /** Without a stream the snapshot is polled. A broken stream is reopened by the browser, a refused
   * one stays closed and is reopened here. */
  #retryLater() {
    if (this.#timer !== null) return;
    this.#timer = setTimeout(() => {
      this.#timer = null;
      if (this.#source.readyState === EventSource.CLOSED) this.#open();
      this.refresh();
    }, this.#pauseMs * (0.5 + Math.random()));
    this.#pauseMs = Math.min(this.#pauseMs * 1.5, PAUSE_MAX_MS);
  }
}

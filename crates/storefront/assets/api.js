// Speaks with the shop's HTTP API: keys, tokens, time-outs, repetition, problems.
// Every other script asks through `call`; none uses fetch for JSON itself.

import { retryAfterSeconds, waitMs, worthRetrying } from "./retry.js";
import { csrfToken, freshen } from "./session.js";

export const ROOT = "/api/v1";
/** How long one try may take, in milliseconds: the server's own budget is 2 s, the rest is air. */
const TRY_MS = 8000;

/** A refusal or failure that the server named; `code` is stable, status 0 means no answer.
 * `serverMs` is the server's clock as it answered, NaN where it did not say. */
export class Problem extends Error {
  constructor(status, body, retryAfterS = null, serverMs = NaN) {
    super(body.title || body.code || `HTTP ${status}`);
    this.status = status;
    this.code = body.code || (status === 0 ? "offline" : "failed");
    this.body = body;
    this.retryAfterS = retryAfterS;
    this.serverMs = serverMs;
  }
}

/**
 * A fresh idempotency key. Version 4 on purpose: a version 7 key carries this device's clock, and
 * a clock that is wrong by hours would make the server refuse the key as too old.
 */
export function newKey() {
  if (crypto.randomUUID) return crypto.randomUUID();
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  bytes[6] = (bytes[6] & 0x0f) | 0x40;
  bytes[8] = (bytes[8] & 0x3f) | 0x80;
  const hex = Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
  return hex.replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, "$1-$2-$3-$4-$5");
}

/**
 * One request, repeated while that can help, always with the same key.
 * `options`: body (object), text ({type, content}, sent as it is), token (X-Hold-Token), key
 * (Idempotency-Key), revision (If-Match), again (a POST that needs no key to be repeated), once
 * (never repeated), withinMs (how long one try may take).
 * Returns the JSON answer (null for 204); throws Problem.
 */
export async function call(method, path, options = {}) {
  await freshen(ROOT);
  for (let next = 2; ; next += 1) {
    const problem = await attempt(method, path, options);
    if (!(problem instanceof Problem)) return problem;
    const repeatable = method !== "POST" || options.key !== undefined || options.again === true;
    const wait = repeatable && options.once !== true && worthRetrying(problem.status)
      ? waitMs(next, problem.retryAfterS, Math.random())
      : null;
    if (wait === null) throw problem;
    await new Promise((done) => setTimeout(done, wait));
  }
}

/** A read of what is the same for everybody, in the very form in which a page's head asks for it
 * early: no headers, and kept by browsers. What goes wrong with it is repeated the usual way. */
export async function callPlain(path) {
  try {
    const answer = await fetch(ROOT + path);
    if (answer.ok) return await answer.json();
  } catch {
    // Tried again below.
  }
  return call("GET", path);
}

/** One try: the answer's JSON, or the Problem as a value. */
async function attempt(method, path, options) {
  let response;
  try {
    response = await fetch(ROOT + path, {
      method,
      headers: headersOf(options),
      body: options.text?.content
        ?? (options.body === undefined ? undefined : JSON.stringify(options.body)),
      credentials: "same-origin",
      cache: "no-store",
      signal: AbortSignal.timeout(options.withinMs ?? TRY_MS),
    });
    if (response.status === 204) return null;
    const json = await response.json().catch(() => null);
    if (response.ok && json !== null) return json;
    const retryAfterS = retryAfterSeconds(response.headers.get("Retry-After"));
    const serverMs = Date.parse(response.headers.get("Date") ?? "");
    return new Problem(response.status, json ?? {}, retryAfterS, serverMs);
  } catch {
    return new Problem(0, {});
  }
}

function headersOf({ body, text, token, key, revision }) {
  const headers = { Accept: "application/json" };
  if (body !== undefined) headers["Content-Type"] = "application/json";
  if (text !== undefined) headers["Content-Type"] = text.type;
  if (revision !== undefined) headers["If-Match"] = `"${revision}"`;
  const csrf = csrfToken();
  if (csrf !== null) headers["X-CSRF-Token"] = csrf;
  if (token) headers["X-Hold-Token"] = token;
  if (key) headers["Idempotency-Key"] = key;
  return headers;
}

/** An id as part of an address. */
export const segment = encodeURIComponent;

/** One intent of the visitor: it keeps its key until the server has given a definite answer, so
 * that pressing a button again after a lost answer cannot do the thing twice. */
export class Intent {
  #text = null;
  #key = "";

  post(path, options) {
    return this.send("POST", path, options);
  }

  /** Like `call`; the same method, path and body continue the same intent. */
  async send(method, path, options) {
    const text = `${method} ${path} ${JSON.stringify(options.body)}`;
    if (text !== this.#text) {
      this.#text = text;
      this.#key = newKey();
    }
    try {
      const answer = await call(method, path, { ...options, key: this.#key });
      this.#text = null;
      return answer;
    } catch (problem) {
      if (!worthRetrying(problem.status)) this.#text = null;
      throw problem;
    }
  }
}

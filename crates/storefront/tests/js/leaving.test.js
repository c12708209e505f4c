// What is left of a person in a shared browser: after signing out and signing in, and by the worker.

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import test from "node:test";
import vm from "node:vm";

const assets = new URL("../../assets/", import.meta.url);
const script = (name) => import(new URL(name, assets));
const ORIGIN = "https://shop.example";
const KEPT = "seatgrid.tickets";

/** Caches as browsers have them: one that was deleted lives on for who holds it, found by nobody. */
class Caches {
  named = new Map();

  async open(name) {
    if (!this.named.has(name)) this.named.set(name, new OneCache());
    return this.named.get(name);
  }

  async delete(name) {
    return this.named.delete(name);
  }

  async match(request, { cacheName }) {
    return this.named.get(cacheName)?.answers.get(request.url);
  }
}

class OneCache {
  answers = new Map();

  async put({ url }, response) {
    this.answers.set(url, response);
  }

  async keys() {
    return [...this.answers.keys()].map((url) => ({ url }));
  }

  async delete({ url }) {
    return this.answers.delete(url);
  }
}

/** The worker with `fetch` in place of the network; `ask(path)` is a page's question. */
function worker(fetch) {
  const caches = new Caches();
  const heard = {};
  const self = { location: { origin: ORIGIN }, addEventListener: (on, act) => { heard[on] = act; } };
  const source = readFileSync(new URL("worker.js", assets), "utf8");
  vm.runInNewContext(source, { caches, fetch, self, URL });
  const ask = (path) => new Promise((done, failed) => {
    const respondWith = (answer) => answer.then(done, failed);
    heard.fetch({ request: { method: "GET", url: ORIGIN + path }, respondWith });
  });
  const kept = () => [...caches.named.get(KEPT)?.answers.keys() ?? []];
  return { caches, ask, kept };
}

test("an answer that is under way at signing out is not kept", async () => {
  let arrive;
  const { caches, ask, kept } = worker(() => new Promise((done) => { arrive = done; }));
  const asked = ask("/api/v1/me/tickets");
  while (arrive === undefined) await new Promise((done) => setImmediate(done));
  await caches.delete(KEPT);
  arrive(new Response("theirs"));
  assert.equal(await (await asked).text(), "theirs");
  assert.deepEqual(kept(), []);
});

test("what is refused is no longer kept, what fails is", async () => {
  let status = 200;
  const { ask, kept } = worker(async () => {
    if (status === 0) throw new TypeError("no network");
    return new Response("{}", { status });
  });
  const path = "/api/v1/orders/one/tickets";
  for (const [refusal, left] of [[401, 0], [403, 0], [404, 0], [500, 1], [503, 1]]) {
    status = 200;
    await ask(path);
    assert.equal(kept().length, 1);
    status = refusal;
    assert.equal((await ask(path)).status, refusal);
    assert.equal(kept().length, left, `after ${refusal}`);
  }
  status = 0;
  assert.equal((await ask(path)).status, 200, "kept for the way without a network");
  await assert.rejects(ask("/api/v1/orders/two/tickets"), TypeError);
});

/** A browser with a session, kept tickets, a hold and an order; `answers` by the call's path. */
function browser(answers) {
  const stored = new Map();
  const caches = new Caches();
  const seen = [];
  globalThis.localStorage = { getItem: (name) => stored.get(name) ?? null,
    setItem: (name, value) => {
      if (name === "seatgrid.session") seen.push(caches.named.has(KEPT));
      stored.set(name, value);
    },
    removeItem: (name) => stored.delete(name) };
  globalThis.caches = caches;
  globalThis.document = { cookie: "seatgrid_csrf=x", getElementById: () => null,
    documentElement: { lang: "en" } };
  globalThis.location = { assign: (to) => seen.push(to), search: "", pathname: "/" };
  globalThis.navigator ??= {};
  globalThis.fetch = async (path) => {
    if (path.endsWith("/login")) globalThis.document.cookie = "seatgrid_csrf=y";
    return Response.json(answers[path.replace("/api/v1", "")] ?? {});
  };
  return { stored, caches, seen };
}

test("signing out leaves neither tickets nor tokens of holds and orders", async () => {
  const { stored, caches, seen } = browser({});
  const { signOut } = await script("who.js");
  const { keepHold, keepOrder, keptHold, keptOrders } = await script("keep.js");
  await caches.open(KEPT);
  keepHold("event", { id: "h", token: "secret" });
  keepOrder("order", { token: "secret" });
  // Whether tickets are left is looked at when the page goes away.
  const left = [];
  globalThis.location.assign = (to) => left.push(to, caches.named.has(KEPT));
  await signOut();
  assert.deepEqual(left, ["/", false]);
  assert.equal(keptHold("event"), null);
  assert.deepEqual(keptOrders(), {});
  assert.deepEqual([...stored.values()], [], `${seen}`);
});

test("who signs in does not get the tickets of who was here before", async () => {
  const tokens = { expires_in: 900, role: "customer" };
  const { stored, caches, seen } = browser({ "/auth/login": tokens, "/me": { name: "Anna" } });
  const { signIn } = await script("signin.js");
  await caches.open(KEPT);
  // That session has ended by itself.
  globalThis.document.cookie = "";
  await signIn({ identifier: "anna", password: "x" });
  assert.ok(seen.length > 0 && seen.every((had) => had === false), `${seen}`);
  assert.equal(JSON.parse(stored.get("seatgrid.session")).name, "Anna");
});

// Seats, selection, plan, view and texts: the parts with memory, still without a page.

import assert from "node:assert/strict";
import { readdirSync, readFileSync } from "node:fs";
import test from "node:test";

const assets = new URL("../../assets/", import.meta.url);
const script = (name) => import(new URL(name, assets));

const { Plan } = await script("plan.js");
const { Seats } = await script("seats.js");
const { Selection } = await script("selection.js");
const { seatAt, Viewport } = await script("viewport.js");
const { say, TABLES } = await script("messages.js");
const { describe } = await script("problem.js");

const price = (value) => ({ value, currency: "RUB" });
const seat = (number, tier, x, y) => ({ number: String(number), tier, x, y, accessible: false });
const hall = () => new Plan({
  tiers: [{ id: "near", price: price("20.00") }, { id: "far", price: price("10.00"), fee: price("0.50") }],
  sections: [
    { id: "A", name: "Stalls", kind: "seated", rows: [
      { label: "1", seats: [seat(1, "near", 0, 0), seat(2, "near", 2, 0), seat(3, "far", 4, 0)] },
    ] },
    { id: "floor", name: "Floor", kind: "area", capacity: 4, tier: "far" },
    { id: "B-x", name: "", kind: "seated", rows: [
      { label: "1", seats: [seat(1, "far", 0, 10)] },
      { label: "2", seats: [seat(1, "far", 0, 12)] },
    ] },
  ],
});
const bitmap = (...statuses) => {
  const bytes = new Uint8Array(Math.ceil(statuses.length / 4));
  statuses.forEach((status, at) => { bytes[at >> 2] |= status << ((at & 3) * 2); });
  return bytes;
};

test("a plan is flattened in the order of appearance", () => {
  const plan = hall();
  assert.equal(plan.count, 9, "five seats and four places");
  assert.deepEqual([...plan.drawn], [0, 1, 2, 7, 8], "places are neither drawn nor listed");
  const ids = Array.from(plan.drawn, (at) => plan.id(at));
  assert.deepEqual(ids, ["A-1-1", "A-1-2", "A-1-3", "B-x-1-1", "B-x-2-1"]);
  ids.forEach((id, at) => assert.equal(plan.find(id), plan.drawn[at]));
  assert.equal(plan.find("A-1-4"), undefined);
  const places = ["floor-1-1", "floor-2-4", "floor-1-5", "floor-1-0", "floor-1-x", "x-1-1"];
  assert.deepEqual(places.map((id) => plan.find(id)),
    [3, 6, undefined, undefined, undefined, undefined]);
  assert.equal(plan.name(4), "Floor");
  assert.deepEqual([...plan.tier], [0, 0, 1, 1, 1, 1, 1, 1, 1]);
  assert.equal(plan.pitch, 2);
  assert.equal(plan.price(2).value, "10.00");
  assert.deepEqual([plan.fullPrice(0).value, plan.fullPrice(2).value], ["20.00", "10.50"]);
  assert.equal(plan.name(7), say("seat_name", { section: "B-x", row: "1", number: "1" }));
  assert.deepEqual(plan.bounds, { left: 0, top: 0, right: 4, bottom: 12 });
});

test("seats follow snapshot and deltas, and never an older state", () => {
  const seats = new Seats(hall());
  const told = [];
  seats.addEventListener("change", ({ detail }) => told.push(detail));
  assert.equal(seats.apply({ v: 9, s: [["A-1-1", "h"]] }), false, "nothing before the snapshot");
  seats.replace(10, bitmap(0, 1, 2, 0, 1, 2, 0, 3, 0));
  assert.deepEqual([...seats.statuses], [0, 1, 2, 0, 1, 2, 0, 3, 0]);
  assert.deepEqual([...seats.free], [1, 3]);
  assert.equal(seats.freeIn(seats.plan.areas[0]), 2);
  assert.equal(seats.apply({ v: 10, s: [["A-1-1", "s"]] }), false);
  assert.equal(seats.apply({ v: 12, s: [["A-1-1", "h"], ["A-1-2", "f"], ["A-9-9", "s"]] }), true);
  assert.deepEqual([...seats.statuses], [1, 0, 2, 0, 1, 2, 0, 3, 0]);
  assert.deepEqual([...seats.free], [1, 3]);
  seats.apply({ v: 13, s: [["B-x-2-1", "s"]], n: { far: 7 } });
  assert.deepEqual([...seats.free], [1, 7], "the server's counts win");
  seats.replace(11, bitmap(0, 0, 0, 0, 0, 0, 0, 0, 0));
  assert.equal(seats.version, 13, "an older snapshot is passed over");
  seats.forget();
  seats.replace(3, bitmap(0, 0, 0, 0, 0, 0, 0, 0, 0));
  assert.deepEqual([seats.version, ...seats.free], [3, 2, 7]);
  assert.deepEqual(told, [null, [0, 1], [8], null]);
});

test("a selection keeps its limit and freezes", () => {
  const selection = new Selection(2);
  assert.deepEqual([1, 2, 3].map((at) => selection.toggle(at)), ["added", "added", "full"]);
  assert.equal(selection.toggle(1), "removed");
  assert.deepEqual(selection.drop([2, 3]), [2]);
  assert.equal(selection.size, 0);
  selection.replace([4]);
  selection.frozen = true;
  assert.equal(selection.toggle(4), "frozen");
  assert.ok(selection.has(4));
});

test("a view fits, zooms about a point, and never loses the hall", () => {
  const plan = hall();
  const view = new Viewport(plan);
  view.fit({ left: -2, top: -2, right: 6, bottom: 14 }, 160, 160);
  assert.equal(view.scale, 10);
  assert.ok(view.whole);
  const [x, y] = view.toScreen(2, 0);
  assert.equal(seatAt(plan, view, x + 1, y - 1, 6), 1);
  assert.equal(seatAt(plan, view, x + 10, y, 6), -1);
  view.zoomAt(2, 80, 80);
  assert.equal(view.scale, 20);
  assert.deepEqual(view.toWorld(80, 80).map(Math.round), [2, 6]);
  view.panBy(100_000, 100_000);
  const [left, top] = view.toScreen(-2, -2);
  assert.ok(left <= 0.001 && left >= -0.001 || left > 0 && left < 160, "still in view");
  assert.ok(Math.abs(top) < 0.001, "the edge stops at the edge");
  view.zoomAt(0.001, 0, 0);
  assert.ok(view.whole);
  view.resize(320, 320);
  assert.equal(view.scale, 20, "a whole hall stays whole");
});

test("both languages say the same things with the same values", () => {
  const { en, ru } = TABLES;
  assert.deepEqual(Object.keys(en).sort(), Object.keys(ru).sort());
  const marks = (entry) => [...new Set(JSON.stringify(entry).match(/\{\w+\}/g))].sort();
  for (const key of Object.keys(en)) assert.deepEqual(marks(en[key]), marks(ru[key]), key);
  assert.equal(say("seats_free", { n: 1 }, "en"), "1 seat free");
  assert.equal(say("seats_free", { n: 3 }, "ru"), "3 места свободно");
  assert.equal(say("seats_free", { n: 11 }, "ru"), "11 мест свободно");
  assert.throws(() => say("no_such_message"));
});

test("every message that a script says exists, and every message is said", () => {
  const names = readdirSync(assets).filter((name) => name.endsWith(".js"));
  const sources = names.filter((name) => name !== "messages.js")
    .map((name) => readFileSync(new URL(name, assets), "utf8")).join("\n");
  for (const [, key] of sources.matchAll(/\bsay\("(\w+)"/g)) {
    assert.ok(Object.hasOwn(TABLES.en, key), key);
  }
  const built = /^(problem|order|ticket|status)_/;
  for (const key of Object.keys(TABLES.en)) {
    assert.ok(built.test(key) || sources.includes(`"${key}"`), `${key} is never said`);
  }
});

test("problems become sentences", () => {
  const problem = (code, body = {}) => ({ code, body });
  assert.equal(describe(problem("overloaded")), say("problem_busy"));
  assert.equal(describe(problem("hold_expired")), say("problem_hold_expired"));
  assert.equal(describe(problem("code_of_tomorrow")), say("problem_failed"));
  assert.equal(describe(new TypeError("x")), say("problem_failed"));
  const opens = describe(problem("sale_not_open", { opens_at: "2027-03-05T16:00:00Z" }));
  assert.match(opens, /2027/);
  assert.equal(describe(problem("sale_not_open")), say("problem_sale_not_open"));
});

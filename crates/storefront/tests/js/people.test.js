// The words of accounts and staff, and the pure parts of their pages, as tables.

import assert from "node:assert/strict";
import { readdirSync, readFileSync } from "node:fs";
import test from "node:test";

const assets = new URL("../../assets/", import.meta.url);
const script = (name) => import(new URL(name, assets));

/** The scripts that speak with a table, with the name by which each of them knows its `tell`. */
function speakers(table) {
  const found = [];
  for (const file of readdirSync(assets).filter((name) => name.endsWith(".js"))) {
    const text = readFileSync(new URL(file, assets), "utf8");
    const taken = new RegExp(`import \\{([^}]*)\\} from "./${table}"`).exec(text)?.[1];
    if (taken === undefined && file !== table) continue;
    found.push({ text, tell: /tell as (\w+)/.exec(taken)?.[1] ?? "tell" });
  }
  return found;
}

/** Whether a word is said somewhere, by itself or put together: audit_${name}, ${name}_sure. */
function isSaid(word, text) {
  if (new RegExp(`"${word}"|\\b${word}:|\\.${word}\\b`).test(text)) return true;
  const heads = [...text.matchAll(/`(\w+_)\$\{/g)].map(([, head]) => head);
  const tails = [...text.matchAll(/\}(_\w+)`/g)].map(([, tail]) => tail);
  return heads.some((head) => word.startsWith(head)) || tails.some((tail) => word.endsWith(tail));
}

test("every word is there, in both languages, and is used", async () => {
  for (const name of readdirSync(assets).filter((file) => file.startsWith("words-"))) {
    const { TABLES } = await script(name);
    assert.deepEqual(Object.keys(TABLES.en), Object.keys(TABLES.ru), name);
    const users = speakers(name);
    for (const { text, tell } of users) {
      for (const [, word] of text.matchAll(new RegExp(`\\b${tell}\\("([^"]+)"`, "g"))) {
        assert.ok(word in TABLES.en, `${name}: ${word}`);
      }
    }
    const text = users.filter((one) => !one.text.includes("const EN = {")).map((one) => one.text)
      .join("\n");
    for (const [word, entry] of Object.entries(TABLES.en)) {
      assert.ok(isSaid(word, text) || users.some((one) => one.text.includes(`tell("${word}"`)),
        `${name}: nobody says ${word}`);
      const marks = (one) => [...JSON.stringify(one).matchAll(/\{(\w+)\}/g)].map(([, m]) => m);
      const unique = (one) => [...new Set(marks(one))].sort();
      assert.deepEqual(unique(entry), unique(TABLES.ru[word]), `${name}: marks of ${word}`);
    }
  }
});

test("a plan's file is read as far as a preview needs it", async () => {
  const { countOf, readPlan } = await script("csv.js");
  const csv = "section,row,number,tier,x,y,flags\r\nB,4,11,back,1.5,2,accessible\n"
    + "B,4,12,\"back, left\",2.5,2,\nfloor,,500,dance,,,area\n\n";
  const plan = readPlan(csv);
  assert.deepEqual(plan.faults, []);
  assert.equal(countOf(plan.sections), 502);
  assert.deepEqual(plan.sections.map(({ id, area }) => [id, area]),
    [["B", false], ["floor", true]]);
  assert.equal(plan.sections[0].seats[1].tier, "back, left");
  assert.equal(readPlan("section;row\n").faults.length, 1);
  assert.equal(readPlan("section,row,number,tier,x,y,flags\nB,4\n").faults[0].line, 2);
  assert.equal(readPlan("{ nonsense").faults.length, 1);
  const json = JSON.stringify({ sections: [{ id: "A", kind: "seated", rows: [{ label: "1",
    seats: [{ number: "1", tier: "a", x: 0, y: 0 }] }] }, { id: "F", kind: "area", capacity: 7 }] });
  assert.equal(countOf(readPlan(json).sections), 8);
});

test("figures between two readings", async () => {
  const { between, reading } = await script("metrics.js");
  const text = (n, bad, s) => `# HELP x\nseatgrid_http_requests_total{route="/api/v1/a",method="GET",`
    + `status="200"} ${n}\nseatgrid_http_requests_total{route="/api/v1/a",method="GET",status="503"}`
    + ` ${bad}\nseatgrid_http_requests_total{route="/",method="GET",status="200"} 99\n`
    + `seatgrid_http_request_seconds_sum{route="/api/v1/a"} ${s}\n`
    + `seatgrid_http_request_seconds_count{route="/api/v1/a"} ${n + bad}\n`;
  const told = between(reading(text(10, 0, 1)), reading(text(28, 2, 1.2)), 2);
  assert.equal(told.perSecond, 10);
  assert.equal(told.failures, 2);
  assert.ok(Math.abs(told.meanMs - 10) < 1e-9, String(told.meanMs));
  const restarted = between(reading(text(10, 0, 1)), reading(text(1, 0, 0.1)), 1);
  assert.deepEqual([restarted.perSecond, restarted.meanMs], [0, 0]);
});

test("a chart keeps its newest values at the right", async () => {
  const { points } = await script("chart.js");
  assert.equal(points([0, 10], 3), "160.0,92.0 316.0,4.0");
  assert.equal(points([5], 3, 10), "316.0,48.0");
});

test("what happened to an order, in order of time", async () => {
  const { timelineOf } = await script("timeline.js");
  const amount = { value: "10.00", currency: "RUB" };
  const order = { created_at: "2027-01-01T00:00:00Z", status: "refunded",
    paid_at: "2027-01-01T00:02:00Z", expires_at: "2027-01-01T00:05:00Z",
    payments: [{ created_at: "2027-01-01T00:01:00Z", method: "bank_card", status: "succeeded",
      settled_as: "retaken" }],
    refunds: [{ created_at: "2027-01-02T00:00:00Z", status: "succeeded", amount }] };
  const steps = timelineOf(order);
  assert.deepEqual(steps.map(({ at }) => at.slice(8, 16)),
    ["01T00:00", "01T00:01", "01T00:02", "01T00:02", "02T00:00"]);
  const ends = (status) => timelineOf({ ...order, status, refunds: [] }).at(-1).at;
  assert.equal(ends("expired"), order.expires_at);
  assert.equal(ends("cancelled"), null);
});

test("the time until a sale opens, in its two greatest units", async () => {
  const { leftText } = await script("saleclock.js");
  const table = [[0, "0 мин 0 с"], [61_500, "1 мин 2 с"], [3_600_000, "1 ч 0 мин"],
    [90_000_000, "1 д 1 ч"], [-5, "0 мин 0 с"]];
  for (const [ms, text] of table) assert.equal(leftText(ms), text);
});

test("the nearest free seats of the same price stand in for lost ones", async () => {
  const { nearestTo } = await script("nearest.js");
  const plan = { drawn: [0, 1, 2, 3, 4, 5], x: [0, 1, 2, 3, 4, 5], y: [0, 0, 0, 0, 0, 0],
    tier: [0, 0, 0, 0, 1, 0], accessible: [0, 0, 0, 0, 0, 1] };
  const free = new Set([0, 1, 4, 5]);
  const isFree = (seat) => free.has(seat);
  assert.deepEqual(nearestTo(plan, [2], isFree, []), [1]);
  assert.deepEqual(nearestTo(plan, [2], isFree, [1]), [0], "what is chosen already is not offered");
  assert.deepEqual(nearestTo(plan, [2, 3], isFree, []), [1, 0]);
  assert.deepEqual(nearestTo(plan, [2, 3], isFree, [0, 1]), [], "none of this price is free");
});

test("the board expects what all sales expect together", async () => {
  const { expectation, percent } = await script("outlook.js");
  const told = expectation([{ expiring: { by_minute: [1, 0, 2, 0, 0], later: 4 } }, {},
    { expiring: { by_minute: [3, 1, 0, 0, 5], later: 1 } }]);
  assert.deepEqual(told, { byMinute: [4, 1, 2, 0, 5], later: 5, all: 12 });
  assert.deepEqual(expectation([]), { byMinute: [], later: 0, all: 0 });
  const table = [[0, 0, 0], [0, 9, 0], [1, 1000, 1], [1, 3, 33], [5, 5, 100]];
  for (const [part, all, told] of table) assert.equal(percent(part, all), told);
});

test("what was told of an order stands in order, without kinds that the page does not know", async () => {
  const { linesOf } = await script("told.js");
  const notice = (kind, minute) => ({ kind, at: `2027-01-01T00:0${minute}:00.000Z` });
  const lines = linesOf([notice("event_moved", 3), notice("news", 2), notice("hold_expired", 1)]);
  assert.deepEqual(lines.map(({ at }) => at.slice(15, 16)), ["1", "3"]);
  assert.ok(lines.every(({ text }) => text.length > 5));
});

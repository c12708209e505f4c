// The pure parts of the scripts, as tables. Run by the crate's own tests, or by `node --test` here.

import assert from "node:assert/strict";
import test from "node:test";

const script = (name) => import(new URL(`../../assets/${name}`, import.meta.url));

const { decode, statusOfLetter } = await script("bitmap.js");
const { Countdown, clockText } = await script("countdown.js");
const { moneyText, sum } = await script("money.js");
const { retryAfterSeconds, TRIES_MAX, waitMs, WAIT_MAX_MS, worthRetrying } =
  await script("retry.js");
const { fieldOfPointer, wrongFields } = await script("buyer.js");
const { canPay, hasTickets, nextQuestionMs, stateOf } = await script("orderstate.js");
const { momentText } = await script("when.js");

test("a bitmap holds two bits a seat, little end first", () => {
  assert.deepEqual([...decode(Uint8Array.of(0b11100100), 4)], [0, 1, 2, 3]);
  assert.deepEqual([...decode(Uint8Array.of(0b00000001, 0b00000010), 5)], [1, 0, 0, 0, 2]);
  assert.deepEqual([...decode(Uint8Array.of(), 0)], []);
  assert.throws(() => decode(Uint8Array.of(0), 5), RangeError);
  const letters = ["f", "h", "s", "b", "x", "constructor"].map(statusOfLetter);
  assert.deepEqual(letters, [0, 1, 2, 3, undefined, undefined]);
});

test("a countdown warns once at 60 and at 20 seconds and ends once", () => {
  const countdown = new Countdown(90, 1000);
  const table = [
    [1000, 90, null], [30_999, 61, null], [31_000, 60, 60], [31_250, 60, null],
    [70_999, 21, null], [71_001, 20, 20], [71_300, 20, null], [90_999, 1, null],
  ];
  for (const [now, remaining, warning] of table) {
    assert.equal(countdown.remainingS(now), remaining, `remaining at ${now}`);
    assert.equal(countdown.dueWarning(now), warning, `warning at ${now}`);
    assert.equal(countdown.over(now), false);
  }
  assert.equal(countdown.over(91_000), true);
  assert.equal(countdown.remainingS(95_000), 0);
});

test("a short countdown gives no late warning, a sleeping one only the nearest", () => {
  assert.equal(new Countdown(15, 0).dueWarning(1000), null);
  const slept = new Countdown(300, 0);
  assert.equal(slept.dueWarning(285_000), 20);
  assert.equal(slept.dueWarning(286_000), null);
  assert.equal(new Countdown(300, 0).dueWarning(301_000), null);
  assert.deepEqual([0, 5, 65, 600].map(clockText), ["0:00", "0:05", "1:05", "10:00"]);
});

test("money is summed exactly and written for its reader", () => {
  const money = (value, currency = "RUB") => ({ value, currency });
  assert.deepEqual(sum([money("0.10"), money("0.20")]), money("0.30"));
  assert.deepEqual(sum([money("3500.00"), money("1500")]), money("5000.00"));
  assert.deepEqual(sum([money("7"), money("5")]), money("12"));
  assert.deepEqual(sum([money("90071992547409.93"), money("0.01")]), money("90071992547409.94"));
  assert.equal(sum([]), null);
  assert.equal(moneyText(money("3500.00"), "ru-RU").replace(/\s/g, " "), "3 500 ₽");
  assert.equal(moneyText(money("3500.50"), "ru-RU").replace(/\s/g, " "), "3 500,50 ₽");
  assert.equal(moneyText(money("3500.00"), "en-GB"), "₽3,500");
});

test("only what may help is tried again, within limits", () => {
  const retried = [0, 200, 400, 404, 409, 410, 422, 429, 500, 502, 503, 504].filter(worthRetrying);
  assert.deepEqual(retried, [0, 429, 502, 503, 504]);
  assert.equal(waitMs(2, null, 1), 250);
  assert.equal(waitMs(3, null, 0), 250);
  assert.equal(waitMs(2, 2, 0), 2000);
  assert.equal(waitMs(2, 60, 0), null, "a long wish is an answer");
  assert.equal(waitMs(TRIES_MAX + 1, null, 0), null);
  for (let next = 2; next <= TRIES_MAX; next += 1) {
    assert.ok(waitMs(next, null, 1) <= WAIT_MAX_MS);
  }
  const headers = [null, "3", " 7 ", "-1", "soon", "Wed, 21 Oct 2026 07:28:00 GMT"];
  assert.deepEqual(headers.map(retryAfterSeconds), [null, 3, 7, null, null, null]);
});

test("details are checked field by field", () => {
  const good = { name: "Анна", email: "a@b.ru", phone: "+7 (900) 000-00-00", consent: true };
  const table = [
    [{}, []],
    [{ name: "  " }, ["name"]],
    [{ email: "a@b" }, ["email"]],
    [{ email: "a b@c.ru" }, ["email"]],
    [{ phone: "12345" }, ["phone"]],
    [{ phone: "phone 9000000000" }, ["phone"]],
    [{ phone: "1".repeat(16) }, ["phone"]],
    [{ consent: false }, ["consent"]],
    [{ name: "", email: "", phone: "", consent: false }, ["name", "email", "phone", "consent"]],
  ];
  for (const [change, wrong] of table) {
    assert.deepEqual(wrongFields({ ...good, ...change }), wrong, JSON.stringify(change));
  }
  const pointers = ["/buyer/email", "/buyer/phone", "/consents/0", "/hold_id", "/buyer/emails"];
  assert.deepEqual(pointers.map(fieldOfPointer), ["email", "phone", "consent", null, null]);
});

test("an order is shown as the server tells it", () => {
  const pay = (status) => [{ id: "p", status }];
  const table = [
    ["pending_payment", [], "pending", true],
    ["pending_payment", pay("pending"), "confirming", true],
    ["pending_payment", pay("waiting_for_capture"), "confirming", true],
    ["pending_payment", pay("succeeded"), "confirming", true],
    ["pending_payment", pay("canceled"), "declined", true],
    ["pending_payment", [...pay("canceled"), ...pay("pending")], "confirming", true],
    ["paid", pay("succeeded"), "paid", false],
    ["expired", [], "expired", false],
    ["expired", pay("pending"), "expired", true],
    ["cancelled", [], "cancelled", false],
    ["refund_pending", pay("succeeded"), "refund_pending", true],
    ["refunded", pay("succeeded"), "refunded", false],
    ["partially_refunded", pay("succeeded"), "partially_refunded", false],
    ["something_new", [], "unknown", false],
  ];
  for (const [status, payments, state, asksAgain] of table) {
    const order = { status, payments };
    assert.equal(stateOf(order), state, status);
    assert.equal(nextQuestionMs(order, 0) !== null, asksAgain, status);
    assert.equal(canPay(state), state === "pending" || state === "declined");
  }
  assert.equal(stateOf({ status: "pending_payment" }), "pending");
  const offered = { status: "expired", payments: pay("succeeded"), offer: { seats: [] } };
  assert.equal(stateOf(offered), "offer");
  assert.notEqual(nextQuestionMs(offered, 99), null, "somebody may answer it elsewhere");
  assert.deepEqual(["paid", "pending", "refunded"].map(hasTickets), [true, false, true]);
  assert.ok(nextQuestionMs({ status: "pending_payment" }, 99) > 5000, "slower in the long run");
});

test("moments are told in the venue's zone", () => {
  const text = momentText("2027-03-05T16:00:00.000Z", "Europe/Moscow", "en-GB");
  assert.match(text, /5 March 2027/);
  assert.match(text, /19:00/);
  assert.throws(() => momentText("2027-03-05T16:00:00Z", "Nowhere/Land", "en-GB"), RangeError);
});

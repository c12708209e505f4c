// The door's device by itself: keys of a Russian keyboard, true and false codes, who came in before,
// what waits to be sent.

import assert from "node:assert/strict";
import test from "node:test";

const script = (name) => import(new URL(`../../assets/${name}`, import.meta.url));
const { DoorList, fromKeys, parse, sendWaiting, serverAfter } = await script("staff-doorlist.js");

/** A device's storage. */
function storage() {
  const kept = new Map();
  return { getItem: (name) => kept.get(name) ?? null, setItem: (name, text) => kept.set(name, text) };
}

const keys = await crypto.subtle.generateKey({ name: "Ed25519" }, true, ["sign", "verify"]);
const base64 = (bytes) => Buffer.from(bytes).toString("base64");
const verifyKey = base64(await crypto.subtle.exportKey("raw", keys.publicKey));

async function codeOf(ticket, event = "gala") {
  const said = `SG1:${ticket}:${event}:P-1-2`;
  const signature = await crypto.subtle.sign({ name: "Ed25519" }, keys.privateKey,
    new TextEncoder().encode(said));
  return `${said}:${Buffer.from(signature).toString("base64url")}`;
}

let made = 0;
const scan = (code) => {
  made += 1;
  return { code, gate: "North", nonce: `n${made}`, at: "2027-03-05T16:00:00.000Z",
    event_id: "gala" };
};

/** The server's list of void tickets. */
const listed = (reasons = {}) => ({ verify_key: verifyKey, as_of: null,
  items: Object.entries(reasons).map(([id, reason]) => ({ ticket_id: id, reason })) });

function door(kept = storage()) {
  const list = new DoorList(kept);
  list.set("gala", "North", "Gala");
  list.learn("gala", listed({ t2: "refunded" }));
  return list;
}

test("what a scanner types on a Russian keyboard is what it meant", () => {
  assert.equal(fromKeys("ЫП1Жеы_-9Жпфдф"), "SG1:ts_-9:gala");
  assert.equal(fromKeys(" SG1:t1:gala \n"), "SG1:t1:gala");
});

test("only our form is a code", async () => {
  const code = await codeOf("t1");
  assert.equal(parse(code).ticket, "t1");
  for (const other of ["", "SG1", code.slice(0, -1), code.replace("SG1", "SG2"), `${code}:x`,
    `SG1:${"x".repeat(600)}`]) {
    assert.equal(parse(other), null, other);
  }
});

test("a device decides by key, event, list and memory", async () => {
  const list = door();
  const reason = async (code) => (await list.decide(scan(code))).reason;
  assert.equal(await reason("nothing"), "unknown_code");
  const code = await codeOf("t1");
  const other = await codeOf("t3");
  const forged = code.slice(0, -86) + other.slice(-86);
  assert.equal(await reason(forged), "not_signed");
  assert.equal(await reason(await codeOf("t1", "opera")), "wrong_event");
  assert.equal(await reason(await codeOf("t2")), "refunded");
  assert.equal((await list.decide(scan(code))).status, "admitted");
  const again = await list.decide(scan(code));
  assert.deepEqual([again.status, again.reason, again.first.gate],
    ["refused", "already_used", "North"]);
  list.noteUsed("t3", "2027-03-05T16:01:00.000Z", "South");
  assert.equal(await reason(other), "already_used");
  assert.equal(list.kept.waiting.length, 1, "who was refused is not sent");
});

test("without the key nobody comes in", async () => {
  const list = new DoorList(storage());
  list.set("gala", "North");
  assert.equal((await list.decide(scan(await codeOf("t1")))).reason, "no_key");
  list.learn("gala", { ...listed(), verify_key: "not a key" });
  assert.equal((await list.decide(scan(await codeOf("t1")))).reason, "no_way");
});

test("what waits outlives the page, and goes as it was decided", async () => {
  const kept = storage();
  const list = door(kept);
  for (const ticket of ["t1", "t3", "t4"]) await list.decide(scan(await codeOf(ticket)));
  const after = new DoorList(kept);
  const [first, second] = after.next(2);
  assert.equal(first.force, true);
  assert.equal(first.at, "2027-03-05T16:00:00.000Z");
  after.putApart(first);
  after.sent([second]);
  assert.equal(after.kept.waiting.length, 1);
  assert.equal(after.kept.refused.length, 1);
  after.set("opera", "North");
  assert.deepEqual([after.kept.revoked, after.kept.waiting.length], [{}, 1]);
});

test("what the server refused is refused without it as well", async () => {
  const kept = storage();
  const list = door(kept);
  const hear = (ticket, reason, first = null) =>
    list.heard(scan(""), { status: "refused", reason, ticket_id: ticket, first });
  hear("t5", "already_used", { at: "2027-03-05T15:00:00Z", gate: "South" });
  for (const reason of ["refunded", "replaced", "not_paid", "expired"]) hear(reason, reason);
  hear("t6", "wrong_event");
  hear(null, "unknown_code");
  // The list is older than what was said at the door.
  list.learn("gala", listed());
  const after = new DoorList(kept);
  assert.equal(after.voidCount, 4);
  const used = await after.decide(scan(await codeOf("t5")));
  assert.deepEqual([used.reason, used.first.gate], ["already_used", "South"]);
  for (const reason of ["refunded", "replaced", "not_paid", "expired"]) {
    assert.equal((await after.decide(scan(await codeOf(reason)))).reason, reason);
  }
  assert.equal((await after.decide(scan(await codeOf("t6")))).status, "admitted");
  after.heard(scan(""), { status: "admitted", ticket_id: "not_paid" });
  assert.equal((await after.decide(scan(await codeOf("not_paid")))).reason, "already_used");
});

test("a device decides about an event only by that event's list", async () => {
  const list = door();
  const opera = async () =>
    list.decide({ ...scan(await codeOf("t1", "opera")), event_id: "opera" });
  list.set("opera", "North");
  assert.equal((await opera()).reason, "no_key");
  list.learn("gala", listed({ t1: "refunded" }));
  assert.deepEqual([list.kept.learnedFor, list.kept.revoked], [null, {}], "comes too late");
  assert.equal((await opera()).reason, "no_key");
  list.learn("opera", listed());
  assert.equal((await opera()).status, "admitted");
  list.set("gala", "North");
  assert.equal((await list.decide(scan(await codeOf("t2")))).reason, "no_key", "its list is gone");
});

/** A list with these tickets waiting. */
async function waitingFor(...tickets) {
  const list = door();
  for (const ticket of tickets) await list.decide(scan(await codeOf(ticket)));
  return list;
}
const admitted = (scans) => scans.map(() => ({ status: "admitted", conflict: false }));
const refusal = (status, pointer, serverMs = NaN) =>
  ({ status, serverMs, body: pointer ? { errors: [{ pointer }] } : {} });

test("everybody who is in and should not be is told of", async () => {
  const list = await waitingFor("t1", "t3", "t4");
  const told = [];
  await sendWaiting(list, async () => [{ status: "admitted", conflict: false },
    { status: "refused", reason: "refunded", conflict: false },
    { status: "admitted", conflict: true }], (n) => told.push(n));
  assert.deepEqual([told, list.kept.waiting.length], [[2], 0]);
});

test("one scan that is never taken does not hold up the others", async () => {
  for (const status of [400, 404, 409, 422]) {
    const list = await waitingFor("t1", "t3", "t4");
    const bad = list.kept.waiting[1].nonce;
    await sendWaiting(list, async (scans) => {
      if (scans.some(({ nonce }) => nonce === bad)) throw refusal(status, "/scans/0/gate");
      return admitted(scans);
    }, assert.fail);
    assert.deepEqual(list.kept.refused.map(({ nonce }) => nonce), [bad], String(status));
    assert.equal(list.kept.waiting.length, 0);
  }
  for (const status of [0, 401, 403, 429, 503]) {
    const list = await waitingFor("t1");
    const ask = async () => {
      throw refusal(status);
    };
    await assert.rejects(sendWaiting(list, ask, assert.fail), { status });
    assert.deepEqual([list.kept.waiting.length, list.kept.refused], [1, []], String(status));
  }
});

test("a clock that is ahead loses no scan", async () => {
  const serverMs = Date.parse("2027-03-05T15:00:00Z");
  const server = (known) => async (scans) => {
    const early = scans.findIndex(({ at }) => Date.parse(at) > serverMs);
    if (early >= 0) throw refusal(400, `/scans/${early}/at`, known);
    return admitted(scans);
  };
  const list = await waitingFor("t1", "t3", "t4");
  list.kept.waiting[0].at = "2027-03-05T14:00:00.000Z";
  const [before] = list.kept.waiting;
  await sendWaiting(list, server(NaN), assert.fail);
  assert.deepEqual([list.kept.waiting.length, list.kept.refused], [2, []]);
  assert.equal(before.at, "2027-03-05T14:00:00.000Z");
  const [later] = list.kept.waiting;
  await sendWaiting(list, server(serverMs), assert.fail);
  assert.equal(later.at, "2027-03-05T15:00:00.000Z");
  assert.deepEqual([list.kept.waiting, list.kept.refused], [[], []]);
});

test("who is signed out is told so", () => {
  assert.equal(serverAfter([]), "online");
  assert.equal(serverAfter([{ status: 503 }]), "offline");
  assert.equal(serverAfter([{ status: 503 }, { status: 401 }]), "sign_in");
  assert.equal(serverAfter([{ status: 403 }]), "sign_in");
});

/** Locks as browsers have them, of one name. */
function locks() {
  let holder = null;
  return { request: (_, { steal, signal }, work) => new Promise((resolve, reject) => {
    const take = () => {
      holder = { reject };
      work().then(resolve, reject);
    };
    if (holder === null) take();
    else if (steal) {
      holder.reject(new Error("AbortError"));
      take();
    } else signal.addEventListener("abort", () => reject(signal.reason));
  }) };
}

test("one tab of a device is the door, until another takes it", async () => {
  const { takeDoor } = await script("staff-doorlock.js");
  const device = locks();
  // Node does not stay awake for the limit of a signal.
  const awake = setInterval(() => {}, 1000);
  let lost = 0;
  assert.equal(await takeDoor(() => { lost += 1; }, false, device), true);
  assert.equal(await takeDoor(() => {}, false, device), false, "it waits no longer than a moment");
  assert.equal(lost, 0);
  assert.equal(await takeDoor(() => {}, true, device), true);
  assert.equal(lost, 1);
  assert.equal(await takeDoor(() => {}, false, null), true, "a browser without locks");
  clearInterval(awake);
});

test("a tab that lost the door writes nothing over the other's scans", async () => {
  const kept = storage();
  const before = door(kept);
  assert.equal((await before.decide(scan(await codeOf("t1")))).status, "admitted");
  before.leave();
  const after = new DoorList(kept);
  assert.equal(after.next(10).length, 1, "what the tab before let in is known");
  assert.equal((await after.decide(scan(await codeOf("t3")))).status, "admitted");
  before.sent(before.next(10));
  assert.equal(new DoorList(kept).next(10).length, 2);
});

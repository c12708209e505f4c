// The door's device by itself: keys of a Russian keyboard, true and false codes, who came in before,
// what waits to be sent.

import assert from "node:assert/strict";
import test from "node:test";

const script = (name) => import(new URL(`../../assets/${name}`, import.meta.url));
const { DoorList, fromKeys, parse } = await script("staff-doorlist.js");

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

function door(kept = storage()) {
  const list = new DoorList(kept);
  list.set("gala", "North", "Gala");
  list.learn({ verify_key: verifyKey, as_of: null, items: [{ ticket_id: "t2", reason: "refunded" }] });
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
  list.learn({ verify_key: "not a key", as_of: null, items: [] });
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

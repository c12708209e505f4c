// Notices that the worker shows: what was pushed, once for each thing, and where they lead.

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import test from "node:test";
import vm from "node:vm";

/** The worker, with what it shows and opens. */
function worker() {
  const heard = {};
  const [shown, opened] = [[], []];
  const self = {
    addEventListener: (on, act) => {
      heard[on] = act;
    },
    registration: { showNotification: async (title, options) => shown.push([title, options]) },
    clients: { openWindow: async (path) => opened.push(path) },
  };
  const source = readFileSync(new URL("../../assets/worker.js", import.meta.url), "utf8");
  vm.runInNewContext(source, { self, encodeURIComponent });
  const tell = async (on, event) => {
    let work = null;
    heard[on]({ ...event, waitUntil: (promise) => {
      work = promise;
    } });
    await work;
  };
  return { tell, shown, opened };
}

test("what is pushed is shown, once for each thing", async () => {
  const { tell, shown } = worker();
  const data = { title: "Moved", body: "Now at eight.", kind: "event_moved", about: "o7-1" };
  await tell("push", { data: { json: () => data } });
  await tell("push", { data: null });
  const [[title, options], [bare]] = shown;
  assert.deepEqual([title, options.body, options.tag], ["Moved", "Now at eight.", "event_moved o7-1"]);
  assert.equal(bare, "seatgrid", "a browser wants to see something for each push");
});

test("a notice leads to its order, and nowhere else", async () => {
  const { tell, opened } = worker();
  let closed = 0;
  for (const about of ["o7-1", "w7-1", "https://elsewhere.example", undefined, "o/../x"]) {
    const notification = { data: { about }, close: () => {
      closed += 1;
    } };
    await tell("notificationclick", { notification });
  }
  assert.deepEqual(opened, ["/orders/o7-1", "/account", "/account", "/account", "/orders/o%2F..%2Fx"]);
  assert.equal(closed, 5);
});

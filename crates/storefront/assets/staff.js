// What the pages of staff share: who may see them, lists read whole, orders given once.

import { cabinet, notice } from "./account.js";
import { call, newKey, segment } from "./api.js";
import { byId, make } from "./dom.js";
import { sureButton } from "./forms.js";
import { isStaff } from "./session.js";
import { tell } from "./words-staff.js";

/** Pages of one list that are read at most; 100 entries each. */
const PAGES_MAX = 20;

/** Builds a page of staff; whoever else comes is sent to their own cabinet. */
export function staff(build) {
  return cabinet(async (me) => {
    await build(me);
    if (me.second_factor) return;
    const told = notice(tell("no_second_factor"));
    told.append(" ", make("a", { href: "/account/security" }, tell("set_it_up")));
    byId("app").prepend(told);
  }, isStaff);
}

/** All entries of a list. */
export async function all(path) {
  const items = [];
  let cursor = null;
  for (let page = 0; page < PAGES_MAX; page += 1) {
    const query = new URLSearchParams({ limit: "100", ...(cursor ? { cursor } : {}) });
    const answer = await call("GET", `${path}?${query}`);
    items.push(...answer.items);
    cursor = answer.next_cursor;
    if (!cursor) break;
  }
  return items;
}

/** The way from an entry back to its list. */
export const backLink = () => make("p", {}, make("a", { href: location.pathname }, tell("back")));

/** Edits an entry of the list `path`, as it was read. */
export const change = (path, { id, revision }, body) =>
  call("PATCH", `${path}/${segment(id)}`, { body, revision, key: newKey() });

/** A button that removes an entry of the list `path`, after a question, and goes to the list. */
export function removeButton(path, { id, name, revision }) {
  return sureButton({ text: tell("remove"), sure: tell("remove_sure", { name }),
    yes: tell("remove"), no: tell("no"), act: async () => {
      await call("DELETE", `${path}/${segment(id)}`, { revision, key: newKey() });
      location.assign(location.pathname);
    } });
}

/** An order of staff, under a key of its own. */
export const order = (path, body) => call("POST", path, { body, key: newKey() });

/** The value of `?name=` in the address, or null. */
export const asked = (name) => new URLSearchParams(location.search).get(name);

/** Facts as pairs of words and values. */
export function facts(pairs) {
  const items = pairs.filter(([, value]) => value !== null && value !== undefined && value !== "")
    .map(([name, value]) => make("div", {}, make("dt", {}, name), make("dd", {}, value)));
  return make("dl", { className: "facts-list" }, ...items);
}

/** A table with a heading for each column; numbers stand to the right. */
export function table(caption, heads, rows) {
  const head = make("tr", {}, ...heads.map((text) => make("th", { scope: "col" }, text)));
  const cell = (value) => make("td", typeof value === "number" ? { className: "number" } : {},
    value instanceof Node ? value : (value ?? "").toLocaleString());
  const body = rows.map((row) => make("tr", {}, ...row.map(cell)));
  const element = make("table", { className: "data" },
    make("caption", { className: "visually-hidden" }, caption),
    make("thead", {}, head), make("tbody", {}, ...body));
  return make("div", { className: "scroll", tabIndex: 0, role: "region", "aria-label": caption },
    element);
}

/** `2027-03-05T16:00:00.000Z` as a field for date and time has it, in this device's zone. */
export function localInput(at) {
  if (!at) return "";
  const moment = new Date(at);
  const local = new Date(moment.getTime() - moment.getTimezoneOffset() * 60_000);
  return local.toISOString().slice(0, 16);
}

/** The moment that such a field names; null where it is empty. */
export const fromInput = (text) => (text ? new Date(text).toISOString() : null);

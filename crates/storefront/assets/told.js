// What the shop told about an order, for guests too: a letter may be lost, the order's page is not.

import { call, segment } from "./api.js";
import { byId, make } from "./dom.js";
import { momentText } from "./when.js";
import { tell } from "./words-notify.js";

/** Notices are written down by another process, a moment after what they tell. */
const AGAIN_MS = 5000;

/** Lines of the list, the newest last, as the rest of the page has it; pure. */
export function linesOf(notices) {
  const known = notices.filter(({ kind }) => tell.knows(`kind_${kind}`));
  return known.reverse().map(({ kind, at }) => ({ text: tell(`kind_${kind}`), at }));
}

async function look(orderId, token) {
  const path = `/orders/${segment(orderId)}/notices`;
  // Pleasant to have; the order stands without it.
  const found = await call("GET", path, { token, once: true }).catch(() => []);
  const lines = linesOf(found);
  if (lines.length === 0) return;
  byId("told").hidden = false;
  byId("told-list").replaceChildren(...lines.map(({ text, at }) => make("li", {}, text,
    make("span", { className: "muted small" }, momentText(at)))));
}

/** Shows what was told of an order so far, and what is told in a moment. */
export function showTold(orderId, token) {
  setTimeout(() => look(orderId, token), AGAIN_MS);
  return look(orderId, token);
}

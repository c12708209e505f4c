// What the board of sales expects: when held seats come back, and which gateways answer. Sums are
// pure; the elements take them.

import { make } from "./dom.js";
import { tell } from "./words-staff-board.js";

/** {byMinute, later, all} of the sales' `expiring` together. */
export function expectation(grids) {
  const byMinute = [];
  let later = 0;
  for (const { expiring } of grids) {
    if (!expiring) continue;
    expiring.by_minute.forEach((seats, at) => {
      byMinute[at] = (byMinute[at] ?? 0) + seats;
    });
    later += expiring.later;
  }
  return { byMinute, later, all: byMinute.reduce((sum, seats) => sum + seats, 0) };
}

/** The share of `part` in `all` as whole percent; less than one and more than none is 1. */
export function percent(part, all) {
  if (all === 0 || part === 0) return 0;
  return Math.max(1, Math.round((part / all) * 100));
}

/** Columns of seats by the minute of their return, with the figure above each. */
export function expiryBars({ byMinute, later, all }) {
  const most = Math.max(...byMinute, 1);
  const column = (seats, at) => {
    const bar = make("span", { className: "bar" });
    bar.style.height = `${Math.round((seats / most) * 100)}%`;
    return make("li", {}, make("strong", {}, seats.toLocaleString()),
      make("span", { className: "bar-room", "aria-hidden": "true" }, bar),
      make("span", { className: "muted small" }, tell("minute", { n: at + 1 })));
  };
  const note = all + later === 0 ? tell("expiry_none") : tell("expiry_note", { all, later });
  return [make("ol", { className: "bars", "aria-label": tell("expiry") },
    ...byMinute.map(column)), make("p", { className: "muted small" }, note)];
}

/** Rows of a table: name, state, calls, share without an answer, times, calls not made. */
export function gatewayRows(items) {
  const colour = { rests: "badge-cancelled", answers: "badge-valid" };
  const badge = (state) => make("span", { className: `badge ${colour[state] ?? ""}` },
    tell(`gateway_${state}`));
  const share = (calls, failures) => (calls === 0 ? "–" : `${percent(failures, calls)} %`);
  const within = (ms) => (ms === null ? "–" : tell("within", { ms }));
  return items.map(({ name, state, calls, failures, spared, p50_ms: p50, p95_ms: p95 }) =>
    [name, badge(state), calls, share(calls, failures), within(p50), within(p95), spared]);
}

/** Headings of those rows. */
export const gatewayHeads = () =>
  ["gateway", "state", "calls", "failures", "p50", "p95", "spared"].map((of) => tell(`col_${of}`));

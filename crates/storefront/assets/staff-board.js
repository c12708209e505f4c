// Staff: sales as they stand this moment. Figures are asked for every few seconds while the page is
// looked at; charts show what was seen since it was opened.

import { fill, section } from "./account.js";
import { call, segment } from "./api.js";
import { Chart } from "./chart.js";
import { announce, make } from "./dom.js";
import { between, reading } from "./metrics.js";
import { expectation, expiryBars, gatewayHeads, gatewayRows } from "./outlook.js";
import { describe } from "./problem.js";
import { all, staff, table } from "./staff.js";
import { tell as ahead } from "./words-staff-board.js";
import { tell } from "./words-staff.js";

const EVERY_MS = 3000;
/** Events asked about at a time. */
const EVENTS_MAX = 30;

class Board {
  #before = null;
  #charts = {};
  #sold = null;
  #mayRead = true;

  constructor(events) {
    this.events = events.slice(0, EVENTS_MAX);
    this.figures = make("div", { className: "tiles" });
    this.sales = make("div");
    this.tables = make("div", { className: "stack" });
    this.expiry = make("div", { className: "stack", id: "expiry" });
    this.gateways = make("div", { className: "stack", id: "gateways" });
    for (const name of ["sales", "held", "requests", "latency"]) {
      this.#charts[name] = new Chart(tell(`chart_${name}`));
    }
    const charts = Object.entries(this.#charts).map(([name, chart]) => {
      const value = make("strong", { id: `now-${name}` }, "–");
      return make("figure", { className: "tile", id: `chart-${name}` },
        make("figcaption", {}, make("span", {}, tell(`chart_${name}`)), value), chart.element);
    });
    this.figures.append(...charts);
    fill(this.figures, section(tell("board_sales"), this.sales),
      section(ahead("expiry"), this.expiry), section(ahead("gateways"), this.gateways),
      section(tell("board_tables"), this.tables));
  }

  async look() {
    if (document.visibilityState === "visible") {
      const [found] = await Promise.all([this.#sales(), this.#requests(), this.#tables(),
        this.#gateways()]);
      this.#totals(found);
      this.expiry.replaceChildren(...expiryBars(expectation(found.map(({ grid }) => grid))));
    }
    setTimeout(() => this.look().catch(() => null), EVERY_MS);
  }

  #put(name, value, text) {
    this.#charts[name].add(value);
    document.getElementById(`now-${name}`).textContent = text;
  }

  async #sales() {
    const read = async ({ id, name }) => {
      const sale = await call("GET", `/admin/events/${segment(id)}`).catch(() => null);
      return { id, name, grid: sale?.grid ?? null };
    };
    const found = (await Promise.all(this.events.map(read))).filter(({ grid }) => grid !== null);
    const rows = found.map(({ id, name, grid }) => [
      make("a", { href: `/staff/events?id=${segment(id)}` }, name), tell(`state_${grid.state}`),
      grid.seats.free, grid.seats.held, grid.seats.sold, grid.holds, grid.waiting,
      grid.refunds.pending, grid.refunds.dead]);
    this.sales.replaceChildren(table(tell("board_sales"), ["event", "state", "free", "held", "sold",
      "holds", "waiting", "refunds", "dead"].map((word) => tell(`col_${word}`)), rows));
    return found;
  }

  #totals(found) {
    const sum = (of) => found.reduce((total, { grid }) => total + of(grid), 0);
    const [sold, held] = [sum((grid) => grid.seats.sold), sum((grid) => grid.seats.held)];
    const now = performance.now();
    if (this.#sold !== null) {
      const perMinute = ((sold - this.#sold.sold) / (now - this.#sold.at)) * 60_000;
      this.#put("sales", Math.max(0, perMinute), Math.round(perMinute).toLocaleString());
    }
    this.#sold = { sold, at: now };
    this.#put("held", held, held.toLocaleString());
  }

  /** The router's own figures, where this browser may read them. */
  async #requests() {
    if (!this.#mayRead) return;
    const answer = await fetch("/metrics", { cache: "no-store" }).catch(() => null);
    if (!answer?.ok) {
      for (const name of ["requests", "latency"]) {
        document.getElementById(`chart-${name}`)?.remove();
      }
      this.#mayRead = false;
      return;
    }
    const after = { ...reading(await answer.text()), at: performance.now() };
    const before = this.#before;
    this.#before = after;
    if (before === null) return;
    const { perSecond, meanMs } = between(before, after, (after.at - before.at) / 1000);
    this.#put("requests", perSecond, perSecond.toFixed(1));
    this.#put("latency", meanMs, `${meanMs.toFixed(1)} ${tell("ms")}`);
  }

  /** Whether those who take the money answer. */
  async #gateways() {
    try {
      const { items } = await call("GET", "/admin/gateways", { once: true });
      const minutes = Math.round((items[0]?.window_s ?? 0) / 60);
      this.gateways.replaceChildren(...items.length === 0
        ? [make("p", { className: "muted" }, ahead("gateways_none"))]
        : [table(ahead("gateways"), gatewayHeads(), gatewayRows(items)),
          make("p", { className: "muted small" }, ahead("gateways_note", { n: minutes }))]);
    } catch (problem) {
      this.gateways.replaceChildren(make("p", { className: "error" }, describe(problem)));
    }
  }

  /** What PostgreSQL has: how far it is, and whether a seat has two owners. */
  async #tables() {
    try {
      const told = await call("GET", "/admin/reconciliation");
      const double = told.double_sold.length;
      const rows = told.watermarks.map(({ shard, lag_ms: lag }) => [String(shard), lag]);
      this.tables.replaceChildren(
        make("p", { className: `badge badge-${double > 0 ? "cancelled" : "valid"}` },
          double > 0 ? tell("double_sold", { n: double }) : tell("double_none")),
        table(tell("board_tables"), [tell("col_shard"), tell("col_lag")], rows));
    } catch (problem) {
      this.tables.replaceChildren(make("p", { className: "error" }, describe(problem)));
    }
  }
}

staff(async () => {
  const events = await all("/admin/events");
  const board = new Board(events.filter(({ status }) => status === "published"));
  await board.look();
  announce(tell("board_ready"));
});

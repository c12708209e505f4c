// A person's purchases, the newest first, by status; and taking over what was bought as a guest.

import { cabinet, fill, notice } from "./account.js";
import { call, segment } from "./api.js";
import { byId, make } from "./dom.js";
import { field, form } from "./forms.js";
import { keptOrders } from "./keep.js";
import { moneyText } from "./money.js";
import { moreButton } from "./more.js";
import { orderPage } from "./pay.js";
import { momentText } from "./when.js";
import { tell } from "./words-account.js";

const STATUSES = ["", "pending_payment", "paid", "expired", "cancelled", "refund_pending",
  "refunded", "partially_refunded"];

let list;
const names = new Map();

async function page() {
  list = make("ul", { className: "rows-list" });
  const asked = new URLSearchParams(location.search).get("status") ?? "";
  const status = STATUSES.includes(asked) ? asked : "";
  const orders = make("div", { id: "orders" }, list);
  const first = await read(status, null);
  fill(filter(status), orders, claim());
  await add(first, status);
  if (list.childElementCount === 0 && !first.next_cursor) {
    list.append(make("li", { className: "empty" }, tell("no_orders")));
  }
}

function filter(status) {
  const one = field({ name: "status", label: tell("show_only"), type: "select", value: status,
    optional: true, options: STATUSES.map((s) => [s, tell(s === "" ? "all" : `order_${s}`)]) });
  one.input.addEventListener("change", () => {
    location.assign(one.input.value === "" ? location.pathname : `?status=${one.input.value}`);
  });
  one.box.classList.add("inline");
  return one.box;
}

function read(status, cursor) {
  const query = new URLSearchParams({ limit: "20", ...(status ? { status } : {}),
    ...(cursor ? { cursor } : {}) });
  return call("GET", `/me/orders?${query}`);
}

async function add(page, status) {
  list.append(...await Promise.all(page.items.map(row)));
  const cursor = page.next_cursor;
  moreButton(byId("orders"), cursor, async () => add(await read(status, cursor), status));
}

function nameOf(eventId) {
  if (!names.has(eventId)) {
    const asked = call("GET", `/events/${segment(eventId)}`).then(({ name }) => name);
    names.set(eventId, asked.catch(() => eventId));
  }
  return names.get(eventId);
}

async function row(order) {
  const seats = tell("seats", { n: order.seats.length });
  return make("li", { className: "order-row" },
    make("a", { href: orderPage(order.id) }, await nameOf(order.event_id)),
    make("span", { className: `badge badge-${order.status}` }, tell(`order_${order.status}`)),
    make("span", { className: "muted" }, momentText(order.created_at)),
    make("span", {}, `${seats} · ${moneyText(order.total)}`));
}

/** Orders that were made in this browser before signing in, and any other by its number. */
function claim() {
  const mine = Object.keys(keptOrders()).reverse();
  const id = field({ name: "order_id", label: tell("order_number"),
    hint: tell("claim_hint"), value: mine[0] ?? "", set: { autocomplete: "off" } });
  const onSubmit = async (values) => {
    try {
      const order = await call("POST", "/me/claims", { body: values });
      location.assign(orderPage(order.id));
    } catch (problem) {
      if (problem.status === 404) problem.told = tell("claim_refused");
      throw problem;
    }
  };
  const box = make("details", { className: "panel" },
    make("summary", {}, tell("claim_title")), notice(tell("claim_lead")),
    form({ fields: [id], submit: tell("claim"), onSubmit, quiet: true }));
  return box;
}

cabinet(page);

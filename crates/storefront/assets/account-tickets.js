// The cabinet's first page: a person's tickets, those to come first, each with its code.

import { cabinet, fill, notice } from "./account.js";
import { call, segment } from "./api.js";
import { byId, make } from "./dom.js";
import { moreButton } from "./more.js";
import { keepTicketsOffline } from "./offline.js";
import { orderPage } from "./pay.js";
import { ticketCard } from "./tickets.js";
import { tell } from "./words-account.js";

/** The ways to look: tickets of one status, or all. */
const STATUSES = ["", "valid", "used", "refunded", "cancelled", "expired"];

let list;

async function page(me) {
  list = make("ul", { className: "ticket-list" });
  const status = new URLSearchParams(location.search).get("status") ?? "";
  const parts = [filters(status), list];
  if (!me.email_verified) parts.unshift(unverified());
  await more(status, null, parts);
}

function unverified() {
  const told = notice(tell("email_unverified"));
  told.append(" ", make("a", { href: "/account/profile" }, tell("confirm_now")));
  return told;
}

/** Links that keep the filter in the address. */
function filters(status) {
  const link = (one) => {
    const href = one === "" ? location.pathname : `?status=${one}`;
    const properties = { href, ...(one === status ? { "aria-current": "true" } : {}) };
    return make("a", properties, tell(one === "" ? "all" : `tickets_${one}`));
  };
  return make("nav", { className: "filters", "aria-label": tell("show_only") },
    ...STATUSES.map(link));
}

async function more(status, cursor, parts = null) {
  const query = new URLSearchParams({ limit: "20", ...(status ? { status } : {}),
    ...(cursor ? { cursor } : {}) });
  const page = await call("GET", `/me/tickets?${query}`);
  list.append(...await Promise.all(page.items.map(card)));
  if (parts !== null) fill(...parts);
  const next = page.next_cursor;
  moreButton(byId("app"), next, () => more(status, next));
  if (list.childElementCount === 0 && !next) {
    byId("app").append(make("p", { className: "empty" }, tell("no_tickets"), " ",
      make("a", { href: "/" }, tell("find_events"))));
  }
}

const events = new Map();

/** An event's document, asked for once a page; null where there is none. */
function eventOf(id) {
  if (!events.has(id)) events.set(id, call("GET", `/events/${segment(id)}`).catch(() => null));
  return events.get(id);
}

async function card(ticket) {
  const event = await eventOf(ticket.event_id)
    ?? { name: ticket.event_name, starts_at: ticket.starts_at };
  const open = make("a", { href: `${orderPage(ticket.order_id)}/tickets/${segment(ticket.id)}` },
    tell("open_ticket", { seat: ticket.seat }));
  const order = make("a", { href: orderPage(ticket.order_id) }, tell("to_order"));
  return make("li", {}, ticketCard(ticket, { seats: [] }, event, "h2"),
    make("p", { className: "beside" }, open, order));
}

keepTicketsOffline();
cabinet(page);

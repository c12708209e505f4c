// One ticket alone: large enough for the scanner at the door, plain enough for paper.

import { call, segment } from "./api.js";
import { byId, make, show } from "./dom.js";
import { keptOrder } from "./keep.js";
import { say } from "./messages.js";
import { keepTicketsOffline } from "./offline.js";
import { describe } from "./problem.js";
import { fetchTickets, ticketCard } from "./tickets.js";
import { showWho } from "./who.js";

async function start() {
  const { order: orderId, ticket: ticketId } = byId("main").dataset;
  const token = keptOrder(orderId)?.token;
  try {
    const order = await call("GET", `/orders/${segment(orderId)}`, { token });
    const [tickets, event] = await Promise.all([
      fetchTickets(orderId, token),
      call("GET", `/events/${segment(order.event_id)}`).catch(() => null),
    ]);
    const ticket = tickets.find(({ id }) => String(id) === ticketId);
    if (ticket === undefined) fail(say("ticket_not_found"));
    else place(ticket, order, event);
  } catch (problem) {
    const foreign = [401, 403, 404].includes(problem?.status);
    fail(foreign ? say("problem_order_not_found") : describe(problem));
  }
}

function place(ticket, order, event) {
  byId("ticket-wait").hidden = true;
  byId("ticket").hidden = false;
  byId("ticket").append(ticketCard(ticket, order, event, "h2"));
  if (ticket.status === "valid") {
    byId("ticket").append(make("p", { className: "muted" }, say("ticket_rule")));
  }
  byId("print").hidden = false;
  byId("print").addEventListener("click", () => print());
}

function fail(text) {
  byId("ticket-wait").hidden = true;
  show(byId("ticket-error"), text);
}

keepTicketsOffline();
showWho();
start();

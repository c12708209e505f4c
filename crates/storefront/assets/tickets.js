// Tickets of an order: fetched with the buyer's token, shown with their code.

import { call, segment } from "./api.js";
import { make } from "./dom.js";
import { knows, say } from "./messages.js";
import { seatName } from "./tray.js";
import { momentText } from "./when.js";

/** The tickets of an order; throws Problem. */
export async function fetchTickets(orderId, token) {
  const answer = await call("GET", `/orders/${segment(orderId)}/tickets`, { token });
  return Array.isArray(answer) ? answer : answer.items;
}

/** A ticket's seat in words; `order` knows the seat's section, row and number. */
export function ticketSeat(ticket, order) {
  const id = typeof ticket.seat === "string" ? ticket.seat : ticket.seat?.id;
  return seatName(null, order.seats?.find((seat) => seat.id === id) ?? { id });
}

/** A ticket as a card. `event` is the API's event or null; `heading` the tag of its title. */
export function ticketCard(ticket, order, event, heading) {
  const seat = ticketSeat(ticket, order);
  const card = make("article", { className: "ticket" });
  card.dataset.status = ticket.status;
  const body = make("div", { className: "ticket-body" });
  if (event?.name) body.append(make("p", { className: "eyebrow" }, event.name));
  body.append(make(heading, {}, seat));
  const details = eventDetails(event);
  if (details) body.append(make("p", {}, details));
  const status = knows(`ticket_${ticket.status}`) ? say(`ticket_${ticket.status}`) : ticket.status;
  body.append(make("p", { className: `badge badge-${ticket.status}` }, status));
  body.append(make("p", { className: "code" }, ticket.code));
  card.append(body);
  // A code that lets nobody in any more is not shown as if it did.
  if (ticket.qr_svg && ticket.status === "valid") card.append(qr(ticket.qr_svg, seat));
  return card;
}

/** Time and place of an event in one line, as far as they are known. */
export function eventDetails(event) {
  if (!event) return "";
  const venue = event.venue ?? {};
  const place = [venue.name, venue.city].filter(Boolean).join(", ");
  return [whenText(event, venue), place].filter(Boolean).join(" · ");
}

function whenText(event, venue) {
  if (!event.starts_at) return "";
  try {
    return momentText(event.starts_at, event.timezone ?? venue.timezone);
  } catch {
    return "";
  }
}

/** The code's picture. As an image a document can neither run scripts nor load anything. */
function qr(svg, seat) {
  const address = `data:image/svg+xml,${encodeURIComponent(svg)}`;
  const alt = say("ticket_qr", { seat });
  return make("img", { className: "qr", src: address, alt, width: 200, height: 200 });
}

// What this browser remembers: the tokens of its holds and orders. They are the only proof that a
// guest has, so they outlive the tab; a payment page may come back in another one. Signing out
// forgets them. Nothing about the person is ever kept here.

const NAME = "seatgrid.keep";
/** Orders remembered, the newest win: more tickets than anybody carries in one browser. */
const ORDERS_MAX = 50;
const HOLDS_MAX = 10;
/** Places in waiting rooms, and in waiting lists. */
const PLACES_MAX = 10;

/** Used where the browser refuses storage: then the memory ends with the page. */
let fallback = null;

function read() {
  if (fallback !== null) return fallback;
  try {
    const kept = JSON.parse(localStorage.getItem(NAME) ?? "{}");
    return { holds: {}, orders: {}, rooms: {}, waits: {}, ...kept };
  } catch {
    return { holds: {}, orders: {}, rooms: {}, waits: {} };
  }
}

function write(kept) {
  trim(kept.holds, HOLDS_MAX);
  trim(kept.orders, ORDERS_MAX);
  trim(kept.rooms, PLACES_MAX);
  trim(kept.waits, PLACES_MAX);
  try {
    localStorage.setItem(NAME, JSON.stringify(kept));
  } catch {
    fallback = kept;
  }
}

/** Removes the oldest entries beyond `max`; objects keep the order of insertion. */
function trim(entries, max) {
  const names = Object.keys(entries);
  for (const name of names.slice(0, Math.max(0, names.length - max))) delete entries[name];
}

/** Puts `value` in place of what is kept of a kind for an event; null takes it away. */
function put(kind, eventId, value) {
  const kept = read();
  delete kept[kind][eventId];
  if (value !== null) kept[kind][eventId] = value;
  write(kept);
}

/** The hold kept for an event: {id, token}, or null. */
export const keptHold = (eventId) => read().holds[eventId] ?? null;
export const keepHold = (eventId, { id, token }) => put("holds", eventId, { id, token });
export const forgetHold = (eventId) => put("holds", eventId, null);

/** The place in an event's waiting room: {ticket, token}, or null. */
export const keptRoom = (eventId) => read().rooms[eventId] ?? null;
export const keepRoom = (eventId, { ticket, token }) => put("rooms", eventId, { ticket, token });
export const forgetRoom = (eventId) => put("rooms", eventId, null);

/** The place in an event's waiting list: {id, token, taken}, or null; `taken`: its offer was. */
export const keptWait = (eventId) => read().waits[eventId] ?? null;
export const keepWait = (eventId, { id, token, taken }) => put("waits", eventId,
  { id, token, taken });
export const forgetWait = (eventId) => put("waits", eventId, null);

/** The order kept under its id: {token, eventId, payUrl}, or null. */
export function keptOrder(orderId) {
  return read().orders[orderId] ?? null;
}

/** All that is kept of orders, by id, the oldest first. */
export const keptOrders = () => read().orders;

/** Adds `facts` to what is kept of an order. */
export function keepOrder(orderId, facts) {
  const kept = read();
  kept.orders[orderId] = { ...kept.orders[orderId], ...facts };
  write(kept);
}

/** Forgets all holds and orders: who signed out may not be who comes next, and an account reaches
 * its own orders without them. */
export function forgetKept() {
  fallback = null;
  try {
    localStorage.removeItem(NAME);
  } catch {
    // What was kept ended with the fallback.
  }
}

/** The id of the newest order of an event that still waits for its payment, or null. */
export function openOrder(eventId) {
  const orders = Object.entries(read().orders).reverse();
  return orders.find(([, order]) => order.eventId === eventId && order.open)?.[0] ?? null;
}

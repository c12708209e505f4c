// What to show for an order, decided from the server's document alone. Pure.

/** Statuses that money or time can still change. */
const MOVING = new Set(["pending_payment", "refund_pending"]);
/** Pauses between questions about an order that may change any moment, in milliseconds. */
const QUICK_MS = [700, 1000, 1500, 2000, 3000];
const SLOW_MS = 10_000;
/** Questions before the page stops and offers a button: with the pauses about half an hour. */
export const QUESTIONS_MAX = 180;

/**
 * The state to show: one of offer, pending, confirming, declined, paid, expired, cancelled,
 * refund_pending, refunded, partially_refunded, unknown.
 */
export function stateOf(order) {
  if (order.offer) return "offer";
  if (order.status !== "pending_payment") {
    return known(order.status) ? order.status : "unknown";
  }
  const last = (order.payments ?? []).at(-1);
  if (last === undefined) return "pending";
  return last.status === "canceled" || last.status === "failed" ? "declined" : "confirming";
}

/** Whether the buyer can start a payment now. */
export function canPay(state) {
  return state === "pending" || state === "declined";
}

/** Whether tickets are to be shown. */
export function hasTickets(state) {
  return state === "paid" || state === "partially_refunded" || state === "refunded";
}

/**
 * Milliseconds until the order is asked about again, or null when it will not change by itself.
 * `asked` counts the questions so far. An expired order with a payment may still meet its money.
 */
export function nextQuestionMs(order, asked) {
  if (order.offer) return QUICK_MS.at(-1);
  const late = order.status === "expired" && (order.payments ?? []).length > 0;
  if (!MOVING.has(order.status) && !late) return null;
  return QUICK_MS[asked] ?? SLOW_MS;
}

function known(status) {
  return ["paid", "expired", "cancelled", "refund_pending", "refunded", "partially_refunded"]
    .includes(status);
}

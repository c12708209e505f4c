// Starts a payment of an order and leaves for the payment page. Used by the event's and the
// order's page.

import { Intent, segment } from "./api.js";
import { keepOrder } from "./keep.js";

const intent = new Intent();

/** The address of an order's own page. */
export function orderPage(orderId) {
  return `/orders/${segment(orderId)}`;
}

/** Creates a payment and opens its page; throws Problem. `order`: {id, token}. */
export async function startPayment(order, provider, method) {
  const payment = await intent.post(`/orders/${segment(order.id)}/payments`, {
    token: order.token,
    body: { provider, method, return_url: location.origin + orderPage(order.id) },
  });
  const url = payment.confirmation?.confirmation_url;
  if (!isWebAddress(url)) {
    location.assign(orderPage(order.id));
    return;
  }
  keepOrder(order.id, { payUrl: url });
  location.assign(url);
}

/** Only the web is followed: an address comes from outside and could be a script. */
export function isWebAddress(url) {
  return typeof url === "string" && /^https?:\/\//i.test(url);
}

// What happened to an order, as a list in time, from the order's document alone. Pure.

import { speaker } from "./messages.js";
import { moneyText } from "./money.js";

const tell = speaker({
  en: {
    made: "Order placed", payment: "Payment begun, {how}", refused: "Payment not made",
    paid: "Paid", retaken: "Late money: the same seats were taken again",
    swapped: "Late money: other seats were taken", returned: "Late money: sent back",
    expired: "Time ran out, the seats went back on sale", cancelled: "Cancelled",
    refund: "Refund of {amount} begun", refund_succeeded: "Refund of {amount} arrived",
    refund_failed: "Refund of {amount} could not be made yet", bank_card: "card", sbp: "SBP",
  },
  ru: {
    made: "Заказ создан", payment: "Начата оплата, {how}", refused: "Оплата не прошла",
    paid: "Оплачен", retaken: "Поздние деньги: взяты те же места",
    swapped: "Поздние деньги: взяты другие места", returned: "Поздние деньги: отправлены назад",
    expired: "Время вышло, места вернулись в продажу", cancelled: "Отменён",
    refund: "Начат возврат {amount}", refund_succeeded: "Возврат {amount} выполнен",
    refund_failed: "Возврат {amount} пока не удался", bank_card: "карта", sbp: "СБП",
  },
});

const LATE = { retaken: "retaken", swapped: "swapped", refunded: "returned" };

/** [{at, text}] in order of time. */
export function timelineOf(order) {
  const steps = [{ at: order.created_at, text: tell("made") }];
  for (const payment of order.payments ?? []) {
    const how = tell.knows(payment.method) ? tell(payment.method) : payment.method;
    steps.push({ at: payment.created_at, text: tell("payment", { how }) });
    if (payment.status === "canceled") {
      steps.push({ at: payment.created_at, text: tell("refused") });
    }
    const late = LATE[payment.settled_as];
    if (late) steps.push({ at: order.paid_at ?? payment.created_at, text: tell(late) });
  }
  if (order.paid_at) steps.push({ at: order.paid_at, text: tell("paid") });
  for (const { status, amount, created_at: at } of order.refunds ?? []) {
    const name = { succeeded: "refund_succeeded", failed: "refund_failed", dead: "refund_failed" };
    steps.push({ at, text: tell(name[status] ?? "refund", { amount: moneyText(amount) }) });
  }
  if (order.status === "expired") steps.push({ at: order.expires_at, text: tell("expired") });
  if (order.status === "cancelled") steps.push({ at: null, text: tell("cancelled") });
  const moment = ({ at }) => (at === null ? Infinity : Date.parse(at));
  return steps.map((step, index) => [step, index])
    .sort(([a, i], [b, j]) => moment(a) - moment(b) || i - j).map(([step]) => step);
}

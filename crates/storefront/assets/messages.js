// What the scripts say, in both languages; the page's <html lang> chooses.
// {name} marks a value; plural entries are objects by Intl.PluralRules category.

const EN = {
  seat_name: "{section}, row {row}, seat {number}",
  row: "Row {row}",
  seats_free: { one: "{n} seat free", other: "{n} seats free" },
  seats_chosen: { one: "{n} seat chosen", other: "{n} seats chosen" },
  places_left: { one: "{n} place left", other: "{n} places left" },
  area_take: "Hold places", area_number: "How many places: {area}",
  fewer: "One fewer", more: "One more", fees: "Service fee",
  status_free: "free", status_held: "held by somebody", status_sold: "sold",
  status_blocked: "not on sale", status_mine: "your choice", accessible: "wheelchair place",
  stage: "Stage", remove: "Remove: {seat}",
  list_hint: "Arrow keys move between seats; Enter or Space chooses one.",
  live: "Live", reconnecting: "Reconnecting… the map may be out of date.",
  map_failed: "The map could not be loaded. Reload the page to try again.",
  seats_max: {
    one: "You can take {n} seat at a time.", other: "You can take up to {n} seats at a time.",
  },
  seat_gone: "Just taken: {seats}. Please choose another.",
  held: "The seats are yours. Please pay before the clock runs out.",
  held_split: "There were not that many seats together, so these are split. Keep them, or give "
    + "them back and try again.",
  lost_seats: "These seats were just taken: {seats}. We took them out of your choice; hold the "
    + "others or choose again.",
  take_instead: "Take {seats} instead",
  expired: "Time is up: the hold has expired and the seats went back on sale: {seats}. Nothing was "
    + "charged. Choose again when you are ready.",
  released: "You gave the seats back. Nothing was charged.",
  extended: "You have more time now.", extend_no: "This hold cannot be given more time again.",
  hold_gone: "The hold is over and the seats went back on sale. Nothing was charged.",
  warn: { one: "{n} second left to pay.", other: "{n} seconds left to pay." },
  warn_minute: "One minute left to pay.",
  unfinished: "You have an order for this event. Open the order",
  name_missing: "Enter your name.",
  email_wrong: "Enter an e-mail address such as anna@example.org.",
  phone_wrong: "Enter a phone number with its code, such as +7 900 000-00-00.",
  consent_missing: "We need your agreement to sell you tickets.",
  problem_seat_taken: "Somebody was quicker with these seats.",
  problem_not_enough_adjacent: "There are not that many free seats side by side. Try fewer, or "
    + "another price.",
  problem_not_enough_seats: "There are not that many free seats. Try fewer, or another price.",
  problem_limit_per_person: "That is more seats than one person may take for this event.",
  problem_sale_not_open: "The sale has not opened yet.",
  problem_sale_opens_at: "The sale opens on {time}.",
  problem_sale_closed: "The sale for this event has ended.",
  problem_sale_paused: "The organiser has paused the sale. Please try again later.",
  problem_code_invalid: "This code does not work for these seats or not at this time.",
  problem_code_used_up: "This code has been used as often as it may be.",
  problem_companion_alone: "These seats go with the wheelchair place beside them.",
  problem_offer_gone: "This offer is over. If you did not take it, your money is on its way back.",
  problem_price_changed: "The price has changed meanwhile. Reload the page to see it.",
  problem_order_state: "The order has moved on meanwhile. Reload the page to see where it stands.",
  problem_payment_pending: "A payment for this order is already under way.",
  problem_payment_refused: "The payment system refused this payment, nothing was charged. Try "
    + "again or pay another way.",
  problem_idempotency_window_expired: "That took too long. Please try again.",
  problem_hold_expired: "The hold has expired and the seats went back on sale.",
  problem_hold_not_found: "This hold no longer exists.",
  problem_order_not_found: "This order cannot be opened here. Orders open in the browser in which "
    + "they were made.",
  problem_event_not_found: "This event no longer exists.",
  problem_queue_required: "There is a queue for this event; please take a place in it.",
  problem_waitlist_state: "Such seats are free right now, or you wait already.",
  problem_rate_limited: "That was very quick. Please wait a few seconds and try again.",
  problem_busy: "Very many people are here at once. Please try again in a few seconds.",
  problem_outcome_unknown: "We could not learn whether that worked. Try again: nothing will "
    + "happen twice.",
  problem_offline: "No connection. Check the network and try again: nothing will happen twice.",
  problem_invalid_request: "Something in the form does not look right. Please check it.",
  problem_failed: "Something went wrong on our side. Please try again.",
  order_offer: "Your seats were gone, but here are others",
  order_offer_text: "Your money came after the time had run out and somebody else has your seats. "
    + "We keep as many other seats of the same kind for you. Take them at the price you paid, or "
    + "have your money back.",
  order_pending: "Waiting for your payment",
  order_pending_text: "Choose how to pay before the time runs out.",
  order_confirming: "Checking your payment",
  order_confirming_text: "We are waiting for the bank's word. This usually takes a few seconds; "
    + "you can leave this page open.",
  order_declined: "The payment did not go through",
  order_declined_text: "Nothing was charged. The seats are still yours: try again or pay "
    + "another way.",
  continue_payment: "Back to the payment page",
  order_paid: "Paid. Have a great evening!",
  order_paid_text: "Your tickets are below. Keep this page, or print them.",
  order_expired: "The time ran out",
  order_expired_text: "No payment arrived in time, and the seats went back on sale. Should money "
    + "still be taken, we will return it or give you the seats, and write to you.",
  order_cancelled: "The order was cancelled",
  order_cancelled_text: "The seats went back on sale.",
  order_refund_pending: "Your money is on its way back",
  order_refund_pending_text: "The refund has been started. Depending on the bank it takes from a "
    + "few minutes to a few days.",
  order_refunded: "Refunded",
  order_refunded_text: "The money was returned in full. The tickets are no longer valid.",
  order_partially_refunded: "Partly refunded",
  order_partially_refunded_text: "Part of the money was returned. The valid tickets are below.",
  order_unknown: "Your order", order_unknown_text: "State: {status}",
  order_paused: "We stopped asking, to save your battery.",
  tickets_soon: "The tickets are being printed…",
  choose_again: "Choose seats again",
  ticket_open: "Open ticket: {seat}", ticket_qr: "QR code of the ticket {seat}",
  ticket_valid: "valid", ticket_used: "used", ticket_expired: "expired",
  ticket_cancelled: "cancelled", ticket_refunded: "refunded",
  ticket_not_found: "There is no such ticket in this order.",
  ticket_rule: "Show this code at the entrance. It lets one person in, once.",
};

const RU = {
  seat_name: "{section}, ряд {row}, место {number}",
  row: "Ряд {row}",
  seats_free: {
    one: "{n} место свободно", few: "{n} места свободно", other: "{n} мест свободно",
  },
  seats_chosen: {
    one: "Выбрано {n} место", few: "Выбрано {n} места", other: "Выбрано {n} мест",
  },
  places_left: {
    one: "осталось {n} место", few: "осталось {n} места", other: "осталось {n} мест",
  },
  area_take: "Занять", area_number: "Сколько мест: {area}",
  fewer: "На одно меньше", more: "На одно больше", fees: "Сервисный сбор",
  status_free: "свободно", status_held: "кто-то занял", status_sold: "продано",
  status_blocked: "не продаётся", status_mine: "ваш выбор", accessible: "место для коляски",
  stage: "Сцена", remove: "Убрать: {seat}",
  list_hint: "Стрелки переходят между местами, Enter или пробел выбирает.",
  live: "Сейчас", reconnecting: "Восстанавливаем связь… схема могла устареть.",
  map_failed: "Схему не удалось загрузить. Обновите страницу.",
  seats_max: {
    one: "За один раз можно взять {n} место.", few: "За один раз можно взять до {n} мест.",
    other: "За один раз можно взять до {n} мест.",
  },
  seat_gone: "Только что заняли: {seats}. Выберите другое.",
  held: "Места ваши. Пожалуйста, оплатите, пока идут часы.",
  held_split: "Столько мест рядом не нашлось, поэтому они порознь. Оставьте их или откажитесь и "
    + "попробуйте ещё раз.",
  lost_seats: "Эти места только что заняли: {seats}. Мы убрали их из вашего выбора; займите "
    + "остальные или выберите другие.",
  take_instead: "Взять взамен: {seats}",
  expired: "Время вышло: бронь кончилась, места вернулись в продажу: {seats}. Деньги не списаны. "
    + "Можно выбрать снова.",
  released: "Вы отказались от мест. Деньги не списаны.",
  extended: "Времени стало больше.", extend_no: "Ещё раз продлить время нельзя.",
  hold_gone: "Бронь кончилась, места вернулись в продажу. Деньги не списаны.",
  warn: {
    one: "Осталась {n} секунда на оплату.", few: "Осталось {n} секунды на оплату.",
    other: "Осталось {n} секунд на оплату.",
  },
  warn_minute: "Осталась одна минута на оплату.",
  unfinished: "У вас есть заказ на этот концерт. Открыть заказ",
  name_missing: "Введите имя.",
  email_wrong: "Введите адрес почты, например anna@example.org.",
  phone_wrong: "Введите телефон с кодом, например +7 900 000-00-00.",
  consent_missing: "Без согласия мы не можем продать вам билеты.",
  problem_seat_taken: "Эти места кто-то занял раньше.",
  problem_not_enough_adjacent: "Столько свободных мест рядом нет. Попробуйте меньше мест или "
    + "другую цену.",
  problem_not_enough_seats: "Столько свободных мест нет. Попробуйте меньше мест или другую цену.",
  problem_limit_per_person: "Это больше мест, чем можно взять одному человеку на этот концерт.",
  problem_sale_not_open: "Продажа ещё не началась.",
  problem_sale_opens_at: "Продажа начнётся {time}.",
  problem_sale_closed: "Продажа билетов на этот концерт окончена.",
  problem_sale_paused: "Организатор приостановил продажу. Попробуйте позже.",
  problem_code_invalid: "Этот код не действует для этих мест или в это время.",
  problem_code_used_up: "Этот код уже использован столько раз, сколько можно.",
  problem_companion_alone: "Эти места продаются вместе с местом для коляски рядом.",
  problem_offer_gone: "Предложение больше не действует. Если вы его не приняли, деньги "
    + "возвращаются.",
  problem_price_changed: "Цена изменилась. Обновите страницу, чтобы её увидеть.",
  problem_order_state: "Заказ уже изменился. Обновите страницу.",
  problem_payment_pending: "Оплата этого заказа уже идёт.",
  problem_payment_refused: "Платёжная система отклонила оплату, деньги не списаны. Попробуйте ещё "
    + "раз или другим способом.",
  problem_idempotency_window_expired: "Прошло слишком много времени. Попробуйте ещё раз.",
  problem_hold_expired: "Бронь кончилась, места вернулись в продажу.",
  problem_hold_not_found: "Этой брони больше нет.",
  problem_order_not_found: "Этот заказ здесь открыть нельзя. Заказ открывается в том браузере, в "
    + "котором он сделан.",
  problem_event_not_found: "Этого концерта больше нет.",
  problem_queue_required: "На этот концерт есть очередь, займите в ней место.",
  problem_waitlist_state: "Такие места сейчас свободны, или вы уже ждёте.",
  problem_rate_limited: "Слишком быстро. Подождите несколько секунд и попробуйте снова.",
  problem_busy: "Сейчас здесь очень много людей. Попробуйте через несколько секунд.",
  problem_outcome_unknown: "Не удалось узнать, получилось ли. Попробуйте ещё раз: дважды ничего не "
    + "произойдёт.",
  problem_offline: "Нет связи. Проверьте сеть и попробуйте ещё раз: дважды ничего не произойдёт.",
  problem_invalid_request: "Что-то в форме заполнено неверно. Проверьте, пожалуйста.",
  problem_failed: "У нас что-то пошло не так. Попробуйте ещё раз.",
  order_offer: "Ваши места заняты, но есть другие",
  order_offer_text: "Деньги пришли, когда время уже вышло, и ваши места занял кто-то другой. Мы "
    + "держим для вас столько же других мест того же рода. Возьмите их по той же цене или верните "
    + "деньги.",
  order_pending: "Ждём оплату",
  order_pending_text: "Выберите способ оплаты, пока не вышло время.",
  order_confirming: "Проверяем оплату",
  order_confirming_text: "Ждём ответа банка. Обычно это несколько секунд; страницу можно не "
    + "закрывать.",
  order_declined: "Оплата не прошла",
  order_declined_text: "Деньги не списаны. Места всё ещё за вами: попробуйте ещё раз или другим "
    + "способом.",
  continue_payment: "Вернуться к оплате",
  order_paid: "Оплачено. Хорошего вечера!",
  order_paid_text: "Билеты ниже. Сохраните эту страницу или распечатайте их.",
  order_expired: "Время вышло",
  order_expired_text: "Оплата не пришла вовремя, места вернулись в продажу. Если деньги всё же "
    + "спишутся, мы вернём их или отдадим вам места и напишем об этом.",
  order_cancelled: "Заказ отменён",
  order_cancelled_text: "Места вернулись в продажу.",
  order_refund_pending: "Деньги возвращаются",
  order_refund_pending_text: "Возврат начат. В зависимости от банка он занимает от нескольких "
    + "минут до нескольких дней.",
  order_refunded: "Деньги возвращены",
  order_refunded_text: "Деньги возвращены полностью. Билеты больше не действуют.",
  order_partially_refunded: "Часть денег возвращена",
  order_partially_refunded_text: "Часть денег возвращена. Действующие билеты ниже.",
  order_unknown: "Ваш заказ", order_unknown_text: "Состояние: {status}",
  order_paused: "Мы перестали спрашивать, чтобы беречь заряд.",
  tickets_soon: "Билеты печатаются…",
  choose_again: "Выбрать места снова",
  ticket_open: "Открыть билет: {seat}", ticket_qr: "QR-код билета {seat}",
  ticket_valid: "действует", ticket_used: "использован", ticket_expired: "просрочен",
  ticket_cancelled: "отменён", ticket_refunded: "деньги возвращены",
  ticket_not_found: "В этом заказе нет такого билета.",
  ticket_rule: "Покажите код на входе. Он пропускает одного человека один раз.",
};

export const TABLES = { en: EN, ru: RU };
export const lang = globalThis.document?.documentElement.lang === "en" ? "en" : "ru";
/** The locale for numbers and dates. */
export const locale = lang === "en" ? "en-GB" : "ru-RU";

const rulesOf = remembered((language) => new Intl.PluralRules(language));
const numbersOf = remembered((language) => new Intl.NumberFormat(language));

/** The message `key` with `values` filled in; `values.n` chooses the plural. */
export function say(key, values = {}, language = lang) {
  const entry = TABLES[language][key];
  if (entry === undefined) throw new Error(`no message ${key}`);
  return fill(entry, values, language);
}

/** A way to say the words of a table of one's own, {en, ru}; pages beside the shop have theirs. */
export function speaker(tables) {
  const tell = (key, values = {}) => {
    const entry = tables[lang][key];
    if (entry === undefined) throw new Error(`no word ${key}`);
    return fill(entry, values, lang);
  };
  tell.knows = (key) => Object.hasOwn(tables[lang], key);
  return tell;
}

function fill(entry, values, language) {
  const pattern = typeof entry === "string" ? entry : plural(entry, values.n, language);
  return pattern.replace(/\{(\w+)\}/g, (_, name) => wordFor(values[name], language));
}

function wordFor(value, language) {
  return typeof value === "number" ? numbersOf(language).format(value) : String(value ?? "");
}

/** Whether there is a message `key`. */
export const knows = (key) => Object.hasOwn(TABLES[lang], key);

function plural(forms, n, language) {
  return forms[rulesOf(language).select(n)] ?? forms.other;
}

/** A maker that remembers what it made: those of Intl are slow to make and quick to use. */
export function remembered(make) {
  const made = new Map();
  return (...args) => {
    const key = args.join(" ");
    if (!made.has(key)) made.set(key, make(...args));
    return made.get(key);
  };
}

// The words of waiting: the room in front of a sale, the list after the sell-out.

import { speaker } from "./messages.js";

const EN = {
  queue_needed: "Seats are chosen one after the other here. Take a place: you will be let in when "
    + "your turn comes.",
  present: "You are in. When the sale opens, {time}, all who are here are drawn in a random order. "
    + "Keep this page open.",
  waiting: "You have a place. Keep this page open: it says when your turn has come.",
  ready: "It is your turn. Choose seats now and hold them.",
  ready_title: "Your turn!",
  turn_left: "Your turn lasts",
  closed: "Everything is sold, so nobody is let in any more.",
  closed_list: "Everything is sold. You can wait for seats that come back.",
  lost: "The turn is over or was used. You can take a new place.",
  late: "No connection; we keep trying. Your place stays.",
  fact_place: "Your place", fact_wait: "Wait, at most", fact_free: "Seats free",
  fact_present: "Here by now",
  soon: "under a minute",
  minutes: { one: "{n} minute", other: "{n} minutes" },
  hours: { one: "{n} hour", other: "{n} hours" },
  number: "How many seats", tier: "Price", any: "Any price",
  tell_me: "Write to me when it is my turn", name: "Name", email: "E-mail",
  agree: "I agree that my personal data is processed for this.",
  join: "Join the list", join_hint: "Seats next to each other, if they come back so.",
  in_line: {
    one: "You wait for {n} seat.", other: "You wait for {n} seats.",
  },
  before_none: "Nobody is before you.",
  before: { one: "{n} person is before you.", other: "{n} people are before you." },
  keep_open: "This page says when seats come. You may close it and look in again.",
  offered: { one: "{n} seat is held for you.", other: "{n} seats are held for you." },
  offered_title: "Seats for you!",
  offer_left: "Held for you",
  take: "See the seats and pay", leave: "Leave the list",
  leave_sure: "Give up your place? Seats that are held for you go to the next one.",
  leave_yes: "Yes, leave", leave_no: "No, stay",
  left: "You left the list.",
  over: "Your place is over: the time to take the seats ran out, or the sale has ended.",
  first_pay: "First pay or give back the seats that you hold.",
  wait_instead: "Wait for such seats",
  too_many: "From here too many places were taken in one hour. Please try later.",
};

const RU = {
  queue_needed: "Здесь места выбирают по очереди. Займите её: вас впустят, когда она подойдёт.",
  present: "Вы здесь. Когда откроется продажа, {time}, всех присутствующих расставит жребий. "
    + "Не закрывайте страницу.",
  waiting: "Очередь занята. Не закрывайте страницу: она скажет, когда подойдёт ваша очередь.",
  ready: "Ваша очередь. Выбирайте места и занимайте их.",
  ready_title: "Ваша очередь!",
  turn_left: "Ваша очередь длится",
  closed: "Всё продано, поэтому больше никого не впускают.",
  closed_list: "Всё продано. Можно подождать мест, которые вернутся.",
  lost: "Очередь прошла или использована. Можно занять новую.",
  late: "Нет связи; пробуем снова. Ваша очередь сохраняется.",
  fact_place: "Ваш номер", fact_wait: "Ждать, не больше", fact_free: "Свободно мест",
  fact_present: "Сейчас здесь",
  soon: "меньше минуты",
  minutes: { one: "{n} минута", few: "{n} минуты", other: "{n} минут" },
  hours: { one: "{n} час", few: "{n} часа", other: "{n} часов" },
  number: "Сколько мест", tier: "Цена", any: "Любая цена",
  tell_me: "Написать мне, когда подойдёт очередь", name: "Имя", email: "Почта",
  agree: "Я согласен на обработку моих данных для этого.",
  join: "Встать в лист", join_hint: "Места рядом, если вернутся такие.",
  in_line: {
    one: "Вы ждёте {n} место.", few: "Вы ждёте {n} места.", other: "Вы ждёте {n} мест.",
  },
  before_none: "Перед вами никого.",
  before: {
    one: "Перед вами {n} человек.", few: "Перед вами {n} человека.",
    other: "Перед вами {n} человек.",
  },
  keep_open: "Страница скажет, когда места появятся. Её можно закрыть и заглянуть позже.",
  offered: {
    one: "Для вас держится {n} место.", few: "Для вас держатся {n} места.",
    other: "Для вас держится {n} мест.",
  },
  offered_title: "Есть места!",
  offer_left: "Держим для вас",
  take: "К местам и оплате", leave: "Выйти из листа",
  leave_sure: "Отказаться от очереди? Места, которые держатся для вас, достанутся следующему.",
  leave_yes: "Да, выйти", leave_no: "Нет, остаться",
  left: "Вы вышли из листа.",
  over: "Ожидание закончилось: время вышло или продажа окончена.",
  first_pay: "Сначала оплатите или верните места, которые вы держите.",
  wait_instead: "Подождать таких мест",
  too_many: "Отсюда за час записалось слишком много людей. Попробуйте позже.",
};

export const TABLES = { en: EN, ru: RU };
export const tell = speaker(TABLES);

/** Seconds of waiting in words, rounded up to what people can use. */
export function waitText(seconds) {
  if (seconds < 60) return tell("soon");
  const minutes = Math.ceil(seconds / 60);
  return minutes < 120 ? tell("minutes", { n: minutes })
    : tell("hours", { n: Math.ceil(minutes / 60) });
}

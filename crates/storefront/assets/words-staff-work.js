// The words of staff's page about background work and of what staff does around a sale.

import { speaker } from "./messages.js";

const EN = {
  errors: "What waits for a person", errors_none: "Nothing failed for good.",
  jobs: "Background work", jobs_none: "No such work.",
  col_kind: "What failed", col_about: "About", col_error: "Why", col_at: "When", col_do: "",
  col_job: "Work", col_status: "State", col_attempts: "Tries", col_made: "Made", col_ended: "Ended",
  kind_job: "background work", kind_message: "message", kind_refund: "refund",
  kind_notification: "gateway's notice", kind_record: "record for PostgreSQL",
  retry: "Try again", retried: "It will be tried again.",
  filter: "Show", all: "all", waiting: "waiting", running: "running", done: "done",
  dead: "given up",
  room: "Waiting room", room_look: "How it stands, or open one",
  room_rate: "People let in a second",
  room_turn: "Length of a turn, s", room_claim: "A turn waits to be taken, s",
  room_hint: "Nobody holds seats without a turn from then on. It cannot be closed or changed.",
  room_sure: "I know that it cannot be undone.", room_open: "Open the waiting room",
  room_commitment: "Fingerprint of the draw", room_waiting: "Waiting now",
  room_present: "Took part in the draw", room_status: "Draw",
  room_status_open: "not yet drawn", room_status_drawn: "drawn", room_link: "The draw",
  campaign: "Cancelling", campaign_orders: "Orders undone", campaign_refunds: "Refunds open",
  campaign_dead: "Refunds stuck", campaign_over: "Everything is undone.",
  move: "Move the event", move_starts: "New time", move_venue: "New venue",
  move_hint: "Tickets stay valid; everybody with one is told.", move_do: "Move it",
};

const RU = {
  errors: "Что ждёт человека", errors_none: "Ничего не сломалось окончательно.",
  jobs: "Фоновые задания", jobs_none: "Таких заданий нет.",
  col_kind: "Что не удалось", col_about: "О чём", col_error: "Почему", col_at: "Когда", col_do: "",
  col_job: "Задание", col_status: "Состояние", col_attempts: "Попытки", col_made: "Создано",
  col_ended: "Закончено",
  kind_job: "фоновое задание", kind_message: "сообщение", kind_refund: "возврат",
  kind_notification: "извещение шлюза", kind_record: "запись для PostgreSQL",
  retry: "Повторить", retried: "Будет повторено.",
  filter: "Показать", all: "все", waiting: "ждут", running: "идут", done: "сделаны",
  dead: "брошены",
  room: "Комната ожидания", room_look: "Как идёт, или открыть",
  room_rate: "Впускать человек в секунду",
  room_turn: "Очередь длится, с", room_claim: "Очередь ждёт человека, с",
  room_hint: "С этого мига без очереди мест не занять. Закрыть или изменить её нельзя.",
  room_sure: "Я знаю, что отменить это нельзя.", room_open: "Открыть комнату ожидания",
  room_commitment: "Отпечаток жеребьёвки", room_waiting: "Ждут сейчас",
  room_present: "Участвовали в жеребьёвке", room_status: "Жеребьёвка",
  room_status_open: "ещё не было", room_status_drawn: "прошла", room_link: "Жеребьёвка",
  campaign: "Отмена", campaign_orders: "Отменено заказов", campaign_refunds: "Возвраты в пути",
  campaign_dead: "Возвраты застряли", campaign_over: "Всё отменено.",
  move: "Перенести событие", move_starts: "Новое время", move_venue: "Новая площадка",
  move_hint: "Билеты остаются в силе; всем, у кого они есть, напишут.", move_do: "Перенести",
};

export const TABLES = { en: EN, ru: RU };
export const tell = speaker(TABLES);

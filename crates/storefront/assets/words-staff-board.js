// The words of the board of sales about what is to come, in both languages.

import { speaker } from "./messages.js";

const EN = {
  expiry: "Held seats that come back", minute: "{n} min", expiry_none: "No seat is held.",
  expiry_note: "Unless they are paid for: {all} within five minutes, {later} later.",
  gateways: "Payment gateways", gateways_none: "No gateway is set up.",
  gateways_note: "Calls of this office in the last {n} minutes; what the worker asks is not in it.",
  gateway_answers: "answers", gateway_rests: "silent, spared", gateway_unused: "not asked lately",
  col_gateway: "Gateway", col_state: "State", col_calls: "Calls", col_failures: "Without an answer",
  col_p50: "Half within", col_p95: "95 of 100 within", col_spared: "Not asked", within: "{ms} ms",
};

const RU = {
  expiry: "Занятые места, которые вернутся", minute: "{n} мин",
  expiry_none: "Ни одно место не занято.",
  expiry_note: "Если их не оплатят: {all} за пять минут, {later} позже.",
  gateways: "Платёжные шлюзы", gateways_none: "Шлюзы не настроены.",
  gateways_note: "Вызовы этого офиса за последние {n} мин; вызовов фонового процесса здесь нет.",
  gateway_answers: "отвечает", gateway_rests: "молчит, не спрашиваем",
  gateway_unused: "давно не спрашивали",
  col_gateway: "Шлюз", col_state: "Состояние", col_calls: "Вызовов", col_failures: "Без ответа",
  col_p50: "Половина за", col_p95: "95 из 100 за", col_spared: "Не спрошено", within: "{ms} мс",
};

export const TABLES = { en: EN, ru: RU };
export const tell = speaker(TABLES);

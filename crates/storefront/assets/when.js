// Dates in the venue's time zone, in the reader's language.

import { locale } from "./messages.js";

const SHAPE = {
  weekday: "short", day: "numeric", month: "long", year: "numeric", hour: "2-digit",
  minute: "2-digit", timeZoneName: "short",
};

/** The moment `at` (RFC 3339) in words; in the device's own zone where `timeZone` is missing. */
export function momentText(at, timeZone, language = locale) {
  return new Intl.DateTimeFormat(language, { ...SHAPE, timeZone }).format(new Date(at));
}

/** The time of day of `at`, in the device's own zone. */
export function clockTime(at, language = locale) {
  return new Intl.DateTimeFormat(language, { timeStyle: "medium" }).format(new Date(at));
}

/** Rewrites every <time data-zone> of the page; a zone unknown here keeps the server's words. */
export function localizeTimes(root) {
  for (const time of root.querySelectorAll("time[data-zone]")) {
    try {
      time.textContent = momentText(time.dateTime, time.dataset.zone);
    } catch {
      // The server's words are already there.
    }
  }
}

// Counts down to the opening of a sale, on lists and on the event's page. The server alone decides
// when it opens; at zero the page asks anew.

import { speaker } from "./messages.js";

const tell = speaker({
  en: { days: "{d} d {h} h", hours: "{h} h {m} min", minutes: "{m} min {s} s" },
  ru: { days: "{d} д {h} ч", hours: "{h} ч {m} мин", minutes: "{m} мин {s} с" },
});

/** `ms` in words, in the two greatest units. */
export function leftText(ms) {
  const all = Math.max(0, Math.ceil(ms / 1000));
  const [d, h, m, s] = [Math.floor(all / 86_400), Math.floor(all / 3600) % 24,
    Math.floor(all / 60) % 60, all % 60];
  if (d > 0) return tell("days", { d, h });
  return h > 0 ? tell("hours", { h, m }) : tell("minutes", { m, s });
}

/** Starts every `[data-opens]` of the page. */
export function countDown() {
  const places = Array.from(document.querySelectorAll("[data-opens]"));
  if (places.length === 0) return;
  const tick = () => {
    for (const place of places) {
      const ms = Date.parse(place.dataset.opens) - Date.now();
      if (Number.isNaN(ms)) continue;
      const text = leftText(ms);
      if (place.textContent !== text) place.textContent = text;
      if (ms <= 0 && place.closest(".notice")) {
        clearInterval(timer);
        // Spread over two seconds, so that a crowd does not reload as one.
        setTimeout(() => location.reload(), 500 + Math.random() * 1500);
        return;
      }
    }
  };
  const timer = setInterval(tick, 1000);
  tick();
}

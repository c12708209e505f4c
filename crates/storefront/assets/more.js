// A button under a list that has another page.

import { make, whileBusy } from "./dom.js";
import { describe } from "./problem.js";
import { speaker } from "./messages.js";

const tell = speaker({ en: { more: "Show more" }, ru: { more: "Показать ещё" } });

/** Puts the button at the end of `root` in place of the one before; none without `cursor`. */
export function moreButton(root, cursor, load) {
  root.querySelector(":scope > .more")?.remove();
  if (!cursor) return;
  const button = make("button", { type: "button", className: "quiet more" }, tell("more"));
  button.addEventListener("click", () => whileBusy(button, async () => {
    try {
      await load();
    } catch (problem) {
      button.textContent = `${tell("more")} — ${describe(problem)}`;
    }
  }));
  root.append(button);
}

// A number between a minus and a plus, large enough for a thumb.

import { make } from "./dom.js";
import { say } from "./messages.js";

/** A new stepper from 1 to `max`: {root, input}. */
export function stepper({ label, max }) {
  const input = make("input", {
    type: "number", inputMode: "numeric", min: 1, max, value: 1, required: true,
    "aria-label": label,
  });
  const root = make("div", { className: "stepper" }, stepButton("−", "fewer", -1), input,
    stepButton("+", "more", 1));
  wireSteppers(root);
  return { root, input };
}

/** Lets the buttons with a step inside `root` move the number beside them. */
export function wireSteppers(root) {
  for (const button of root.querySelectorAll("[data-step]")) {
    button.addEventListener("click", () => {
      const input = button.closest(".stepper").querySelector("input");
      if (Number(button.dataset.step) > 0) input.stepUp();
      else input.stepDown();
    });
  }
}

function stepButton(sign, word, step) {
  const label = say(word);
  const button = make("button", { type: "button", className: "round", "aria-label": label }, sign);
  button.dataset.step = step;
  return button;
}

// Forms built by scripts: labelled fields, complaints beside them, the focus on the first of them,
// one submission at a time. What the server complains about by pointer lands at its field.

import { make, show, whileBusy } from "./dom.js";
import { say, speaker } from "./messages.js";
import { describe } from "./problem.js";

const tell = speaker({
  en: { missing: "Fill this in.", wrong: "This does not look right." },
  ru: { missing: "Заполните это поле.", wrong: "Здесь что-то не так." },
});

let made = 0;

/** One field. `name`, `label`; then `type` (input's type, "textarea", "select", "checkbox"),
 * `hint`, `value`, `options` ([value, text]), `optional`, `wrong` (said of a refused value), `set`:
 * attributes of the input. */
export function field({ name, label, type = "text", hint, value, options, optional, wrong,
  set = {} }) {
  made += 1;
  const id = `f${made}-${name}`;
  const input = inputOf(type, options);
  Object.assign(input, { id, name, ...set });
  if (type === "checkbox") input.checked = value === true;
  else if (value !== undefined && value !== null) input.value = value;
  input.required = !optional;
  const error = make("p", { className: "error", id: `${id}-error`, hidden: true });
  const notes = [error];
  const described = [error.id];
  if (hint) {
    notes.unshift(make("p", { className: "hint", id: `${id}-hint` }, hint));
    described.unshift(`${id}-hint`);
  }
  input.setAttribute("aria-describedby", described.join(" "));
  const head = type === "checkbox"
    ? [make("label", { className: "check" }, input, make("span", {}, ...[label].flat()))]
    : [make("label", { htmlFor: id }, label), input];
  const box = make("div", { className: "field" }, ...head, ...notes);
  return {
    name, box, input,
    get value() {
      if (type === "checkbox") return input.checked;
      return type === "password" || type === "textarea" ? input.value : input.value.trim();
    },
    get missing() {
      return !optional && (this.value === "" || this.value === false);
    },
    complain(text) {
      if (text) input.setAttribute("aria-invalid", "true");
      else input.removeAttribute("aria-invalid");
      show(error, text);
    },
    wrong: wrong ?? tell("wrong"),
  };
}

/** The field of a six-digit code; `more` as for any field. */
export const codeField = (more) => field({ name: "code", ...more,
  set: { inputMode: "numeric", autocomplete: "one-time-code", maxLength: 6 } });

function inputOf(type, options) {
  if (type === "textarea") return make("textarea", { rows: 4 });
  if (type !== "select") return make("input", { type });
  const all = options.map(([value, text]) => make("option", { value }, text));
  return make("select", {}, ...all);
}

/** A form of `fields`; `onSubmit(values)` may throw a Problem. `submit` is the button's text;
 * `also` has further elements beside the button. */
export function form({ fields, submit, onSubmit, also = [], quiet = false, label }) {
  const error = make("p", { className: "error", role: "alert", tabIndex: -1, hidden: true });
  const button = make("button", { type: "submit", className: quiet ? "quiet" : "primary" }, submit);
  const element = make("form", { noValidate: true }, ...fields.map(({ box }) => box), error,
    make("div", { className: "actions" }, button, ...also));
  if (label) element.setAttribute("aria-label", label);
  const send = async () => {
    show(error, null);
    const missing = fields.filter((one) => one.missing);
    for (const one of fields) one.complain(one.missing ? tell("missing") : null);
    if (missing.length > 0) {
      missing[0].input.focus();
      return;
    }
    try {
      await onSubmit(Object.fromEntries(fields.map((one) => [one.name, one.value])));
    } catch (problem) {
      complain(problem, fields, error);
    }
  };
  element.addEventListener("submit", (event) => {
    event.preventDefault();
    whileBusy(button, send);
  });
  return element;
}

/** Shows a Problem at the fields it names, else above the button. */
function complain(problem, fields, error) {
  if (problem?.status === undefined) console.error(problem);
  const named = new Set();
  const rest = [];
  for (const { pointer, detail } of problem?.body?.errors ?? []) {
    const path = pointer.split("/").filter(Boolean);
    const found = fields.find(({ name }) => name === path.join("_") || name === path[0]);
    if (found) named.add(found);
    else rest.push([pointer, detail].filter(Boolean).join(": "));
  }
  for (const one of named) one.complain(one.wrong);
  if (named.size > 0 && rest.length === 0) {
    [...named][0].input.focus();
    return;
  }
  const text = problem?.told ?? describe(problem);
  show(error, rest.length > 0 ? `${say("problem_invalid_request")} ${rest.join("; ")}` : text);
  error.focus();
}

/** A button that asks before it acts; `act` may throw a Problem, which is shown beside it. */
export function sureButton({ text, sure, yes, no, act, className = "quiet" }) {
  const box = make("div", { className: "sure" });
  const error = make("p", { className: "error", role: "alert", hidden: true });
  const first = make("button", { type: "button", className }, text);
  const question = make("p", { tabIndex: -1 }, sure);
  const go = make("button", { type: "button", className: "danger" }, yes);
  const back = make("button", { type: "button", className: "quiet" }, no);
  const asking = make("div", { className: "asking", role: "group", hidden: true }, question,
    make("div", { className: "actions" }, go, back));
  first.addEventListener("click", () => {
    first.hidden = true;
    asking.hidden = false;
    question.focus();
  });
  const reset = () => {
    asking.hidden = true;
    first.hidden = false;
  };
  back.addEventListener("click", () => {
    reset();
    first.focus();
  });
  go.addEventListener("click", () => whileBusy(go, async () => {
    show(error, null);
    try {
      await act();
      reset();
    } catch (problem) {
      show(error, describe(problem));
    }
  }));
  box.append(first, asking, error);
  return box;
}

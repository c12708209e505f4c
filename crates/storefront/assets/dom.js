// Small helpers for building and finding elements. Texts only, never markup from strings.

/** The element with `id`; pages that lack it have a mistake, so it is named. */
export function byId(id) {
  const found = document.getElementById(id);
  if (found === null) throw new Error(`no element #${id}`);
  return found;
}

/** A new element: `properties` are set as properties, `data` and `aria-*` as attributes. */
export function make(tag, properties = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(properties)) {
    if (name.includes("-") || name === "role") element.setAttribute(name, value);
    else element[name] = value;
  }
  element.append(...children);
  return element;
}

/** Shows `text` in `element`, or hides the element where there is none. */
export function show(element, text) {
  element.textContent = text ?? "";
  element.hidden = !text;
}

/** Does `act` once, however often the button is pressed meanwhile. */
export async function whileBusy(button, act) {
  if (button.hasAttribute("data-busy")) return;
  button.setAttribute("data-busy", "");
  try {
    await act();
  } finally {
    button.removeAttribute("data-busy");
  }
}

/** Says `text` to screen readers without moving the focus. */
export function announce(text) {
  byId("announce").textContent = text;
}

// Staff: holds seats of a sale back, gives them free again, takes them away or adds new ones.

import { segment } from "./api.js";
import { field, form } from "./forms.js";
import { order } from "./staff.js";
import { tell } from "./words-staff.js";

/** A form about seats of an event by their ids; `done()` reads the event anew. */
export function seatsForm(eventId, done) {
  const action = field({ name: "action", label: tell("seats_action"), type: "select",
    options: ["block", "unblock", "remove"].map((word) => [word, tell(`seats_${word}`)]) });
  const seats = field({ name: "seats", label: tell("seats_ids"), type: "textarea",
    hint: tell("seats_hint") });
  const sure = field({ name: "sure", type: "checkbox", label: tell("seats_sure"), optional: true });
  sure.box.hidden = true;
  action.input.addEventListener("change", () => {
    sure.box.hidden = action.value !== "remove";
  });
  const onSubmit = async (values) => {
    if (values.action === "remove" && !values.sure) {
      sure.complain(tell("seats_sure"));
      sure.input.focus();
      return;
    }
    const ids = values.seats.split(/[\s,;]+/).filter(Boolean);
    await order(`/admin/events/${segment(eventId)}/seats`, { [values.action]: ids });
    await done();
  };
  return form({ fields: [action, seats, sure], submit: tell("seats_do"), onSubmit, quiet: true });
}

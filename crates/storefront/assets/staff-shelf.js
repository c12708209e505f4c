// A shelf of the catalogue: a list of entries and one form to write a new one, edit or remove it.
// Artists and venues are such shelves.

import { fillTold, section } from "./account.js";
import { call, segment } from "./api.js";
import { make } from "./dom.js";
import { form } from "./forms.js";
import { all, asked, backLink, change, order, removeButton, staff } from "./staff.js";
import { tell } from "./words-staff.js";

/** Runs a shelf's page. `path` is the API's; `fields(entry)` builds the form, `body(values)` what
 * is sent, `line(entry)` what the list says beside the name. */
export function shelf({ path, fields, body, line }) {
  const show = async (told = null) => {
    const id = asked("id");
    if (id === null) {
      const items = await all(path);
      const rows = items.map((entry) => make("li", {},
        make("a", { href: `?id=${segment(entry.id)}` }, entry.name),
        make("span", { className: "muted" }, line(entry))));
      const add = async (values) => {
        await order(path, body(values));
        await show(tell("saved"));
      };
      fillTold(told, make("ul", { className: "rows-list listing" }, ...rows),
        section(tell("new"), form({ fields: fields({}), submit: tell("create"), onSubmit: add })));
    } else {
      const entry = await call("GET", `${path}/${segment(id)}`);
      fillTold(told, backLink(), section(entry.name, edit(entry), removeButton(path, entry)));
    }
  };
  const edit = (entry) => form({ fields: fields(entry), submit: tell("save"),
    onSubmit: async (values) => {
      await change(path, entry, body(values));
      await show(tell("saved"));
    } });
  staff(() => show());
}

// A shelf of the catalogue: a list of entries and one form to write a new one, edit or remove it.
// Artists and venues are such shelves.

import { fill, notice, section } from "./account.js";
import { call, newKey, segment } from "./api.js";
import { make } from "./dom.js";
import { form, sureButton } from "./forms.js";
import { all, asked, order, staff } from "./staff.js";
import { tell } from "./words-staff.js";

/** Runs a shelf's page. `path` is the API's; `fields(entry)` builds the form, `body(values)` what
 * is sent, `line(entry)` what the list says beside the name. */
export function shelf({ path, fields, body, line }) {
  const show = async (told = null) => {
    const id = asked("id");
    const said = told === null ? null : notice(told);
    if (id === null) {
      const items = await all(path);
      const rows = items.map((entry) => make("li", {},
        make("a", { href: `?id=${segment(entry.id)}` }, entry.name),
        make("span", { className: "muted" }, line(entry))));
      const add = async (values) => {
        await order(path, body(values));
        await show(tell("saved"));
      };
      fill(said, make("ul", { className: "rows-list listing" }, ...rows),
        section(tell("new"), form({ fields: fields({}), submit: tell("create"), onSubmit: add })));
    } else {
      const entry = await call("GET", `${path}/${segment(id)}`);
      fill(make("p", {}, make("a", { href: location.pathname }, tell("back"))), said,
        section(entry.name, edit(id, entry), remove(id, entry)));
    }
    said?.focus();
  };
  const edit = (id, entry) => form({ fields: fields(entry), submit: tell("save"),
    onSubmit: async (values) => {
      await call("PATCH", `${path}/${segment(id)}`,
        { body: body(values), revision: entry.revision, key: newKey() });
      await show(tell("saved"));
    } });
  const remove = (id, entry) => sureButton({ text: tell("remove"),
    sure: tell("remove_sure", { name: entry.name }), yes: tell("remove"), no: tell("no"),
    act: async () => {
      await call("DELETE", `${path}/${segment(id)}`, { revision: entry.revision, key: newKey() });
      location.assign(location.pathname);
    } });
  staff(() => show());
}

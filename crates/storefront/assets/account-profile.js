// Who one is: the name at once, address, number and login by a code that was sent.

import { cabinet, fillTold, section } from "./account.js";
import { call, segment } from "./api.js";
import { make } from "./dom.js";
import { codeField, field, form } from "./forms.js";
import { keepSession } from "./session.js";
import { showWho } from "./who.js";
import { tell } from "./words-account.js";

const KINDS = {
  email: { type: "email", autocomplete: "email" },
  phone: { type: "tel", autocomplete: "tel" },
  login: { type: "text", autocomplete: "username" },
};

/** Shows the person; `told` is said above. */
function page(me, told = null) {
  fillTold(told, section(tell("your_name"), nameForm(me)),
    ...Object.keys(KINDS).map((kind) => section(tell(kind), ...change(me, kind))));
}

function nameForm(me) {
  const one = (name, autocomplete) => field({ name, label: tell(name), value: me[name],
    set: { autocomplete, maxLength: 100 } });
  const onSubmit = async (values) => {
    const edited = await call("PATCH", "/me", { body: values });
    keepSession({ name: edited.name });
    showWho();
    page(edited, tell("saved"));
  };
  return form({ fields: [one("surname", "family-name"), one("name", "given-name")],
    submit: tell("save"), onSubmit, quiet: true });
}

function change(me, kind) {
  const verified = me[`${kind}_verified`];
  const state = verified === undefined ? null
    : make("span", { className: `badge badge-${verified ? "valid" : "used"}` },
      tell(verified ? "verified" : "unverified"));
  const present = make("p", { className: "present" }, make("strong", {}, me[kind]),
    ...(state === null ? [] : [" ", state]));
  const value = field({ name: "value", label: tell(`new_${kind}`),
    hint: tell(`new_${kind}_hint`), value: verified === false ? me[kind] : "",
    wrong: tell(`${kind}_wrong`), type: KINDS[kind].type,
    set: { autocomplete: KINDS[kind].autocomplete } });
  const place = make("div");
  const onSubmit = async (values) => {
    const begun = await call("POST", "/me/changes", { body: { field: kind, ...values } });
    confirm(place, begun.id);
  };
  place.append(form({ fields: [value], submit: tell("send_code"), onSubmit, quiet: true,
    label: tell(`new_${kind}`) }));
  return [present, place];
}

function confirm(place, id) {
  const code = codeField({ label: tell("code"), hint: tell("code_hint"),
    wrong: tell("code_wrong") });
  const onSubmit = async (values) => {
    try {
      page(await call("POST", `/me/changes/${segment(id)}/confirm`, { body: values }),
        tell("changed"));
    } catch (problem) {
      if (problem.code === "taken") problem.told = tell("taken");
      throw problem;
    }
  };
  place.replaceChildren(form({ fields: [code], submit: tell("confirm"), onSubmit }));
  code.input.focus();
}

cabinet((me) => page(me));

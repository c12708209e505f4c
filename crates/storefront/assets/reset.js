// A forgotten password: a code to the address, then a new password.

import { fill, notice } from "./account.js";
import { call, segment } from "./api.js";
import { make } from "./dom.js";
import { codeField, field, form } from "./forms.js";
import { tell } from "./words-account.js";

function ask() {
  const identifier = field({ name: "identifier", label: tell("identifier"),
    hint: tell("identifier_hint"), set: { autocomplete: "username", autocapitalize: "none" } });
  const onSubmit = async (values) => {
    const reset = await call("POST", "/auth/reset", { body: values });
    set(reset.id);
  };
  fill(make("div", { className: "panel" }, make("p", {}, tell("reset_lead")),
    form({ fields: [identifier], submit: tell("send_code"), onSubmit })));
}

function set(id) {
  const code = codeField({ label: tell("mail_code"), wrong: tell("code_wrong") });
  const password = field({ name: "password", label: tell("new_password"), type: "password",
    hint: tell("password_hint"), wrong: tell("password_wrong"),
    set: { autocomplete: "new-password" } });
  const onSubmit = async (values) => {
    await call("POST", `/auth/reset/${segment(id)}/confirm`, { body: values });
    const done = notice(tell("reset_done"));
    fill(done, make("p", {}, make("a", { className: "button primary", href: "/signin" },
      tell("sign_in"))));
    done.focus();
  };
  const told = notice(tell("reset_sent"));
  fill(told, make("div", { className: "panel" },
    form({ fields: [code, password], submit: tell("set_password"), onSubmit })));
  told.focus();
}

ask();

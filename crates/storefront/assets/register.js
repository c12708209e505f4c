// Making an account: who one is, two consents apart from each other, then the code from the letter.

import { fill, nextPage, notice } from "./account.js";
import { call, segment } from "./api.js";
import { byId, make } from "./dom.js";
import { codeField, field, form } from "./forms.js";
import { signIn } from "./signin.js";
import { tell } from "./words-account.js";

function fields() {
  const text = (name, autocomplete, more = {}) => field({ name, label: tell(name),
    wrong: tell.knows(`${name}_wrong`) ? tell(`${name}_wrong`) : undefined,
    hint: tell.knows(`${name}_hint`) ? tell(`${name}_hint`) : undefined,
    ...more, set: { autocomplete, ...more.set } });
  const consent = (name, kind, optional) => field({ name, type: "checkbox", optional,
    label: [`${tell(name)} `, make("a", { href: `/consent/${kind}`, target: "_blank" },
      tell("read_text"))] });
  return [
    text("surname", "family-name"), text("name", "given-name"),
    text("email", "email", { type: "email" }), text("phone", "tel", { type: "tel" }),
    text("login", "username", { set: { autocapitalize: "none", spellcheck: false } }),
    text("password", "new-password", { type: "password" }),
    consent("consent_data", "personal_data", false), consent("consent_news", "marketing", true),
  ];
}

async function register(values) {
  const version = byId("main").dataset.consentVersion;
  const kinds = values.consent_news ? ["personal_data", "marketing"] : ["personal_data"];
  const { surname, name, email, phone, login, password } = values;
  const body = { surname, name, email, phone, login, password,
    consents: kinds.map((kind) => ({ kind, version })) };
  const answer = await call("POST", "/auth/register", { body });
  try {
    await signIn({ identifier: login, password });
  } catch (problem) {
    if (problem.status !== 401) throw problem;
    // The address is somebody's already: only the letter says so.
    fill(notice(tell("register_read_mail", { email })));
    return;
  }
  confirm(answer.verification.id, email);
}

function confirm(change, email) {
  const next = nextPage("/account");
  const code = codeField({ label: tell("mail_code"), wrong: tell("code_wrong") });
  const onSubmit = async (values) => {
    await call("POST", `/me/changes/${segment(change)}/confirm`, { body: values });
    location.assign(next);
  };
  const later = make("a", { className: "button quiet", href: next }, tell("later"));
  const told = notice(tell("register_done", { email }));
  fill(told, make("div", { className: "panel" },
    form({ fields: [code], submit: tell("confirm"), onSubmit, also: [later] })));
  told.focus();
}

const all = fields();
fill(make("div", { className: "panel" },
  form({ fields: all, submit: tell("register"), onSubmit: register }),
  make("p", { className: "beside" },
    make("a", { href: `/signin${location.search}` }, tell("have_account")))));

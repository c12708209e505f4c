// Staff: what failed for good, with another try for it, and background work by its state.

import { fillTold, section } from "./account.js";
import { call } from "./api.js";
import { byId, make } from "./dom.js";
import { form } from "./forms.js";
import { moreButton } from "./more.js";
import { describe } from "./problem.js";
import { all, asked, order, staff, table } from "./staff.js";
import { momentText } from "./when.js";
import { tell } from "./words-staff-work.js";

const STATES = ["dead", "waiting", "running", "done"];
const PAGE = 50;

async function page(told = null) {
  const status = STATES.find((state) => state === asked("status")) ?? null;
  const jobs = make("div", { id: "jobs", className: "stack" });
  const items = await all("/admin/errors");
  fillTold(told, section(tell("errors"), errors(items)),
    section(tell("jobs"), filters(status), jobs));
  await more(status, null);
}

/** A try again of `path`, where the server has one. */
function retry(path, about) {
  if (!path) return "";
  const button = form({ fields: [], submit: tell("retry"), quiet: true,
    label: `${tell("retry")}: ${about}`, onSubmit: async () => {
      await order(path.replace("/api/v1", ""));
      await page(tell("retried"));
    } });
  return button;
}

function errors(items) {
  if (items.length === 0) return make("p", { id: "errors-none" }, tell("errors_none"));
  const rows = items.map((one) => [
    tell.knows(`kind_${one.kind}`) ? tell(`kind_${one.kind}`) : one.kind, one.about,
    one.error ?? "", momentText(one.at), retry(one.retry, `${one.about} ${one.id}`)]);
  return table(tell("errors"), ["kind", "about", "error", "at", "do"].map(head), rows);
}

const head = (word) => tell(`col_${word}`);

function filters(current) {
  const link = (status) => {
    const href = status === null ? location.pathname : `?status=${status}`;
    const element = make("a", { href }, tell(status ?? "all"));
    if (status === current) element.setAttribute("aria-current", "true");
    return element;
  };
  return make("nav", { className: "filters", "aria-label": tell("filter") },
    ...[null, ...STATES].map(link));
}

async function more(status, cursor) {
  const query = new URLSearchParams({ limit: PAGE, ...(status ? { status } : {}),
    ...(cursor ? { cursor } : {}) });
  const { items, next_cursor: next } = await call("GET", `/admin/jobs?${query}`);
  const jobs = byId("jobs");
  const rows = items.map((job) => [job.kind, tell(job.status),
    `${job.attempts} / ${job.attempts_max}`, momentText(job.created_at),
    job.ended_at ? momentText(job.ended_at) : "", job.error ?? "",
    job.status === "dead" ? retry(`/admin/jobs/${encodeURIComponent(job.id)}/retry`, job.kind)
      : ""]);
  if (rows.length > 0) {
    const heads = ["job", "status", "attempts", "made", "ended", "error", "do"].map(head);
    jobs.append(table(tell("jobs"), heads, rows));
  } else if (jobs.childElementCount === 0) {
    jobs.append(make("p", { id: "jobs-none" }, tell("jobs_none")));
  }
  moreButton(jobs, next, () => more(status, next));
}

staff(() => page().catch((problem) => {
  if (problem?.status === undefined) console.error(problem);
  byId("app-wait").hidden = true;
  byId("app").prepend(make("p", { className: "error", role: "alert" }, describe(problem)));
}));

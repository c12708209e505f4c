// Turns a Problem into a sentence that says what happened and what to do. Pure.

import { knows, say } from "./messages.js";
import { momentText } from "./when.js";

/** Codes that all mean: the shop is too busy this second. */
const BUSY = new Set(["overloaded", "persistence_backlog", "no_leader", "database_unavailable",
  "draining", "unavailable", "request_timeout", "version_inactive"]);

/** The sentence for `problem`; whatever is not a Problem is our own failure. */
export function describe(problem) {
  const code = problem?.code;
  if (BUSY.has(code)) return say("problem_busy");
  if (code === "sale_not_open" && problem.body.opens_at) {
    return say("problem_sale_opens_at", { time: momentText(problem.body.opens_at) });
  }
  if (code && knows(`problem_${code}`)) return say(`problem_${code}`);
  return say("problem_failed");
}

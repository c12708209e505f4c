// Who is signed in, as the server says; the name and role are kept for the corner of every page.

import { call } from "./api.js";
import { keepSession } from "./session.js";

/** The person's own document; throws Problem. */
export async function readMe() {
  const me = await call("GET", "/me");
  keepSession({ name: me.name, role: me.role });
  return me;
}

// Who is signed in here. The tokens themselves are cookies that no script can read; what a page may
// know is the token against forged requests, until when the session's access lasts, and the name to
// greet by. Access is carried on before it ends, by one tab at a time: a refresh token works once.

const NAME = "seatgrid.session";
const CSRF = /(?:^|;\s*)((?:__Host-)?seatgrid_csrf)=([^;]+)/;
/** Access is carried on this long before it ends, in milliseconds. */
const AHEAD_MS = 60_000;
const REFRESH_MS = 8000;
/** A refresh that failed for the moment is not tried again within this, in milliseconds. */
const PAUSE_MS = 5000;

/** Where staff begins: stewards at the door, others at the board; null for everybody else. */
export function staffPage(role) {
  if (role === "steward") return "/staff/door";
  return isStaff(role) ? "/staff" : null;
}

/** Whether a role may use the pages of staff; a steward may use the door's alone. */
export const isStaff = (role) => role === "organiser" || role === "administrator";

let triedAtMs = -PAUSE_MS;

/** The value for X-CSRF-Token, or null where nobody is signed in. */
export function csrfToken() {
  return CSRF.exec(globalThis.document?.cookie ?? "")?.[2] ?? null;
}

/** What is kept: {until_ms, name, role}; `until_ms` by this device's clock. */
export function session() {
  if (csrfToken() === null) return null;
  try {
    return { until_ms: 0, ...JSON.parse(localStorage.getItem(NAME) ?? "{}") };
  } catch {
    return { until_ms: 0 };
  }
}

/** Adds `facts` to what is kept. */
export function keepSession(facts) {
  try {
    localStorage.setItem(NAME, JSON.stringify({ ...session(), ...facts }));
  } catch {
    // Without storage each page carries the session on anew.
  }
}

/** Keeps what the server's tokens document says. */
export function keepTokens({ expires_in: expiresIn, role }) {
  keepSession({ until_ms: Date.now() + expiresIn * 1000, role });
}

/** Drops what the worker kept of tickets: whoever comes next must not be shown them. */
export async function dropTickets() {
  try {
    await globalThis.caches?.delete("seatgrid.tickets");
  } catch {
    // Where the browser refuses storage nothing was kept.
  }
}

/** Forgets the person at once, and what the worker kept of their tickets by the time it resolves;
 * the server forgets by itself. */
export async function forgetSession() {
  const name = CSRF.exec(globalThis.document?.cookie ?? "")?.[1];
  if (name) {
    const secure = name.startsWith("__Host-") ? "; Secure" : "";
    document.cookie = `${name}=; Path=/; Max-Age=0; SameSite=Lax${secure}`;
  }
  try {
    localStorage.removeItem(NAME);
  } catch {
    // Nothing was kept.
  }
  await dropTickets();
}

const isFresh = () => {
  const kept = session();
  return kept === null || kept.until_ms - AHEAD_MS > Date.now();
};

/** Carries the session on where its access ends soon. Never throws: a page that cannot reach the
 * server learns that from the call it was about to make. */
export async function freshen(root) {
  if (isFresh() || performance.now() - triedAtMs < PAUSE_MS) return;
  const turn = async () => {
    // Another tab may have been quicker.
    if (!isFresh()) await refresh(root);
  };
  if (navigator.locks) await navigator.locks.request(NAME, turn);
  else await turn();
}

async function refresh(root) {
  triedAtMs = performance.now();
  try {
    const answer = await fetch(`${root}/auth/refresh`, {
      method: "POST", body: "{}", cache: "no-store", credentials: "same-origin",
      headers: { "Content-Type": "application/json", "X-CSRF-Token": csrfToken() },
      signal: AbortSignal.timeout(REFRESH_MS),
    });
    if (answer.ok) keepTokens(await answer.json());
    else if (answer.status === 401 || answer.status === 403) await forgetSession();
  } catch {
    // The old token is tried as long as it lasts.
  }
}

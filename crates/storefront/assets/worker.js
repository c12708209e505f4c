// The shop's worker: keeps opened tickets for the way without a network. Everything is asked of the
// network first; what was kept answers only where there is none. Nothing but reads is ever kept.

const KEPT = "seatgrid.tickets";
/** Answers kept; the oldest go first. */
const KEPT_MAX = 200;
/** Answers that say: this is not for who asks now. */
const REFUSALS = new Set([401, 403, 404]);

/** Pages and answers that a ticket at the door needs. */
function isKept({ method, url }) {
  const { origin, pathname } = new URL(url);
  if (method !== "GET" || origin !== self.location.origin) return false;
  return pathname.startsWith("/assets/") || pathname === "/account"
    || pathname === "/staff/door"
    || /^\/orders\/[^/]+(\/tickets\/[^/]+)?$/.test(pathname)
    || /^\/api\/v1\/orders\/[^/]+(\/tickets)?$/.test(pathname)
    || /^\/api\/v1\/(me\/tickets|me|events\/[^/]+)$/.test(pathname);
}

async function answer(request) {
  // Opened before the question: what signing out deletes meanwhile takes this answer with it.
  const cache = await caches.open(KEPT).catch(() => null);
  let fresh;
  try {
    fresh = await fetch(request);
  } catch (problem) {
    const kept = await caches.match(request, { cacheName: KEPT, ignoreVary: true });
    if (kept) return kept;
    throw problem;
  }
  // An answer that cannot be kept is an answer all the same.
  await learn(cache, request, fresh).catch(() => null);
  return fresh;
}

/** Keeps a good answer; a refusal takes back what was kept for somebody else or an earlier time. */
async function learn(cache, request, fresh) {
  if (fresh.ok) await keep(cache, request, fresh.clone());
  else if (REFUSALS.has(fresh.status)) await cache.delete(request, { ignoreVary: true });
}

async function keep(cache, request, response) {
  await cache.put(request, response);
  const names = await cache.keys();
  for (const name of names.slice(0, Math.max(0, names.length - KEPT_MAX))) await cache.delete(name);
}

self.addEventListener("install", () => self.skipWaiting());
self.addEventListener("activate", (event) => event.waitUntil(self.clients.claim()));
self.addEventListener("fetch", (event) => {
  if (isKept(event.request)) event.respondWith(answer(event.request));
});

// The shop's worker: shows notices, and keeps opened tickets for the way without a network.
// Everything is asked of the network first; what was kept answers only where there is none. Nothing
// but reads is ever kept.

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

/** A notice from the shop: shown by the browser, also while no page of it is open. */
async function tellNotice(data) {
  const { title, body, kind, about } = data?.json() ?? {};
  await self.registration.showNotification(title ?? "seatgrid",
    { body, tag: `${kind} ${about}`, icon: "/favicon.ico", data: { about } });
}

/** Where a notice leads: to its order, else to the tickets. */
async function openNotice({ data }) {
  const about = String(data?.about ?? "");
  const path = about.startsWith("o") ? `/orders/${encodeURIComponent(about)}` : "/account";
  await self.clients.openWindow(path);
}

self.addEventListener("push", (event) => event.waitUntil(tellNotice(event.data)));
self.addEventListener("notificationclick", (event) => {
  event.notification.close();
  event.waitUntil(openNotice(event.notification));
});
self.addEventListener("install", () => self.skipWaiting());
self.addEventListener("activate", (event) => event.waitUntil(self.clients.claim()));
self.addEventListener("fetch", (event) => {
  if (isKept(event.request)) event.respondWith(answer(event.request));
});

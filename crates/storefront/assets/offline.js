// Starts the shop's worker, so that tickets opened here open without a network, too.

/** Asks for the worker; a browser without one simply has no tickets offline. */
export function keepTicketsOffline() {
  navigator.serviceWorker?.register("/worker.js").catch(() => null);
}

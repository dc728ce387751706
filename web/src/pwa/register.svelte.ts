/**
 * Registers the service worker and knows when a new version waits. Nothing happens on a page
 * without one (the development server, a browser that refuses).
 */
import type { TakeOver } from "../streaming/messages.ts";

/** How often a page that stays open asks for a new version. */
const CHECK_EVERY_MS = 60 * 60 * 1000;

let waiting = $state.raw<ServiceWorker | null>(null);

export const update = {
  /** A new version is ready and waits for the person's word. */
  get ready(): boolean {
    return waiting !== null;
  },
  /** Take it; the page reloads when the new worker has taken over. */
  take(): void {
    waiting?.postMessage({ type: "take-over" } satisfies TakeOver);
  },
};

function follow(registration: ServiceWorkerRegistration): void {
  const noticed = (): void => {
    // Without a controller this is the first install: nothing to update.
    if (registration.waiting !== null && navigator.serviceWorker.controller !== null) {
      waiting = registration.waiting;
    }
  };
  noticed();
  registration.addEventListener("updatefound", () => {
    registration.installing?.addEventListener("statechange", noticed);
  });
  setInterval(() => void registration.update().catch(() => undefined), CHECK_EVERY_MS);
}

export async function registerServiceWorker(): Promise<void> {
  if (!("serviceWorker" in navigator) || !import.meta.env.PROD) return;
  let hadController = navigator.serviceWorker.controller !== null;
  navigator.serviceWorker.addEventListener("controllerchange", () => {
    // The first worker claims the page quietly; a later one replaces its files.
    if (hadController) location.reload();
    hadController = true;
  });
  try {
    follow(await navigator.serviceWorker.register("/service-worker.js", { scope: "/" }));
  } catch {
    // The app works without it, online and without streaming.
  }
}

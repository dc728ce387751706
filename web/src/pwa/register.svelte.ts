/**
 * Registers the service worker, knows when a new version waits, and takes it. Nothing happens on a
 * page without one (the development server, a browser that refuses).
 *
 * The worker that is in charge serves its own version's files, however often a page reloads: a newer
 * version is shown only after its worker has taken over, which reloads every page of the device. A page
 * that is loading at that moment misses the browser's event: it asks the worker when it has loaded.
 */
import type { KeepFiles, PageLoaded, TakeOver } from "#streaming/messages.ts";
import { whenIdle } from "#app/idle.ts";
import { t } from "#i18n/index.svelte.ts";
import { toast } from "#app/state/toasts.svelte.ts";

/** How often a page that stays open asks for a new version. */
const CHECK_EVERY_MS = 60 * 60 * 1000;
/** How often the page asks the new worker to take over: Chromium may forget it when it stops the old worker. */
const TAKE_OVER_EVERY_MS = 2_000;

let ready = $state(false);
let taking = $state(false);

export const update = {
  /** A new version is ready and waits for the person's word. */
  get ready(): boolean {
    return ready;
  },
  /** The newest version is being fetched, or takes over. */
  get taking(): boolean {
    return taking;
  },
  /**
   * Take the version that waits, or the newest that the server has; the page reloads when its worker has taken over, or
   * at once where no newer one is to be had. Rejects where it cannot be fetched.
   */
  async take(): Promise<void> {
    taking = true;
    try {
      const next = await newest();
      if (next === null) location.reload();
      else takeOver(next);
    } catch (error) {
      taking = false;
      throw error;
    }
  },
};

/** The worker of a newer version; null: the one in charge is the newest. */
async function newest(): Promise<ServiceWorker | null> {
  if (!("serviceWorker" in navigator)) return null;
  const registration = await navigator.serviceWorker.getRegistration();
  if (registration === undefined) return null;
  // One that waits is taken as it is: to look for a newer one could take long.
  if (registration.waiting !== null) return registration.waiting;
  await registration.update();
  if (registration.installing !== null) await installed(registration.installing);
  return registration.waiting;
}

/** Asks the worker that waits, until it has taken over, which reloads this page. */
function takeOver(waiting: ServiceWorker | null): void {
  waiting?.postMessage({ type: "take-over" } satisfies TakeOver);
  const again = async (): Promise<void> => {
    const registration = await navigator.serviceWorker.getRegistration();
    takeOver(registration?.waiting ?? null);
  };
  setTimeout(() => void again(), TAKE_OVER_EVERY_MS);
}

/** Resolves when a worker has fetched its files; rejects where it could not. */
function installed(worker: ServiceWorker): Promise<void> {
  return new Promise((resolve, reject) => {
    const look = (): void => {
      if (worker.state === "redundant") reject(new Error("the new version cannot be fetched"));
      else if (worker.state !== "installing") resolve();
    };
    worker.addEventListener("statechange", look);
    look();
  });
}

function follow(registration: ServiceWorkerRegistration): void {
  const noticed = (): void => {
    // Without a controller this is the first install: nothing to update.
    ready = registration.waiting !== null && navigator.serviceWorker.controller !== null;
  };
  noticed();
  registration.addEventListener("updatefound", () => {
    registration.installing?.addEventListener("statechange", noticed);
  });
  setInterval(() => void registration.update().catch(() => undefined), CHECK_EVERY_MS);
}

/** Reload this page if the worker in charge serves another version. */
function askController(): void {
  const entry = document.querySelector("script[type=module]")?.getAttribute("src") ?? "";
  const { port1, port2 } = new MessageChannel();
  port1.onmessage = () => location.reload();
  const loaded: PageLoaded = { type: "page-loaded", entry };
  navigator.serviceWorker.controller?.postMessage(loaded, [port2]);
}

/** The first worker of this phone was not there when the page loaded its files. */
function keepFiles(): void {
  const urls = performance.getEntriesByType("resource").map(({ name }) => name);
  navigator.serviceWorker.controller?.postMessage({
    type: "keep-files",
    urls,
  } satisfies KeepFiles);
}

const possible = "serviceWorker" in navigator && import.meta.env.PROD;

/** Reload when another version takes over. From the page's first moment on. */
export function followServiceWorker(): void {
  if (!possible) return;
  let hadController = navigator.serviceWorker.controller !== null;
  navigator.serviceWorker.addEventListener("controllerchange", () => {
    // The first worker claims the page quietly; a later one replaces its files.
    if (hadController || taking) location.reload();
    else keepFiles();
    hadController = true;
  });
  askController();
}

let registered = false;

/** Registers the service worker, which caches the app's files, after the first screen is drawn. */
export function registerServiceWorker(): void {
  if (!possible || registered) return;
  registered = true;
  whenIdle(() => {
    // A module: it shares the core's file with the page's worker.
    navigator.serviceWorker
      .register("/service-worker.js", { scope: "/", type: "module" })
      .then(follow)
      // The app works without it, online and without streaming.
      .catch(() => undefined);
  });
}

/** Takes the newest version at the person's word, and says so where it cannot be fetched. */
export function takeUpdate(): void {
  update.take().catch(() => {
    toast(t("app.status.updateFailed"), { tone: "danger" });
  });
}

/**
 * Services that run beside the screens for as long as the page is open: the service worker and its
 * streams, notifications, the app lock's clock, the browser's promise to keep the storage, its word
 * about the network, and letting go of plaintext when the app closes.
 */
import { objectUrls } from "#media/object-urls.ts";
import { followInstallOffer } from "#pwa/install.svelte.ts";
import { registerServiceWorker } from "#pwa/register.svelte.ts";
import { serveStreams, stopAllStreams } from "#streaming/page.ts";
import { onCoreEvent } from "../state/app.svelte.ts";
import { followAutoLock } from "./auto-lock.svelte.ts";
import { core } from "../core.ts";
import { followPersistence } from "./persistence.svelte.ts";
import { followNotifications } from "./notifications.svelte.ts";
import { followPushes } from "./pushes.svelte.ts";

export function startDeviceServices(): void {
  followInstallOffer();
  void registerServiceWorker();
  serveStreams(core().attachments);
  followNotifications();
  followPushes();
  followAutoLock();
  followPersistence();
  // The browser knows before any connection breaks.
  const tell = (): void => void core().app.networkChanged(navigator.onLine);
  addEventListener("online", tell);
  addEventListener("offline", tell);
  onCoreEvent((event) => {
    if (event.type !== "app" || event.state.phase === "ready") return;
    // Locked or signed out: no plaintext stays reachable by an address.
    objectUrls.drop();
    stopAllStreams();
  });
}

/** Bring the app up on a page, with a core that is given: in the worker, in this page, or a practice's. */
import type { ConnectedCore } from "@copconnect/client/core";
import { mount } from "svelte";
import "#fonts/fonts.css";
import "#styles/tokens.css";
import "#styles/base.css";
import "#styles/looks.css";
import App from "./App.svelte";
import { followCore, onCoreEvent } from "./state/app.svelte.ts";
import { followConversations } from "./state/conversations.svelte.ts";
import { restoreAppearance } from "./state/appearance.svelte.ts";
import { useCore, core } from "./core.ts";
import { followAddress } from "./router.svelte.ts";
import { objectUrls } from "#media/object-urls.ts";
import { followInstallOffer } from "#pwa/install.svelte.ts";
import { followServiceWorker, registerServiceWorker } from "#pwa/register.svelte.ts";
import { serveStreams, stopAllStreams } from "#streaming/page.ts";
import { followAutoLock } from "./device/auto-lock.svelte.ts";
import { followPersistence } from "./device/persistence.svelte.ts";
import { followNotifications } from "./device/notifications.svelte.ts";
import { followPushes } from "./device/pushes.svelte.ts";

export async function start(connected: ConnectedCore, target: HTMLElement): Promise<void> {
  useCore(connected);
  // A phone that has the app: the code of its first screen comes from the cache while the core starts.
  const isKept = navigator.serviceWorker?.controller != null;
  if (isKept) void firstScreen().catch(() => undefined);
  followAddress();
  startDeviceServices();
  await restoreAppearance();
  mount(App, { target, props: { opening: followCore(), onshown: registerServiceWorker } });
  // The worker answers as soon as it can, while the page draws what surrounds the list.
  if (isKept) followConversations();
}

/** A part that cannot be fetched is tried again where it is shown. */
const firstScreen = () =>
  Promise.all([import("./Main.svelte"), import("#screens/chats/ChatsScreen.svelte")]);

/**
 * Services that run beside the screens for as long as the page is open: the service worker and its
 * streams, notifications, the app lock's clock, the browser's promise to keep the storage, its word
 * about the network, and letting go of plaintext when the app closes.
 */
function startDeviceServices(): void {
  followInstallOffer();
  followServiceWorker();
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

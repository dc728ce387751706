/// <reference lib="webworker" />
/**
 * The service worker: opens the app without a network, and lets players read attachments while
 * they download, and writes notifications when it is pushed (push/wake.ts).
 *
 * Invariants: it caches the app's own files and nothing else (used-files.ts: some only once they are used); plaintext passes through memory
 * only; requests to the server (/v1, /demo, /config.json) are not touched; a new version waits
 * until the person agrees, because a reload in the middle of typing would lose what is on screen.
 */
import {
  cleanupOutdatedCaches,
  createHandlerBoundToURL,
  getCacheKeyForURL,
  precache,
  PrecacheController,
} from "workbox-precaching";
import { matchPrecache } from "workbox-precaching/matchPrecache";
import {
  fillingOf,
  isTakeFilled,
  LOOKING,
  OPEN_LESSONS,
  type Filled,
  type OpenOrder,
} from "./push/messages.ts";
import type { MessageId } from "@copconnect/client/wire";
import { dataOf, LESSONS, unsentNotice, type NoticeData } from "./push/notice.ts";
import { readSettings } from "./push/settings.ts";
import { markRead, onLook, onPush, onSubscriptionChange, sendReply, show } from "./push/wake.ts";
import { FOR_SOME, isForSome, UsedFiles } from "./pwa/used-files.ts";
import { answerMedia } from "./streaming/answer.ts";
import {
  isKeepFiles,
  isPageLoaded,
  isTakeOver,
  mediaId,
  type MediaReply,
  type MediaRequest,
} from "./streaming/messages.ts";

declare const self: ServiceWorkerGlobalScope & {
  readonly __WB_MANIFEST: readonly (string | { url: string; revision: string | null })[];
};

/** A page that is busy decrypting may take a while; one that is gone never answers. */
const ANSWER_TIMEOUT_MS = 30_000;
/** A page that lives answers at once; the person's tap allows to open one for some seconds. */
const TAKES_MS = 2_000;
const INDEX = "/index.html";

const FILES = [...self.__WB_MANIFEST];
const addressOf = (file: (typeof FILES)[number]): string =>
  new URL(typeof file === "string" ? file : file.url, self.location.href).href;
precache(FILES.filter((file) => !isForSome(addressOf(file))));
cleanupOutdatedCaches();
const usedFiles = new UsedFiles(FILES.map(addressOf).filter(isForSome), (request) =>
  fetch(request),
);
const openApp = createHandlerBoundToURL(INDEX);

/** A browser with static routes takes the app's files from the cache without this worker, which may sleep. */
type Installing = ExtendableEvent & {
  readonly addRoutes?: (rules: readonly object[]) => Promise<void>;
};

self.addEventListener("install", (event: Installing) => {
  const handled = FOR_SOME.map((urlPattern) => {
    return { condition: { urlPattern }, source: "fetch-event" };
  });
  const kept = {
    condition: { urlPattern: "/assets/*" },
    source: { cacheName: new PrecacheController().strategy.cacheName },
  };
  event.waitUntil(Promise.all([usedFiles.install(), event.addRoutes?.([...handled, kept])]));
});

self.addEventListener("activate", (event) => {
  // The first install takes the open page too, so that videos stream at once.
  event.waitUntil(Promise.all([self.clients.claim(), usedFiles.activate()]));
});

self.addEventListener("message", (event) => {
  if (isKeepFiles(event.data)) event.waitUntil(usedFiles.keep(event.data.urls));
});

self.addEventListener("message", (event) => {
  if (isTakeOver(event.data)) void self.skipWaiting();
});

self.addEventListener("message", (event) => {
  const { data, ports, source } = event;
  if (!isPageLoaded(data) || !(source instanceof WindowClient) || !isOfApp(new URL(source.url)))
    return;
  event.waitUntil(
    matchPrecache(INDEX).then(async (page) => {
      // A page that reloads shows the cached page, so that it reloads once.
      if (page !== undefined && !(await page.text()).includes(`src="${data.entry}"`)) {
        ports[0]?.postMessage(null);
      }
    }),
  );
});

self.addEventListener("push", (event) => {
  event.waitUntil(onPush(self));
});

self.addEventListener("pushsubscriptionchange", (event) => {
  (event as ExtendableEvent).waitUntil(onSubscriptionChange(self));
});

interface SyncEvent extends ExtendableEvent {
  readonly tag: string;
}

self.addEventListener("periodicsync" as "sync", (event) => {
  const { tag } = event as unknown as SyncEvent;
  if (tag === LOOKING) (event as unknown as SyncEvent).waitUntil(onLook(self));
});

/** A reply that a page which opens is to fill in; in memory alone. */
let unsent: Filled | null = null;

self.addEventListener("message", (event) => {
  if (!isTakeFilled(event.data) || unsent === null) return;
  event.source?.postMessage(unsent);
  unsent = null;
});

// A notification opens its conversation in a page that is there, else in a new one.
self.addEventListener("notificationclick", (event) => {
  const told = dataOf(event.notification);
  const written = (event as unknown as { readonly reply?: string | null }).reply?.trim() ?? "";
  if (event.notification.tag === LESSONS) {
    event.notification.close();
    event.waitUntil(openPage("/#/training", OPEN_LESSONS));
    return;
  }
  // A reply may come back to its notice. Chromium can lose one that is shown while it closes another of
  // the same tag, so that this one stays until it is known where the reply is.
  const replying = written !== "" || told?.reply !== undefined;
  if (!replying) event.notification.close();
  event.waitUntil(
    clicked(told, event.action, written).then((back) => {
      if (replying && !back) event.notification.close();
    }),
  );
});

/** Returns whether the reply came back to the notice. */
async function clicked(told: NoticeData | null, action: string, written: string): Promise<boolean> {
  if (told === null) return openConversation(null, null);
  if (told.order === true && action !== "read") await openOrder(told.messageId);
  else if (action === "read") await markRead(told.conversationId, told.messageId);
  else if (action === "reply" && written !== "") {
    const end = await sendReply(told, written);
    // Otherwise the app is locked, or this conversation takes no message now.
    if (end.kind === "barred") {
      await show(self, unsentNotice(told, written, await readSettings(), end.untilMs));
      return true;
    }
    if (end.kind !== "stored") return openConversation(told, written);
  } else return openConversation(told, told.reply ?? null);
  return false;
}

function openOrder(orderId: MessageId): Promise<void> {
  const told: OpenOrder = { type: "open-order", orderId };
  return openPage(`/#/orders/${encodeURIComponent(orderId)}`, told);
}

/** `told`: what a page that is open gets instead of the address. */
async function openPage(address: string, told: object): Promise<void> {
  const [page] = await self.clients.matchAll({ type: "window" });
  if (page === undefined) {
    await self.clients.openWindow(address);
    return;
  }
  await page.focus();
  page.postMessage(told);
}

/** Whether a page takes the text: a page that is closing is still listed, and loses its messages. */
function takes(page: WindowClient, filled: Filled): Promise<boolean> {
  const { port1, port2 } = new MessageChannel();
  return new Promise<boolean>((resolve) => {
    const timer = setTimeout(() => resolve(false), TAKES_MS);
    port1.onmessage = () => {
      clearTimeout(timer);
      resolve(true);
    };
    page.postMessage(filled, [port2]);
  }).finally(() => port1.close());
}

/** null: the list of conversations. `text`: to be filled in; if no page can be opened it comes back to
 * the notice, and this returns true. */
async function openConversation(told: NoticeData | null, text: string | null): Promise<boolean> {
  const filled = told === null ? null : fillingOf(told.conversationId, text);
  const [page] = await self.clients.matchAll({ type: "window" });
  if (page !== undefined) {
    const looking = await page.focus().catch(() => null);
    if (filled === null ? looking !== null : await takes(page, filled)) return false;
  }
  const at = told === null ? "" : `/${encodeURIComponent(told.conversationId)}`;
  if (text !== null) unsent = filled;
  try {
    await self.clients.openWindow(`/#/chats${at}`);
    return false;
  } catch {
    if (told === null || text === null) return false;
    unsent = null;
    await show(self, unsentNotice(told, text, await readSettings()));
    return true;
  }
}

/** Ask the page that plays. Only that page: another tab may belong to another phase. */
function asker(page: string): (request: MediaRequest) => Promise<MediaReply> {
  return async (request) => {
    const client = await self.clients.get(page);
    if (client === undefined) return { ok: false };
    return new Promise((resolve) => {
      const { port1, port2 } = new MessageChannel();
      const timer = setTimeout(() => finish({ ok: false }), ANSWER_TIMEOUT_MS);
      const finish = (reply: MediaReply): void => {
        clearTimeout(timer);
        port1.close();
        resolve(reply);
      };
      port1.onmessage = (event: MessageEvent<MediaReply>) => finish(event.data);
      client.postMessage(request, [port2]);
    });
  };
}

/** Whether this worker serves the app's page at an address; the server gives its newest page at others. */
function isOfApp(url: URL): boolean {
  return url.pathname === "/" || url.pathname === INDEX;
}

self.addEventListener("fetch", (event) => {
  const { request } = event;
  const url = new URL(request.url);
  if (request.method !== "GET" || url.origin !== self.location.origin) return;
  const attachmentId = mediaId(url.pathname);
  if (attachmentId !== null) {
    event.respondWith(
      // A navigation to a media address would show plaintext as a page: refused.
      request.mode === "navigate"
        ? Promise.resolve(new Response(null, { status: 404 }))
        : answerMedia(asker(event.clientId), attachmentId, request.headers.get("Range")),
    );
    return;
  }
  if (/^\/(v1|demo|healthz|config\.json)(\/|$)/.test(url.pathname)) return;
  if (request.mode === "navigate" && isOfApp(url)) {
    event.respondWith(openApp({ event, request, url }));
    return;
  }
  if (usedFiles.has(request.url)) {
    event.respondWith(usedFiles.answer(request));
    return;
  }
  // A request that passes through here and hangs would keep the next version from taking over.
  if (getCacheKeyForURL(request.url) === undefined) return;
  event.respondWith(matchPrecache(request.url).then((cached) => cached ?? fetch(request)));
});

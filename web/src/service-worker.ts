/// <reference lib="webworker" />
/**
 * The service worker: opens the app without a network, and lets players read attachments while
 * they download, and writes notifications when it is pushed (push/wake.ts).
 *
 * Invariants: it caches the app's own files and nothing else; plaintext passes through memory
 * only; requests to the server (/v1, /demo, /config.json) are not touched; a new version waits
 * until the person agrees, because a reload in the middle of typing would lose what is on screen.
 */
import type { ConversationId } from "@copconnect/client/wire";
import { cleanupOutdatedCaches, createHandlerBoundToURL, precache } from "workbox-precaching";
import { matchPrecache } from "workbox-precaching/matchPrecache";
import { dataOf } from "./push/notice.ts";
import { markRead, onPush, onSubscriptionChange } from "./push/wake.ts";
import { answerMedia } from "./streaming/answer.ts";
import { isTakeOver, mediaId, type MediaReply, type MediaRequest } from "./streaming/messages.ts";

declare const self: ServiceWorkerGlobalScope & {
  readonly __WB_MANIFEST: readonly (string | { url: string; revision: string | null })[];
};

/** A page that is busy decrypting may take a while; one that is gone never answers. */
const ANSWER_TIMEOUT_MS = 30_000;
const INDEX = "/index.html";

precache([...self.__WB_MANIFEST]);
cleanupOutdatedCaches();
const openApp = createHandlerBoundToURL(INDEX);

self.addEventListener("activate", (event) => {
  // The first install takes the open page too, so that videos stream at once.
  event.waitUntil(self.clients.claim());
});

self.addEventListener("message", (event) => {
  if (isTakeOver(event.data)) void self.skipWaiting();
});

self.addEventListener("push", (event) => {
  event.waitUntil(onPush(self));
});

self.addEventListener("pushsubscriptionchange", (event) => {
  (event as ExtendableEvent).waitUntil(onSubscriptionChange(self));
});

// A notification opens its conversation in a page that is there, else in a new one.
self.addEventListener("notificationclick", (event) => {
  const told = dataOf(event.notification);
  event.notification.close();
  event.waitUntil(
    event.action === "read" && told !== null
      ? markRead(told.conversationId, told.messageId)
      : openConversation(told?.conversationId ?? null),
  );
});

/** null: the list of conversations. */
async function openConversation(conversationId: ConversationId | null): Promise<void> {
  const pages = await self.clients.matchAll({ type: "window" });
  const page = pages[0];
  if (page === undefined) {
    const at = conversationId === null ? "" : `/${encodeURIComponent(conversationId)}`;
    await self.clients.openWindow(`/#/chats${at}`);
    return;
  }
  await page.focus();
  if (conversationId !== null) page.postMessage({ type: "open-conversation", conversationId });
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
  if (request.mode === "navigate" && (url.pathname === "/" || url.pathname === INDEX)) {
    event.respondWith(openApp({ event, request, url }));
    return;
  }
  event.respondWith(matchPrecache(request.url).then((cached) => cached ?? fetch(request)));
});

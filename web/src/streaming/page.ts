/**
 * The page's side of streaming: gives the service worker plaintext for attachments that this page
 * is playing, and for no others.
 */
import type { AttachmentId } from "@copconnect/client/wire";
import type { AttachmentView, Core } from "@copconnect/client/core";
import { isMediaRequest, MEDIA_PREFIX, type MediaReply, type MediaRequest } from "./messages.ts";

type PlaintextSource = Pick<Core["attachments"], "range">;

interface Playing {
  readonly mime: string;
  readonly size: number;
  holders: number;
}

const playing = new Map<AttachmentId, Playing>();

/** Whether a service worker is between this page and the network. */
export function canStream(): boolean {
  return "serviceWorker" in navigator && navigator.serviceWorker.controller !== null;
}

/** The address a player reads from. Pair with `stopStream`. */
export function startStream(attachment: AttachmentView): string {
  const known = playing.get(attachment.attachmentId);
  if (known === undefined) {
    playing.set(attachment.attachmentId, {
      mime: attachment.mime,
      size: attachment.size,
      holders: 1,
    });
  } else {
    known.holders += 1;
  }
  return MEDIA_PREFIX + attachment.attachmentId;
}

export function stopStream(attachmentId: AttachmentId): void {
  const known = playing.get(attachmentId);
  if (known === undefined) return;
  known.holders -= 1;
  if (known.holders <= 0) playing.delete(attachmentId);
}

/** Stop every stream at once: the app lock closed, or the person signed out. */
export function stopAllStreams(): void {
  playing.clear();
}

/** The answer to one request of the service worker. */
export async function reply(source: PlaintextSource, request: MediaRequest): Promise<MediaReply> {
  const known = playing.get(request.attachmentId);
  if (known === undefined) return { ok: false };
  if (request.type === "media-describe") return { ok: true, mime: known.mime, size: known.size };
  try {
    const { attachmentId, start, end } = request;
    return { ok: true, bytes: await source.range(attachmentId, start, end) };
  } catch {
    return { ok: false };
  }
}

/** Listen for the service worker's requests; returns how to stop. */
export function serveStreams(source: PlaintextSource): () => void {
  if (!("serviceWorker" in navigator)) return () => undefined;
  const onmessage = (event: MessageEvent): void => {
    const port = event.ports[0];
    if (port === undefined || !isMediaRequest(event.data)) return;
    void reply(source, event.data).then((answer) => port.postMessage(answer));
  };
  navigator.serviceWorker.addEventListener("message", onmessage);
  navigator.serviceWorker.startMessages();
  return () => navigator.serviceWorker.removeEventListener("message", onmessage);
}

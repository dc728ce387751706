/** The parts of messages that a conversation's gallery shows, by month. Pure. */
import type { AttachmentView, MessageItem, SearchKind } from "@copconnect/client/core";
import { linksOf, textOf } from "../messages/text.ts";

export const GALLERY_KINDS = ["media", "document", "link", "place"] as const;
export type GalleryKind = (typeof GALLERY_KINDS)[number] & SearchKind;

/** A picture, file or link, with its message. */
export interface Shared {
  readonly key: string;
  readonly message: MessageItem;
  readonly attachment?: AttachmentView;
  readonly link?: { readonly text: string; readonly href: string; readonly host?: string };
}

export interface Month {
  readonly key: string;
  /** A moment within it. */
  readonly ms: number;
  readonly shared: readonly Shared[];
}

/** The parts of messages that a tab shows. */
export function sharedIn(messages: readonly MessageItem[], kind: GalleryKind): readonly Shared[] {
  return messages.flatMap((message): readonly Shared[] => {
    const { body, messageId } = message;
    if (body.kind === "deleted") return [];
    if (kind === "place") return [{ key: messageId, message }];
    if (kind === "link")
      return linksOf(textOf(body)).map((link, at) => {
        return { key: `${messageId}/${String(at)}`, message, link };
      });
    const files = "attachments" in body ? body.attachments : [];
    return files
      .filter((file) => (file.kind === "document") === (kind === "document"))
      .filter((file) => file.kind !== "audio" && file.kind !== "voice")
      .map((attachment) => ({
        key: `${messageId}/${attachment.attachmentId}`,
        message,
        attachment,
      }));
  });
}

/** By months of this device's calendar, in the order in which they come. */
export function monthsOf(shared: readonly Shared[]): readonly Month[] {
  const months = new Map<string, { ms: number; shared: Shared[] }>();
  for (const one of shared) {
    const { sentMs: ms } = one.message;
    const day = new Date(ms);
    const key = `${String(day.getFullYear())}-${String(day.getMonth())}`;
    const month = months.get(key) ?? { ms, shared: [] };
    months.set(key, month);
    month.shared.push(one);
  }
  return [...months].map(([key, month]) => ({ key, ...month }));
}

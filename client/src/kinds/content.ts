/**
 * A message's content: `{v: 1, kind, …}` in MessagePack (docs/protocol.md, "Message").
 *
 * {@link KINDS} names every kind once; the compiler refuses a kind of {@link Content} without an
 * entry. Decoding never throws: bytes of a higher version, of an unknown kind or of the wrong shape
 * become `unsupported`, and the caller keeps the bytes so that a later app can show them.
 */
import { encode } from "@msgpack/msgpack";
import type { AttachmentView, Mention, MessageBody } from "../core.ts";
import { copy } from "../octets.ts";
import type { Bytes } from "../octets.ts";
import type { PreviewRecord } from "../records.ts";
import { unpack } from "../unpack.ts";
import { attachments } from "./attachments.ts";
import type { AttachmentsContent } from "./attachments.ts";
import { isFields } from "./fields.ts";
import type { AttachmentPointer, ReplyPointer } from "./fields.ts";
import type { Kind } from "./kind.ts";
import { location } from "./location.ts";
import type { LocationContent } from "./location.ts";
import { state } from "./state.ts";
import type { StateContent } from "./state.ts";
import { text } from "./text.ts";
import type { TextContent } from "./text.ts";

export const CONTENT_VERSION = 1;

export type Content = TextContent | AttachmentsContent | LocationContent | StateContent;
export type Decoded = Content | { readonly kind: "unsupported" };

type KindOf = { readonly [K in Content["kind"]]: Kind<Extract<Content, { kind: K }>> };

const KINDS: KindOf = { text, attachments, location, state };

export function encodeContent(content: Content): Bytes {
  return copy(encode({ v: CONTENT_VERSION, ...content }));
}

export function decodeContent(bytes: Uint8Array): Decoded {
  try {
    const value = unpack(bytes);
    if (!isFields(value) || value["v"] !== CONTENT_VERSION) return { kind: "unsupported" };
    const kind = value["kind"];
    if (typeof kind !== "string" || !isKind(kind)) return { kind: "unsupported" };
    return KINDS[kind].read(value);
  } catch {
    return { kind: "unsupported" };
  }
}

function isKind(kind: string): kind is Content["kind"] {
  return Object.hasOwn(KINDS, kind);
}

/** The kind of a content, with its methods typed for that content. */
function kindOf<C extends Content>(content: C): Kind<C> {
  // Sound because KINDS[k] is the Kind of the content whose kind is k.
  return KINDS[content.kind] as unknown as Kind<C>;
}

/** A message's preview, for a list row or a quote. */
export function previewOf(content: Decoded): PreviewRecord {
  return content.kind === "unsupported" ? content : kindOf(content).preview(content);
}

/** A message's body, as the screens show it. */
export async function bodyOf(
  content: Decoded,
  show: (pointers: readonly AttachmentPointer[]) => Promise<readonly AttachmentView[]>,
): Promise<MessageBody> {
  if (content.kind === "unsupported") return content;
  return (await kindOf(content).body(content, show)) ?? { kind: "unsupported" };
}

/** Whether it is shown as a message: then it counts as unread and may notify. */
export function isShown(content: Decoded): boolean {
  return content.kind !== "state";
}

export function mentionsOf(content: Decoded): readonly Mention[] {
  return content.kind === "unsupported" ? [] : kindOf(content).mentions(content);
}

/** The attachments that a message points to. */
export function pointersOf(content: Decoded): readonly AttachmentPointer[] {
  return content.kind === "unsupported" ? [] : kindOf(content).attachments(content);
}

export function replyOf(content: Decoded): ReplyPointer | null {
  return content.kind === "unsupported" ? null : kindOf(content).replyTo(content);
}

/**
 * A message's content: `{v: 1, kind, …}` in MessagePack (docs/protocol.md, "Message").
 *
 * {@link KINDS} names every kind once; the unions of contents, bodies, previews and of what is written
 * follow from it, and each `switch` over one of them fails to compile until it knows the kind. Decoding never throws: bytes of a higher version, of an unknown kind or of the wrong shape
 * become `unsupported`, and the caller keeps the bytes so that a later app can show them.
 */
import { encode } from "@msgpack/msgpack";
import type { AttachmentId } from "../ids.ts";
import type { Mention, OutgoingAttachment } from "./parts.ts";
import { copy, type Bytes } from "../octets.ts";
import { unpack } from "../unpack.ts";
import { attachments } from "./attachments.ts";
import { exported } from "./exported.ts";
import { isFields } from "./fields.ts";
import type { AttachmentPointer, ContentFields, ReplyPointer } from "./fields.ts";
import type { ContentKind, SearchKind, BodySources, Unsupported, WrittenKind } from "./kind.ts";
import { pageAfter } from "./links.ts";
import { live } from "./live.ts";
import { location } from "./location.ts";
import { mark, type Mark } from "./mark.ts";
import { orderChange } from "./order-change.ts";
import { order } from "./order.ts";
import { own } from "./own.ts";
import { poll } from "./poll.ts";
import { question } from "./question.ts";
import { state } from "./state.ts";
import { text } from "./text.ts";

export const CONTENT_VERSION = 1;

const KINDS = {
  text,
  attachments,
  location,
  live,
  poll,
  mark,
  question,
  order,
  order_change: orderChange,
  exported,
  state,
  own,
} as const;

type Kinds = typeof KINDS;
type AnyKind = Kinds[keyof Kinds];
type AnyWritten = Extract<AnyKind, { compose: unknown }>;

/** Each entry has the name of its contents as its key. */
const BY_NAME: {
  readonly [K in keyof Kinds]: { read(fields: ContentFields): { readonly kind: K } };
} = KINDS;

export type Content = ReturnType<AnyKind["read"]>;
export type Decoded = Content | Unsupported;
/** The body of a message that the screens show. */
export type KindBody = NonNullable<Awaited<ReturnType<AnyKind["body"]>>>;
/** The words of a list row or a quote about a message. */
export type KindPreview = Exclude<ReturnType<AnyKind["preview"]>, Unsupported>;
/** A message that a person wrote, to be sent. */
export type Outgoing = Parameters<AnyWritten["compose"]>[0];

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
  return Object.hasOwn(BY_NAME, kind);
}

/** The kind of a content, with its methods typed for that content. */
function kindOf<C extends Content>(content: C): ContentKind<C, KindBody, KindPreview> {
  // Sound because KINDS[k] is the Kind of the content whose kind is k.
  return KINDS[content.kind] as unknown as ContentKind<C, KindBody, KindPreview>;
}

/** The content that sends what a person wrote. Throws `message_invalid`. */
export function contentOf<O extends Outgoing>(
  outgoing: O,
  reply: ReplyPointer | null,
  prepare: (file: OutgoingAttachment) => AttachmentPointer,
): Content {
  // Sound for the same reason.
  const kind = KINDS[outgoing.kind] as unknown as WrittenKind<Content, KindBody, KindPreview, O>;
  return kind.compose(outgoing, reply, prepare);
}

/** The texts by which a search finds a message. */
export function searchTexts(content: Decoded): readonly string[] {
  return content.kind === "unsupported" ? [] : kindOf(content).texts(content);
}

/** The filter of a search that shows a message; null: only those of its files and links do. */
export function foundAs(content: Decoded): SearchKind | null {
  return content.kind === "unsupported" ? null : kindOf(content).foundAs;
}

/** A message's preview, for a list row or a quote. */
export function previewOf(content: Decoded): KindPreview | Unsupported {
  return content.kind === "unsupported" ? content : kindOf(content).preview(content);
}

/** A message's body, as the screens show it. */
export async function bodyOf(
  content: Decoded,
  shown: BodySources,
): Promise<KindBody | Unsupported> {
  if (content.kind === "unsupported") return content;
  return (await kindOf(content).body(content, shown)) ?? { kind: "unsupported" };
}

/** Whether it is shown as a message: then it counts as unread and may notify. */
export function isShown(content: Decoded): boolean {
  return content.kind === "unsupported" || kindOf(content).shown;
}

/** Whether it wakes nobody: it is no row, and devices take it in without a word. */
export function isQuiet(content: Decoded): boolean {
  return content.kind === "mark" || content.kind === "own";
}

export function mentionsOf(content: Decoded): readonly Mention[] {
  return content.kind === "unsupported" ? [] : kindOf(content).mentions(content);
}

/** The attachments that a message points to. */
export function pointersOf(content: Decoded): readonly AttachmentPointer[] {
  return content.kind === "unsupported" ? [] : kindOf(content).attachments(content);
}

/** The content with these pointers in place of those to the same attachments. */
export function withPointers(
  content: Content,
  pointers: ReadonlyMap<AttachmentId, AttachmentPointer>,
): Content {
  const other = (one: AttachmentPointer): AttachmentPointer => pointers.get(one.id) ?? one;
  if ("attachments" in content) return { ...content, attachments: content.attachments.map(other) };
  if (content.kind !== "state" || content.photo === null) return content;
  return { ...content, photo: other(content.photo) };
}

/** How often it was forwarded to come here. */
export function forwardsOf(content: Decoded): number {
  return content.kind === "unsupported" ? 0 : kindOf(content).forwards(content);
}

/** The content that forwards it, counted once more; null: such messages are not forwarded. */
export function forwardOf(content: Decoded): Content | null {
  return content.kind === "unsupported" ? null : kindOf(content).forwarded(content);
}

/** The content with new words; the same content where it takes none, or would be empty. */
export function reworded(
  content: Decoded,
  { text, mentions }: Pick<Extract<Mark, { mark: "edit" }>, "text" | "mentions">,
): Decoded {
  if (forwardsOf(content) > 0) return content;
  if (content.kind === "text" && text.trim() !== "") {
    const { page, ...rest } = content;
    return { ...rest, text, mentions, ...pageAfter({ text: content.text, page }, text) };
  }
  if (content.kind === "attachments") return { ...content, text, mentions };
  return content;
}

export function replyOf(content: Decoded): ReplyPointer | null {
  return content.kind === "unsupported" ? null : kindOf(content).replyTo(content);
}

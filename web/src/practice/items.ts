/**
 * Makes chats, messages and orders for screens without a server (station.ts): a caller gives the values
 * that differ from a plain one.
 */
import type {
  AttachmentView,
  ConversationItem,
  CoreError,
  EncryptionView,
  MessageBody,
  MessageItem,
  OrderBody,
  OrderView,
  Outgoing,
  OutgoingAttachment,
  Plate,
  Preview,
  ReplyQuote,
} from "@copconnect/client/core";
import type { AttachmentId, ConversationId, Names, Person } from "@copconnect/client/wire";

const DAY_MS = 86_400_000;

/** An id that no server gives: its kind, zeros, its number. */
export function id<I extends string>(kind: number, number: number): I {
  return (kind.toString(16).padStart(8, "0") + number.toString(16).padStart(24, "0")) as I;
}

export function refusal(code: string, details: CoreError["details"] = {}): CoreError {
  return { code, retry: false, retryAfterMs: null, details };
}

export type Spelled = readonly [en: string, te: string, ur: string, hi: string];

export function named([en, te, ur, hi]: Spelled): Names {
  return { en, te, ur, hi };
}

/** As the core makes it of a signed card: the names of rank and post in every language. */
export function plateIn(
  ranks: readonly { readonly code: string; readonly names: Names }[],
  { personId, names, rank, post, unitId }: Person,
): Plate {
  const known = ranks.find(({ code }) => code === rank);
  return { personId, names, rank: known?.names ?? rank, post, unitId };
}

// --- Conversations and messages -------------------------------------------------------------------

export function lastOf(message: MessageItem | undefined): ConversationItem["last"] {
  if (message === undefined) return null;
  const { preview, sender, mine, sentMs, status } = message;
  return { preview, sender, mine, sentMs, status };
}

/** `others`: the other members, as far as they are known by name. */
export function conversationOf(
  conversationId: ConversationId,
  others: readonly Plate[],
  last: MessageItem | undefined,
  more: Partial<ConversationItem>,
): ConversationItem {
  const members = others.length + 1;
  return {
    ...{
      conversationId,
      kind: "unit",
      title: null,
      photo: null,
      description: "",
      audience: null,
      standing: null,
    },
    ...{ direct: more.kind === "direct" ? (others[0] ?? null) : null, post: null },
    ...{ some: others.slice(0, 3), members, devices: members, unregistered: 0 },
    ...{
      historyDays: null,
      historyFromMs: null,
      history: null,
      last: lastOf(last),
      empty: last === undefined,
    },
    ...{
      unread: 0,
      mentions: 0,
      mutedUntilMs: null,
      pins: [],
      canPin: true,
      canCallEverybody: false,
    },
    ...{ pinned: false, archived: false, markedUnread: false, folders: [] },
    ...{ clearedSeq: 0, clearedMs: 0 },
    ...{ draft: null, draftFiles: 0, canSend: true, trainingFirst: false, barred: null },
    ...{ admin: false, whoMaySend: "everyone", state: "ready", alarm: null },
    createdMs: Date.now() - 90 * DAY_MS,
    ...more,
  };
}

type Said = Pick<MessageItem, "messageId" | "conversationId" | "seq" | "sender" | "body">;

export function messageOf(said: Said, more: Partial<MessageItem>): MessageItem {
  return {
    ...{ mine: false, sentMs: Date.now(), preview: previewOf(said.body) },
    ...{ replyTo: null, answer: null, status: null, failure: null },
    ...(said.seq === null ? {} : { reactions: [] }),
    ...said,
    ...more,
  };
}

export function encryptionOf({
  conversationId,
  members,
  devices,
}: ConversationItem): EncryptionView {
  return {
    ...{ conversationId, people: members, unregistered: 0, unregisteredPeople: [] },
    ...{ devices, whole: true, unconfirmed: [], waiting: 0, refused: 0, rosterEpoch: 1 },
    ...{ keyAgeMs: 3_600_000, kem: "x-wing", historyFromMs: null },
    headCode: "11111 22222 33333 44444 55555 66666 77777 88888",
  };
}

export function previewOf(body: MessageBody): Preview {
  switch (body.kind) {
    case "text":
    case "question":
      return { kind: body.kind, text: body.text };
    case "attachments":
      return { kind: body.attachments[0]?.kind ?? "document", text: body.text };
    case "location":
    case "live":
      return { kind: body.kind };
    case "order":
      return {
        ...{ kind: "order", priority: body.priority, language: body.language },
        ...{ text: body.title, translations: [] },
      };
    case "poll":
      return { kind: "poll", text: body.question };
    case "notice":
      return { kind: "notice", notice: body.notice };
    case "deleted":
      return { kind: "deleted" };
    default:
      return { kind: "unsupported" };
  }
}

export function quoteOf({ messageId, sender, preview }: MessageItem): ReplyQuote {
  return { messageId, conversationId: null, sender, preview };
}

/** A file that this person sends: it is here already. */
export function fileOf(attachmentId: AttachmentId, one: OutgoingAttachment): AttachmentView {
  return {
    ...{ attachmentId, kind: one.kind, name: one.name, mime: one.mime, size: one.file.size },
    width: one.width ?? null,
    height: one.height ?? null,
    durationMs: one.durationMs ?? null,
    thumb: one.thumb ?? null,
    waveform: one.waveform ?? null,
    ...{ progress: null, local: true },
  };
}

/** A written message as the conversation shows it; `keep` gets the files. Null: a poll. */
export function bodyOf(outgoing: Outgoing, keep: (file: Blob) => AttachmentId): MessageBody | null {
  if (outgoing.kind === "poll") return null;
  if (outgoing.kind === "question") return { ...outgoing, state: { mine: true, answerId: null } };
  if (outgoing.kind === "live")
    return { ...outgoing, state: { running: true, untilMs: outgoing.untilMs, here: true } };
  if (!("attachments" in outgoing)) return outgoing;
  const attachments = outgoing.attachments.map((one) => fileOf(keep(one.file), one));
  return { ...outgoing, attachments };
}

// --- Orders ---------------------------------------------------------------------------------------

type Issued = Pick<OrderView, "orderId" | "conversationId" | "seq" | "issuedMs" | "issuer"> & {
  readonly body: OrderBody;
};

export function orderOf(issued: Issued, more: Partial<OrderView> = {}): OrderView {
  const { priority, validUntilMs } = issued.body;
  return {
    ...{
      mine: false,
      asks: true,
      mayWithdraw: false,
      priority,
      validUntilMs,
      changes: [],
      withdrawnMs: null,
    },
    ...{ owed: true, acknowledgement: null, earlier: null, sending: null, together: null },
    ...{ mayRemind: false, remindedMs: null },
    ...{ overseen: false, escalatedMs: null, differs: null, unfinished: false },
    photo: issued.body.photo ? { state: "open", attachment: null } : null,
    ...issued,
    ...more,
  };
}

/** An order as the message that it is in its conversation. */
export function messageOfOrder(order: OrderView): readonly MessageItem[] {
  const { orderId: messageId, conversationId, seq, issuer, mine, issuedMs, body } = order;
  if (body === null) return [];
  const said = { messageId, conversationId, seq, sender: issuer, body };
  return [messageOf(said, { mine, sentMs: issuedMs, status: mine ? "read" : null })];
}

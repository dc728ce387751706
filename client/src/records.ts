/**
 * The vault's part about conversations: the stores' names and the records in them. Only plain values and
 * bytes; messages/views.ts makes view models. Stores of account and trust are beside the code that owns them.
 */
import type { DeletionRecord, EditRecord, PinRecord } from "./mark-records.ts";
import type { AttachmentId, ConversationId, DeviceId, KeyId, MessageId, PersonId } from "./ids.ts";
import type { KindPreview } from "./kinds/content.ts";
import type { AttachmentPointer } from "./kinds/fields.ts";
import type { CoreError } from "./failure.ts";
import type { FormDrafts } from "./seam/conversations.ts";
import type { Notice, ReceiptTotals } from "./seam/messages.ts";
import type {
  Audience,
  ConversationKind,
  Member,
  Preferences,
  Standing,
  WhoMaySend,
} from "./wire.ts";

export const STORES = {
  meta: "meta",
  people: "people",
  posts: "posts",
  conversations: "conversations",
  members: "members",
  heads: "heads",
  rosters: "rosters",
  conversationKeys: "conversation_keys",
  cellKeys: "cell_keys",
  cellTables: "cell_tables",
  log: "log",
  accepted: "accepted",
  floors: "floors",
  pending: "pending",
  messages: "messages",
  outbox: "outbox",
  attachments: "attachments",
  marks: "marks",
  questions: "questions",
  segments: "segments",
  forgotten: "forgotten",
  shownFiles: "shown_files",
  own: "own",
} as const;

export type SettingsRecord = { readonly autoLockMs: number };

// --- Conversations ------------------------------------------------------------------------------

/**
 * - `waiting`: no roster head that this device holds lists it.
 * - `ready`: it is listed.
 * - `left`: its person is no member any more.
 */
export type ConversationState = "waiting" | "ready" | "left";

/** How far this device has come in the log, which it follows in order. */
export interface LogPlace {
  /** Every position up to here has been processed. */
  readonly cursor: number;
  /** The log hash there (docs/keys.md, "Message"). */
  readonly hash: Uint8Array;
}

/** The log from before this device began to follow it, still to be fetched; newest first. */
export interface HistoryPlace {
  /** Every readable position from here up to the log's place is processed, or pending. */
  readonly from: number;
  /** The log hash before `from`: what an earlier page must lead to. */
  readonly hash: Uint8Array;
  /** The position where fetching began: so many positions there may be. */
  readonly start: number;
}

/** This device's own chain of messages here. */
export interface OwnChain {
  readonly seq: number;
  /** H(header ‖ signature) of that message; zeros at 0. */
  readonly hash: Uint8Array;
}

/** The row of the conversation list, and how far its log is processed. */
export interface ConversationRecord {
  readonly conversationId: ConversationId;
  readonly kind: ConversationKind;
  /** null: the department. */
  readonly createdBy: PersonId | null;
  readonly createdMs: number;
  /** The audience, where its people follow the data bank. */
  readonly audience: Audience | null;
  /** The name that the department gave it; null: a person made it. */
  readonly standing: Standing | null;
  readonly members: number;
  readonly unregistered: number;
  /** By the newest head that is known. */
  readonly devices: number;
  /** People with a leaf, where all leaves are known. */
  readonly listedPeople: number;
  /** A few members, for a fallback title. */
  readonly some: readonly PersonId[];
  readonly whoMaySend: WhoMaySend;
  readonly admin: boolean;
  /** When the roster took the right to send from this device's leaf; null: it has the right. */
  readonly sendLostMs: number | null;
  /** The other person of a direct conversation, whom its id names (R10); null: it is not direct. */
  readonly directPersonId: PersonId | null;
  readonly preferences: Preferences;
  readonly historyDays: number | null;
  readonly historyFromMs: number;
  /** The version of the server's answer (wire.Conversation); null: to be asked for. */
  readonly infoVersion: string | null;

  readonly state: ConversationState;
  readonly alarm: "log_differs" | "forked" | "not_direct" | "third_person" | null;
  /** The log has lost what this device followed, without an Incarnation (S8): nothing continues. */
  readonly standstill: boolean;
  /** The number of the Incarnation under which this device has compared the log last. */
  readonly incarnation: number;
  /** Null: this device has not begun to follow the log. */
  readonly log: LogPlace | null;
  /** Null: nothing is missing of what it may read. */
  readonly history: HistoryPlace | null;
  /** The log was read from its first message: whatever is missing was withheld (R5). */
  readonly whole: boolean;
  /** The epoch of the newest head held; 0: none. */
  readonly headEpoch: number;
  readonly chain: OwnChain;
  /** Messages whose key is missing. */
  readonly waiting: number;
  readonly refused: RefusedRecord | null;

  readonly readSeq: number;
  readonly unread: number;
  /** Unread messages that mention this person. */
  readonly mentions: number;
  /** The newest message of somebody else, and the newest that calls this person: orders and mentions. */
  readonly newsSeq: number;
  readonly calledSeq: number;
  readonly newsMs?: number;
  readonly calledMs?: number;
  /** Nothing that was sent earlier is unread. */
  readonly unreadFromMs: number;
  /** The newest state that was accepted (kinds/state.ts). */
  readonly profile: ProfileRecord | null;
  /** Pins and unpins of messages, in the order of the log (messages/pins.ts). */
  readonly pins: readonly PinRecord[];
  readonly last: LastRecord | null;
  /** The newest message of this person's in the log. */
  readonly own: SentRecord | null;
  /** A program's device handles no message that was signed earlier. */
  readonly handledFromMs?: number;
  /** The messages that the search has indexed; null: none. */
  readonly indexed: IndexedOrders | null;
  readonly draft: string | null;
  readonly formDrafts?: FormDrafts;
  /** Files that were chosen and not sent, and the ones with hidden data (outbox/draft-files.ts). */
  readonly draftFiles: readonly AttachmentPointer[];
  readonly untouchedFiles?: readonly AttachmentId[];
}

/** The search has indexed the messages at orders `from` to `to`; a new message outside needs no note. */
export interface IndexedOrders {
  readonly from: number;
  readonly to: number;
  /** Orders between them that were stored since, or have other words since. */
  readonly again: readonly number[];
}

/** A message that the search is to forget, or a whole conversation. */
export interface ForgottenRecord {
  readonly conversationId: ConversationId;
  readonly order: number | null;
}

export interface ProfileRecord {
  readonly version: number;
  /** Its position in the log. */
  readonly seq: number;
  readonly title: string;
  readonly photo: AttachmentPointer | null;
  readonly description: string;
  /** Its header ‖ signature and k: a device that cannot have its S is given k (H3, K1). */
  readonly messageId: MessageId;
  readonly header: Uint8Array;
  readonly key: Uint8Array;
}

export interface SentRecord {
  readonly seq: number;
  readonly sentMs: number;
  readonly key?: string;
  readonly counts?: ReceiptTotals;
}

/** Messages that a check refused: nothing of them is shown, the newest cause is kept. */
export interface RefusedRecord {
  readonly count: number;
  /** Number of the rule, and why. */
  readonly rule: string;
  readonly reason: string;
  readonly position: number;
}

export interface LastRecord extends Omit<SentRecord, "seq"> {
  readonly messageId: MessageId;
  readonly seq: number | null;
  readonly senderId: PersonId | null;
  readonly mine: boolean;
  readonly preview: PreviewRecord;
  readonly failed: boolean;
}

export type PreviewRecord =
  | KindPreview
  | { readonly kind: "notice"; readonly notice: NoticeRecord }
  | { readonly kind: "deleted" | "withheld" | "unsupported" };

/** A notice with ids; plates are filled in when it is shown. */
export interface NoticeRecord {
  readonly kind: Notice["kind"];
  readonly by: PersonId | null;
  readonly people: readonly PersonId[];
  /** The new title of a conversation, also a refused one, or the words of a refused edit. */
  readonly text: string | null;
  /** The message that a refused mark is about. Its words are stored there alone, and are deleted there. */
  readonly about?: MessageId;
  /** The time that "history" names. */
  readonly fromMs: number | null;
}

export interface MembersRecord {
  readonly members: readonly Member[];
  /** The members are as the conversation was with this version of it (wire.Conversation). */
  readonly infoVersion: string | null;
  /** Every receipt up to this version is here. */
  readonly receiptsVersion: number;
}

// --- Rosters and keys ---------------------------------------------------------------------------

/** A checked head. Group: the conversation; order: the epoch. */
export interface HeadRecord {
  readonly head: Uint8Array;
}

/** All leaves of a conversation under the head of its newest notices. */
export interface RosterRecord {
  readonly epoch: number;
  /** 74 bytes each. */
  readonly leaves: Uint8Array;
  /** The last leaves of people who merely lost their devices: they are members all the same. */
  readonly absent: Uint8Array;
}

/** A conversation key. Group: the conversation; order: when it was created. */
export interface ConversationKeyRecord {
  readonly record: Uint8Array;
  /** S; null: not opened yet. */
  readonly secret: Uint8Array | null;
  /** Leaf ‖ proof of its author under its roster epoch, once checked (S2). */
  readonly authorProof: Uint8Array | null;
  /** The first position of the log whose message is under it. */
  readonly firstSeq: number | null;
}

/** A key of this device's own cell. Group: the conversation; order: when it was created. */
export interface CellKeyRecord {
  readonly record: Uint8Array;
  /** C; null: not opened yet. */
  readonly secret: Uint8Array | null;
}

/** A sender's knowledge of all cells. */
export interface CellTableRecord {
  readonly version: number;
  /** The newest key of each cell, with its author's proof. */
  readonly keys: readonly { readonly record: Uint8Array; readonly authorProof: Uint8Array }[];
}

/** One position of the log. Group: the conversation; order: the position. */
export interface LogRecord {
  readonly position: number;
  readonly hash: Uint8Array;
}

/** R2: the sender of every entry after this position must be listed under this epoch. */
export interface FloorStep {
  readonly position: number;
  readonly epoch: number;
}

/** The floors of a conversation: one row. */
export interface FloorsRecord {
  readonly steps: readonly FloorStep[];
}

/** An accepted message in its sender's chain. Group: the conversation; order: the position. */
export interface AcceptedRecord {
  /** The sender's device. */
  readonly sender: Uint8Array;
  readonly seq: number;
  readonly messageId: MessageId;
  readonly attempt: number;
  /** The header's. */
  readonly epoch: number;
  readonly previous: Uint8Array;
  readonly hash: Uint8Array;
  readonly position: number;
  /** The header's `sent`. */
  readonly signedMs: number;
  /** The message that it deletes. */
  readonly deletes?: MessageId;
}

/** An entry that is not shown: its key is missing, or a check refused it. Group: the conversation. */
export interface PendingRecord {
  readonly position: number;
  readonly sentMs: number;
  readonly message: Uint8Array;
  /** `key`: waits for a share (R9); `refused`: judged again when the person's records change. */
  readonly why: "key" | "refused";
  readonly keyId: KeyId;
  /** The sender's person, where the leaf is known. */
  readonly personId: PersonId | null;
  /** The entry is from before this device followed the log: opening it later tells nobody. */
  readonly old: boolean;
}

// --- Messages -----------------------------------------------------------------------------------

/** One message or notice. Group: the conversation; order: the seq, or past every seq if queued. */
export interface MessageRecord {
  readonly messageId: MessageId;
  readonly conversationId: ConversationId;
  readonly order: number;
  readonly seq: number | null;
  readonly senderId: PersonId | null;
  readonly mine: boolean;
  readonly sentMs: number;
  /** Bytes as sent, readable or not; null: a notice, a deleted message, a body that is missing (R11). */
  readonly content: Uint8Array | null;
  /** Its author's edits that count (messages/edits.ts), the oldest first. */
  readonly edits?: readonly EditRecord[];
  /** The deletion that counts (messages/deletions.ts). */
  readonly deletion?: DeletionRecord;
  /** Its body is missing, and nobody deletes it: its header says so. */
  readonly kept?: true;
  /** It was written as an order without the right (O3): `content` is a plain message instead. */
  readonly notOrder?: true;
  readonly notice: NoticeRecord | null;
  readonly failure: CoreError | null;
  /** Its conversation key as receipts name it (wire.LackedKey), once a message of mine is in the log. */
  readonly key?: string;
  /** How many people have it, in a conversation too large for receipts by person. */
  readonly counts?: ReceiptTotals;
}

/** A conversation key of this device's that the server has not accepted yet. */
export interface PendingKey {
  readonly record: Uint8Array;
  readonly seals: Uint8Array;
  readonly leftOut: readonly DeviceId[];
}

interface OutgoingContent {
  readonly messageId: MessageId;
  readonly conversationId: ConversationId;
  readonly order: number;
  readonly content: Uint8Array;
  readonly attachmentIds: readonly AttachmentId[];
  readonly attempt: number;
  /** A state of the conversation: not shown as a message. */
  readonly state: boolean;
  /** When a message that the log lost was first signed, or its author said that it goes (S8). */
  readonly signedMs?: number;
  /** It is sent at this time, or later when the app is open then; absent: at once. */
  readonly notBeforeMs?: number;
  /** A mark on a message: not shown as one, and it wakes nobody. */
  readonly quiet: boolean;
}

/** A message without bytes to send. */
export interface UnsignedMessage<Stage extends string> extends OutgoingContent {
  readonly stage: Stage;
  readonly seq: null;
  readonly message: null;
  readonly key: null;
}

/** A message with the bytes that every retry sends. */
export interface SignedBytes<Stage extends string> extends OutgoingContent {
  readonly stage: Stage;
  /** Its place in this device's chain. */
  readonly seq: number;
  /** Header ‖ signature ‖ body. */
  readonly message: Uint8Array;
  /** The key that is sent before the message; null: it is under one that the server has. */
  readonly key: PendingKey | null;
}

/** Its files are being encrypted. */
export type PreparingMessage = UnsignedMessage<"preparing">;
/** Its files are encrypted here, and on their way up. */
export type UploadingMessage = UnsignedMessage<"uploading">;
/** It can be signed. */
export type ReadyMessage = UnsignedMessage<"ready">;
/** It is sent until the server accepts or refuses it. */
export type SignedMessage = SignedBytes<"signed">;
/** It waits for the person to try again or take it back. */
export type FailedMessage = UnsignedMessage<"failed"> | SignedBytes<"failed">;

/**
 * A message on its way. Stages go one way: preparing → uploading → ready → signed, and back to ready
 * when the server refuses the bytes (S6); a message that the server has accepted is deleted here.
 */
export type OutgoingRecord =
  | PreparingMessage
  | UploadingMessage
  | ReadyMessage
  | SignedMessage
  | FailedMessage;

/** An attachment this device sends or has seen. */
export interface AttachmentRecord {
  readonly attachmentId: AttachmentId;
  readonly conversationId: ConversationId;
  readonly messageId: MessageId;
  readonly pointer: AttachmentPointer;
  /** The order that asks for it as proof. `passing`: this device shows it and does not keep it. */
  readonly orderId?: MessageId;
  readonly passing?: true | undefined;
  readonly upload: "none" | "preparing" | "pending" | "complete";
  /** Every chunk is in the vault. */
  readonly local: boolean;
}

/** Past every seq: queued messages sort after everything that has one. */
export const QUEUED_ORDER = 1e15;

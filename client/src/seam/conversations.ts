/** Conversations and their members on the screens. */
import type { ConversationId, FolderId, MessageId, ReportId } from "../ids.ts";
import type { Audience, ConversationKind, Standing, WhoMaySend } from "../wire.ts";
import type { AttachmentView } from "../kinds/parts.ts";
import type { MemberDevice } from "./devices.ts";
import type { Progress } from "./progress.ts";
import type { MessageStatus, Preview } from "./messages.ts";
import type { Plate } from "../names.ts";

/** A form that keeps words until they are sent; edits, replies and forwards are of one message. */
export type DraftForm =
  | "composer"
  | "evidence"
  | "poll"
  | "question"
  | `${"edit" | "replies" | "forward"}/${MessageId}`;

export type FormDrafts = Readonly<Partial<Record<DraftForm, string>>>;

/** Why this person may not send where they otherwise could. */
export interface Barred {
  /** The sanction; null: the roster says so, and the server has not said yet why. */
  readonly id: ReportId | null;
  readonly kind: "muted" | "suspended" | "unknown";
  /** When it ends without an act. */
  readonly untilMs: number | null;
  readonly mayAppeal: boolean;
}

/**
 * `log_differs`: the server shows others another log; `forked`: two messages or heads claim one place;
 * `not_direct`: not these two people's; `third_person`: the roster lists somebody else in a direct
 * conversation; `log_lost`: the server's log has lost entries, and nothing is sent or received until it
 * has them.
 */
export type ConversationAlarm =
  | "log_differs"
  | "forked"
  | "not_direct"
  | "third_person"
  | "log_lost";

export interface ConversationItem {
  readonly conversationId: ConversationId;
  readonly kind: ConversationKind;
  /** Group name; null while unknown: show the members' names. Direct: null, show `direct`. */
  readonly title: string | null;
  readonly photo: AttachmentView | null;
  /** The purpose of the group; empty where nobody wrote one. */
  readonly description: string;
  readonly direct: Plate | null;
  /** A few members for a fallback title and initials. */
  readonly some: readonly Plate[];
  readonly members: number;
  /** The audience, where its people follow the data bank. */
  readonly audience: Audience | null;
  /** Its name and its place among the units, where the department made it. */
  readonly standing: Standing | null;
  /** The person who asks a post, and whether that is this person; null for other kinds. */
  readonly post: { readonly mine: boolean; readonly asker: Plate | null } | null;
  /** Members who have not registered yet: messages wait for them. */
  readonly unregistered: number;
  readonly devices: number;
  /** New members read messages from so many days before they join; null: all, or nobody joins. */
  readonly historyDays: number | null;
  /** Nothing sent before is readable on this device; null: everything is. */
  readonly historyFromMs: number | null;
  /** How many earlier messages this device has fetched, of all; null: it is not fetching any. */
  readonly history: Progress | null;
  readonly last: {
    readonly preview: Preview;
    readonly sender: Plate | null;
    readonly mine: boolean;
    readonly sentMs: number;
    readonly status: MessageStatus | null;
  } | null;
  /** Nobody has written here yet. */
  readonly empty: boolean;
  readonly unread: number;
  /** Unread messages that mention this person. */
  readonly mentions: number;
  readonly mutedUntilMs: number | null;
  /** Whether the list shows the conversation at its top. */
  readonly pinned: boolean;
  /** Whether the list leaves the conversation out until it has news. */
  readonly archived: boolean;
  /** This person marked it as unread, and has not opened it since. */
  readonly markedUnread: boolean;
  /** Messages up to this position that were sent until this time are cleared away; 0: none are. */
  readonly clearedSeq: number;
  readonly clearedMs: number;
  /** This person's folders that hold the conversation. */
  readonly folders: readonly Folder[];
  /** Messages pinned here, the last pinned first; this device may lack some. */
  readonly pins: readonly MessageId[];
  /** This person may pin messages and take them down. */
  readonly canPin: boolean;
  /** This person may mention everybody, a rank and a post of all units (M5). */
  readonly canCallEverybody: boolean;
  readonly draft: string | null;
  /** Words in the other forms, the newest last; absent: there are none. */
  readonly formDrafts?: FormDrafts;
  /** How many files were chosen and not sent. */
  readonly draftFiles: number;
  readonly canSend: boolean;
  /** This person may write here once the officer course is passed; `canSend` is false until then. */
  readonly trainingFirst: boolean;
  /** A sanction closes it to this person; `canSend` is false until it ends. */
  readonly barred: Barred | null;
  readonly admin: boolean;
  readonly whoMaySend: WhoMaySend;
  /**
   * waiting: this device is not listed yet, or its person is a member again and the roster follows;
   * alarm: a security check failed (see `alarm`); only `log_lost` stops what works.
   */
  readonly state: "ready" | "waiting" | "left" | "alarm";
  readonly alarm: ConversationAlarm | null;
  readonly createdMs: number;
}

/** A folder of conversations that this person made. */
export interface Folder {
  readonly folderId: FolderId;
  readonly name: string;
}

/** A part of a long list of members. */
export interface MemberPage {
  readonly members: readonly MemberItem[];
  /** To ask for the next part with; null: there is none. */
  readonly next: string | null;
}

export interface MemberItem {
  readonly plate: Plate;
  readonly admin: boolean;
  readonly me: boolean;
  readonly deliveredSeq: number;
  readonly readSeq: number;
  /** Whether this person has registered; the messages wait until then. */
  readonly registered: boolean;
  /** Whether the signed roster lists a device of this person; unknown where there are too many
   * devices to know them all, and before the roster is here. */
  readonly reads: "yes" | "no" | "unknown";
  /** False: the roster lists this person's devices, and the server's list of members lacks them. */
  readonly listed: boolean;
  /** Nothing sent before is readable by this person, by the signed roster; null: everything is. */
  readonly historyFromMs: number | null;
  /** This person's devices, of which only confirmed ones are given keys. */
  readonly devices: readonly MemberDevice[];
}

/** Honest state of the encryption, for the page behind the lock line. */
export interface EncryptionView {
  readonly conversationId: ConversationId;
  readonly people: number;
  /** Members who have not registered yet: how many, and who, where the conversation is small. */
  readonly unregistered: number;
  readonly unregisteredPeople: readonly Plate[];
  /** Devices that the newest signed roster lists. */
  readonly devices: number;
  /** Whether this device knows all of them, and not only the members of its cell. */
  readonly whole: boolean;
  /** People whose listed device this device cannot confirm: it gives them nothing. */
  readonly unconfirmed: readonly Plate[];
  /** Messages whose key is missing here so far. */
  readonly waiting: number;
  /** Messages that a check refused; nothing of them is shown. */
  readonly refused: number;
  readonly rosterEpoch: number;
  /** How old the conversation key is; null before the first. */
  readonly keyAgeMs: number | null;
  readonly kem: "x25519" | "x-wing" | null;
  readonly historyFromMs: number | null;
  /** Eight groups of five digits of the newest roster head: equal on the screens of all members. */
  readonly headCode: string | null;
}

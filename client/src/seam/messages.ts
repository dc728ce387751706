/** Messages on the screens. Bodies, previews and sent contents are stated by each kind (kinds/). */
import type { ConversationId, MessageId } from "../ids.ts";
import type { CalledAs } from "../kinds/called.ts";
import type { KindBody, KindPreview } from "../kinds/content.ts";
import type { CoreError } from "../failure.ts";
import type { Plate } from "../names.ts";

export type { CalledAs } from "../kinds/called.ts";
export type { Outgoing } from "../kinds/content.ts";
export type { LinkedPage } from "../kinds/links.ts";

export type MessageStatus = "queued" | "sending" | "sent" | "delivered" | "read" | "failed";

/** A message summed up for a list row or a quote; the screen puts it into words. */
export type Preview =
  | KindPreview
  | { readonly kind: "notice"; readonly notice: Notice }
  /** Deleted, or its body never came. */
  | { readonly kind: "deleted" | "withheld" }
  | { readonly kind: "unsupported" };

export type MessageBody =
  | KindBody
  | { readonly kind: "notice"; readonly notice: Notice }
  /** `by`: the admin who removed it; null: its author deleted it. */
  | { readonly kind: "deleted"; readonly by: Plate | null }
  /** The server has not delivered its body, and nobody who may has deleted it. */
  | { readonly kind: "withheld" }
  | { readonly kind: "unsupported" };

export interface ReplyQuote {
  readonly messageId: MessageId;
  /** The conversation of the quoted message, where it is another one. */
  readonly conversationId: ConversationId | null;
  readonly sender: Plate | null;
  readonly preview: Preview;
}

export type Notice =
  /** Differences of signed rosters: nothing proves who asked for them, so nobody is named. */
  | {
      readonly kind: "added" | "registered" | "removed" | "left" | "made_admin" | "revoked_admin";
      readonly people: readonly Plate[];
    }
  /** `by`: who vouches for the device; null: nobody, it is the person's first. */
  | { readonly kind: "device_added"; readonly people: readonly Plate[]; readonly by: Plate | null }
  | { readonly kind: "device_removed"; readonly people: readonly Plate[] }
  /** From when on this device reads. */
  | { readonly kind: "history"; readonly fromMs: number }
  /** At the start of a group that somebody else made. No signature proves who added this person. */
  | { readonly kind: "you_added" }
  | { readonly kind: "title"; readonly by: Plate | null; readonly title: string }
  | { readonly kind: "photo" | "description"; readonly by: Plate | null }
  /** Somebody without the right tried to change name, photo or description. */
  | { readonly kind: "profile_refused"; readonly by: Plate | null }
  /** The server shows somebody else another log than this device. */
  | { readonly kind: "log_differs"; readonly by: Plate | null }
  /** The server came back from a backup: devices have sent again what it lost. */
  | { readonly kind: "restored" }
  /** An earlier message of this sender never came. */
  | { readonly kind: "gap"; readonly by: Plate | null }
  /**
   * A mark of this person, or a group's new name, photo or description, counts nowhere: it was refused, or the mark came
   * too late. `text`: the new words of an edit, the new name, otherwise the beginning of the message; empty where it has none.
   */
  | { readonly kind: RefusedKind; readonly text: string };

export type RefusedKind = "edit_refused" | "deletion_refused" | "mark_refused" | "state_refused";

/** Words that a message had, since this time. */
export interface Wording {
  readonly text: string;
  readonly sentMs: number;
}

/** One emoji on a message. */
export interface Reaction {
  readonly emoji: string;
  /** The people who chose it, the last one at the end. */
  readonly people: readonly Plate[];
  /** This person is one of them. */
  readonly mine: boolean;
}

export interface MessageItem {
  readonly messageId: MessageId;
  readonly conversationId: ConversationId;
  /** null until the DS has accepted it; queued messages sort after everything with a seq. */
  readonly seq: number | null;
  readonly sender: Plate | null;
  readonly mine: boolean;
  readonly sentMs: number;
  readonly body: MessageBody;
  readonly preview: Preview;
  readonly replyTo: ReplyQuote | null;
  /** The accepted answer of a question, where it is on this device. */
  readonly answer: ReplyQuote | null;
  readonly status: MessageStatus | null;
  readonly failure: CoreError | null;
  /** The emoji that people reacted with; absent: the message takes no reactions. */
  readonly reactions?: readonly Reaction[];
  /** How many messages of this conversation answer it; absent: none does. */
  readonly replies?: number;
  /** There may be more replies than this device keeps. */
  readonly moreReplies?: true;
  /** This person may edit it until then; absent: not at all. */
  readonly editableUntilMs?: number;
  /** This person may delete it until then, for everybody; absent: not at all. */
  readonly deletableUntilMs?: number;
  /** The words that it had before its author edited it, the first ones first; absent: it was not. */
  readonly former?: readonly Wording[];
  /** It was forwarded to come here, or more often than the department's policy likes; absent: it
   * was written here. */
  readonly forwarded?: "some" | "often";
  /** It was written as an order, or as a change of one, by somebody who may not do that here: it
   * is a plain message. */
  readonly notOrder?: true;
  /** How it mentions this person (M5); absent: it does not. */
  readonly called?: CalledAs;
  /** This person starred it. */
  readonly starred?: true;
  /** It waits for this time, at which this device sends it. */
  readonly scheduledMs?: number;
}

export interface PinnedMessage {
  readonly message: MessageItem;
  /** The person who pinned it. */
  readonly by: Plate | null;
}

export interface MessagePage {
  readonly messages: readonly MessageItem[];
  readonly more: boolean;
  /** The first unread message's id, for the unread line. */
  readonly firstUnread: MessageId | null;
}

/** How many of the people a message is for have it. */
export interface ReceiptTotals {
  readonly people: number;
  /** Those of them who have a phone, or have received it. */
  readonly phones: number;
  readonly delivered: number;
  readonly read: number;
}

/** The people who have one of my messages; their number alone where they are too many. */
export interface MessageReceipts {
  readonly messageId: MessageId;
  /** Too many people for names: the lists are empty, and `totals` says how many, if it is known. */
  readonly many: boolean;
  readonly totals: ReceiptTotals | null;
  readonly read: readonly Plate[];
  readonly delivered: readonly Plate[];
  /** People whose phone has come past it and lacks its key, and people whose phone has not. */
  readonly lacksKey: readonly Plate[];
  readonly waiting: readonly Plate[];
  /** People without a phone: not registered yet, or signed out. */
  readonly unregistered: readonly Plate[];
  readonly signedOut: readonly Plate[];
}

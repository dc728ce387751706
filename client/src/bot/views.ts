/** Views of the core for a program, as src/copconnect/bot/core.py reads them. */
import type { AlarmView, AppState, ConversationAlarm, ConversationItem } from "../seam.ts";
import type { ConversationId, MessageId, PersonId } from "../ids.ts";
import type { CalledAs } from "../kinds/called.ts";
import type { Mark } from "../kinds/mark.ts";

export interface PersonView {
  readonly personId: PersonId;
  /** By ISO 15924 script. */
  readonly names: Readonly<Record<string, string>>;
  readonly rank: string;
  readonly post: string;
  readonly unit: string;
  readonly unitPath: string;
  /** An admin, or a device of the person's own, vouches for the device. */
  readonly approved: boolean;
}

export interface ConversationView {
  readonly conversationId: ConversationId;
  readonly name: string;
  readonly kind: string;
  readonly members: number;
  readonly maySend: boolean;
}

export interface MessageView {
  readonly messageId: MessageId;
  readonly position: number;
  readonly conversation: ConversationView;
  readonly sender: PersonView;
  readonly signedMs: number;
  readonly sentMs: number;
  readonly gap: boolean;
  readonly tries: number;
  /** How its mentions call the bot; null: not at all. */
  readonly called: CalledAs | null;
  /** A text or an order; null: a mark, or a kind that no handler reads. */
  readonly content: object | null;
  /** The mark that this message carries, with the id of the marked message; null: this is no mark. */
  readonly mark: (Mark & { readonly messageId: MessageId }) | null;
}

/** A pinned message; `text` is empty for one without words. */
export interface PinnedView {
  readonly messageId: MessageId;
  readonly senderId: PersonId | null;
  readonly text: string;
  readonly pinnedBy: PersonId | null;
}

/** Whether this device is registered and confirmed. */
export interface StateView extends Pick<AppState, "phase" | "reason" | "kept"> {
  readonly confirmed: boolean;
  /** Connected, and in step with the server. */
  readonly inStep: boolean;
}

export interface Acknowledged {
  readonly personId: PersonId;
  readonly choice: number;
  /** Places of the items that are done, from 1. */
  readonly done: readonly number[];
  readonly toldBy: PersonId | null;
  readonly signedMs: number;
  readonly answered: boolean;
}

export function isListed({ state }: ConversationItem): boolean {
  return state === "ready" || state === "alarm";
}

export function viewOf(item: ConversationItem): ConversationView {
  const { conversationId, kind, members, canSend: maySend } = item;
  const name = item.direct?.names.en ?? item.title ?? item.standing?.title.en ?? "";
  return { conversationId, name, kind, members, maySend };
}

const ALARMS: Readonly<Record<ConversationAlarm, string>> = {
  log_differs: "the server shows another member another log",
  forked: "two messages, or two lists of members, claim one place",
  log_lost: "the log has lost entries; nothing is sent or received until it has them",
  not_direct: "it is not the direct conversation of its two people",
  third_person: "the roster lists a third person in a direct conversation",
};

const OWN_ALARMS: Readonly<Record<AlarmView["kind"], string>> = {
  device: "the bot's person has a device that it did not endorse",
  key: "there is a key of this bot that it did not make",
  log: "the server shows another audit log than the bot saw before",
  card: "the signed card of the bot's person was changed",
  refusedCard: "a person's signed card was refused, which is dated back or out of order",
};

/** An alarm about the bot itself. */
export function ownWords({ kind, id }: AlarmView): string {
  return `${OWN_ALARMS[kind]}: ${id}`;
}

export function wordsOf(alarm: ConversationAlarm): string {
  return ALARMS[alarm];
}

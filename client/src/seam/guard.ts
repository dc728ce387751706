/** The guard's verdict on a message before it is sent, the policy that it follows, and forwarding. */
import type { ConversationId } from "../ids.ts";

export type GuardAct = "fine" | "nudge" | "insist";
export type GuardPlace = "direct" | "group" | "large" | "announcement";

export interface GuardVerdict {
  readonly act: GuardAct;
  /** The class of the message, such as `greeting`; `fine` where the guard has nothing to say. */
  readonly claimed: string;
  /** Other members, whom the message would reach. */
  readonly others: number;
}

/** Limits of forwarding, for everybody and at all hours. */
export interface ForwardingLimits {
  /** A message is forwarded to at most so many conversations at once; 0: forwarding is off. */
  readonly chats: number;
  /** A message that was forwarded so many times is labelled, and `oftenChats` limits it. */
  readonly often: number;
  readonly oftenChats: number;
  /** Whether large groups take forwards. */
  readonly large: boolean;
  readonly announcement: boolean;
}

/** Such groups take no forwards; `send`: this person may not send there. */
export type ForwardClosed = "announcement" | "large" | "send";

/** The limits on forwarding one message. */
export interface ForwardChoice {
  /** To so many conversations at once. */
  readonly most: number;
  /** `most` is lower because it was forwarded often. */
  readonly often: boolean;
  /** Conversations that take no forwards, and why; all others do. */
  readonly closed: readonly {
    readonly conversationId: ConversationId;
    readonly why: ForwardClosed;
  }[];
}

export interface GuardPolicy {
  readonly number: number;
  /** Groups of at least so many members are large. */
  readonly largeFrom: number;
  /** From and to, hours of the device's clock; 0 and 24: always. */
  readonly hours: readonly [number, number];
  /** Codes of ranks for whose holders the guard says nothing. */
  readonly exemptRanks: readonly string[];
  readonly forwarding: ForwardingLimits;
  readonly places: Readonly<
    Record<GuardPlace, { readonly nudge: readonly string[]; readonly insist: readonly string[] }>
  >;
}

/** A verdict that this person called wrong. Kept on this device alone. `text`: empty for a picture. */
export interface GuardMistake {
  readonly atMs: number;
  readonly claimed: string;
  readonly text: string;
}

export interface GuardView {
  /** Null: no weights or policy have arrived yet; everything is fine meanwhile. */
  readonly policy: GuardPolicy | null;
  /** The number of the weights. */
  readonly weights: number | null;
  /** How many pictures the guard knows. */
  readonly pictures: number;
  readonly mistakes: readonly GuardMistake[];
}

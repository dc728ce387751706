/** Polls and questions on the screens. */
import type { ConversationId, MessageId } from "../ids.ts";
import type { GeoPosition } from "../kinds/consultation.ts";
import type { Plate } from "./people.ts";

export type { GeoPosition } from "../kinds/consultation.ts";

/**
 * Why a poll takes no vote here: `ended` by its time, `closed` by its author, `queued`: it has not
 * been sent yet, `left`: this person writes nothing in the conversation any more.
 */
export type PollShut = "ended" | "closed" | "queued" | "left";

export interface PollOption {
  /** Null: not known here, in an anonymous poll before its totals. */
  readonly votes: number | null;
  /** The people who chose it, newest last; empty in an anonymous poll. */
  readonly people: readonly Plate[];
}

export interface PollState {
  readonly options: readonly PollOption[];
  /** People whose vote counts. */
  readonly voters: number;
  /** Ballots in the counts of an anonymous poll that shows some; fewer where some are unreadable. */
  readonly counted: number | null;
  /** This person's newest choice; empty: nothing. Null: voted, sealed by another device. */
  readonly own: readonly number[] | null;
  readonly mine: boolean;
  readonly shut: PollShut | null;
  /**
   * The counts of an anonymous poll. `count`: this device is its author's and counts the ballots;
   * `published`: the author's totals; `hidden`: they follow after the end; `few`: it ended with
   * too few votes (FEWEST_BALLOTS), and totals would tell who chose what.
   */
  readonly totals: "count" | "published" | "hidden" | "few" | null;
}

export interface QuestionState {
  readonly mine: boolean;
  /** The reply that the asker has accepted as the answer. */
  readonly answerId: MessageId | null;
}

export interface LiveState {
  readonly running: boolean;
  /** When it ends, or has ended. */
  readonly untilMs: number;
  /** This device shares it, and can stop it. */
  readonly here: boolean;
}

/** A live position that this device shares. */
export interface LiveShare {
  readonly conversationId: ConversationId;
  readonly messageId: MessageId;
  readonly untilMs: number;
}

/** The newest position of somebody who shares it. */
export interface LivePlace extends GeoPosition {
  readonly messageId: MessageId;
  readonly sender: Plate | null;
  readonly mine: boolean;
  readonly untilMs: number;
}

/** Groups that people may ask to join, and requests to join them. */
import type { ConversationId, PersonId, UnitId } from "../ids.ts";
import type { Plate } from "../names.ts";

/** A group that its admins list to the people of a unit and of those below it. */
export interface JoinableGroup {
  readonly conversationId: ConversationId;
  readonly title: string;
  readonly purpose: string;
  readonly unitId: UnitId;
  readonly members: number;
  /** The people who decide, by the server's word. */
  readonly adminIds: readonly PersonId[];
  /** This person is one of them. */
  readonly mine: boolean;
  /** This person's open request; null: there is none. */
  readonly askedMs: number | null;
  /** From then on this person may ask again; null: at once. */
  readonly againMs: number | null;
}

/** A request that this person decides. */
export interface JoinRequestView {
  readonly conversationId: ConversationId;
  readonly person: Plate;
  readonly askedMs: number;
  /** Null: it was not sealed to this device, or it does not open. */
  readonly reason: string | null;
}

export interface JoiningView {
  readonly groups: readonly JoinableGroup[];
  readonly requests: readonly JoinRequestView[];
}

/** Live positions on the screens; kinds/consultation.ts has what polls and questions show. */
import type { ConversationId, MessageId } from "../ids.ts";
import type { GeoPosition } from "../kinds/consultation.ts";
import type { Plate } from "../names.ts";

export type {
  GeoPosition,
  LiveState,
  PollOption,
  PollShut,
  PollState,
  QuestionState,
} from "../kinds/consultation.ts";

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

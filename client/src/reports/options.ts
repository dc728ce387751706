/** The parts of a running device that calls about reports need. */
import type { Acts } from "../account/acts.ts";
import type { ConversationIndex } from "../conversation/conversation.ts";
import type { DeviceContext } from "../context.ts";
import type { ViewMaker } from "../messages/views.ts";
import type { Blocked } from "../people/blocked.ts";
import type { People } from "../people/people.ts";
import type { OwnSanctions } from "./own-sanctions.ts";

export interface ReportCallsOptions {
  readonly context: DeviceContext;
  readonly index: ConversationIndex;
  readonly views: Pick<ViewMaker, "attachments">;
  readonly people: Pick<People, "plate" | "plates" | "prefetch">;
  readonly blocked: Pick<Blocked, "set">;
  readonly acts: Acts;
  readonly sanctions: OwnSanctions;
}

/**
 * The core: the objects that the screens (web/) and programs call, and the events that they hear.
 * Arguments and answers are structured-cloneable, so that they cross a worker boundary.
 *
 * Invariants: every call that changes something is safe to repeat; a rejected call rejects with a
 * {@link CoreError} whose `code` is stable. Times are ms since 1970. Each object's class says what its
 * methods do; seam.ts has the view models.
 */
import type { DeviceCalls } from "./account/calls.ts";
import type { Conduct } from "./account/conduct.ts";
import type { RegistrationCalls } from "./account/registering.ts";
import type { AdminCalls } from "./admin/calls.ts";
import type { ExportCalls } from "./exporting/calls.ts";
import type { ConsultationCalls } from "./calls/talking/consultation-calls.ts";
import type { ConversationCalls } from "./calls/conversation-calls.ts";
import type { GuardCalls } from "./calls/talking/guard-calls.ts";
import type { LiveCalls } from "./calls/talking/live-calls.ts";
import type { JoiningCalls } from "./calls/joining-calls.ts";
import type { MemberCalls } from "./calls/member-calls.ts";
import type { AttachmentCalls, MessageCalls } from "./calls/message-calls.ts";
import type { OneselfCalls } from "./calls/oneself/oneself-calls.ts";
import type { OrderCalls } from "./calls/order-calls.ts";
import type { PeopleCalls } from "./calls/people-calls.ts";
import type { PushCalls } from "./calls/push-calls.ts";
import type { Session } from "./calls/session.ts";
import type { ForwardingCalls } from "./calls/talking/forwarding-calls.ts";
import type { UnitOrderCalls } from "./calls/unit-order-calls.ts";
import type { OverseeCalls } from "./overseeing/calls.ts";
import type { PostDirectory } from "./people/posts.ts";
import type { Remote } from "./remote.ts";
import type { ReportCalls } from "./reports/calls.ts";
import type { SearchCalls } from "./search/calls.ts";
import type { CoreListener } from "./seam.ts";
import type { TrainingCalls } from "./training/calls.ts";

export { inEnglish, rankSpellings, spellings } from "./names.ts";
export { newId } from "./ids.ts";
export {
  LONGEST_LIVE_MS,
  MAX_POLL_OPTION,
  MAX_POLL_OPTIONS,
  MAX_POLL_QUESTION,
  MAX_QUICK_REPLIES,
  MAX_QUICK_REPLY,
} from "./kinds/consultation.ts";
export { WEB, firstPage, webLink } from "./kinds/links.ts";
export { blankOrder } from "./kinds/order.ts";
export { allWordsOf, wordingIn, wordingsOf } from "./kinds/wording.ts";
export { MAX_IMPORT_BYTES, REMIND_AGAIN_MS, REORGANISED_PEOPLE } from "./limits.ts";
export { BYTE_ORDER_MARK, csvPart } from "./overseeing/files/csv.ts";
export * from "./seam.ts";

export interface Core {
  /** The app on this device: start, lock, sign-out. */
  readonly app: Remote<Omit<Session, "close" | "subscribe">>;
  readonly registration: Remote<RegistrationCalls>;
  readonly conduct: Remote<Conduct>;
  /** Devices of people, and who vouches for whose. */
  readonly devices: Remote<DeviceCalls>;
  readonly people: Remote<PeopleCalls>;
  readonly posts: Remote<PostDirectory>;
  readonly conversations: Remote<ConversationCalls>;
  readonly members: Remote<MemberCalls>;
  /** Groups that one may ask to join; its code is fetched with the first call. */
  readonly joining: Remote<JoiningCalls>;
  readonly messages: Remote<MessageCalls>;
  /** Personal items: stars, folders, deletions for oneself. */
  readonly oneself: Remote<OneselfCalls>;
  /** Messages by their words; its code is fetched with the first call. */
  readonly search: Remote<SearchCalls>;
  readonly attachments: Remote<AttachmentCalls>;
  /** Exported conversations; its code is fetched with the first call. */
  readonly exports: Remote<ExportCalls>;
  readonly forwarding: Remote<ForwardingCalls>;
  /** Polls and questions. */
  readonly consultation: Remote<ConsultationCalls>;
  /** Live positions. */
  readonly live: Remote<LiveCalls>;
  readonly guard: Remote<GuardCalls>;
  readonly orders: Remote<OrderCalls>;
  /** Orders to units below this person's. */
  readonly unitOrders: Remote<UnitOrderCalls>;
  readonly pushes: Remote<PushCalls>;
  /** Orders that one oversees; its code is fetched with the first call. */
  readonly overseeing: Remote<OverseeCalls>;
  /** Reports, cases and sanctions; its code is fetched with the first call. */
  readonly reports: Remote<Omit<ReportCalls, "wake">>;
  readonly training: Remote<TrainingCalls>;
  /** The console; its code is fetched with the first call. */
  readonly admin: Remote<AdminCalls>;
}

/** A running core, as seen through a worker or directly (Node, tests). */
export interface ConnectedCore extends Core {
  subscribe(listener: CoreListener): () => void;
}

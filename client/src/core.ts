/**
 * The seam between the screens (web/) and the core (client/): what the core can do and what it
 * shows. Everything here is structured-cloneable, so that it crosses a worker boundary.
 *
 * Invariants: view models are immutable snapshots; every mutation is safe to call again; a
 * rejected call rejects with a {@link CoreError} whose `code` is stable. Times are ms since 1970.
 * seam.ts has the view models.
 */
import type {
  AlarmId,
  AttachmentId,
  ChallengeId,
  ClientId,
  ConfirmationId,
  ConversationId,
  DeviceId,
  MessageId,
  PersonId,
  PostId,
  UnitId,
} from "./ids.ts";
import type {
  ChainOfCommand,
  ClientInfo,
  CodeRequested,
  ConductCode,
  Directory,
  IssuableUnit,
  Language,
  People,
  Person,
  Post,
  RegistrationStep,
  WhoMayPost,
} from "./wire.ts";
import type { Bytes } from "./octets.ts";
import type { AdminCalls } from "./admin/calls.ts";
import type { AppState } from "./seam/app.ts";
import type { OutgoingAttachment } from "./seam/attachments.ts";
import type {
  ConversationItem,
  EncryptionView,
  MemberItem,
  MemberPage,
} from "./seam/conversations.ts";
import type {
  AlarmView,
  ConfirmationView,
  GrantGiven,
  GrantView,
  MadeView,
  MemberDevice,
  PhoneLockView,
  UnconfirmedItem,
} from "./seam/devices.ts";
import type { LivePlace, LiveShare, LiveStart } from "./seam/consultation.ts";
import type { CoreListener } from "./seam/events.ts";
import type { ConductView } from "./seam/conduct.ts";
import type { ForwardChoice, GuardVerdict, GuardView } from "./seam/guard.ts";
import type { MessageItem, MessagePage, MessageReceipts, Outgoing } from "./seam/messages.ts";
import type { Issuing, OrderBox, OrderDraft, OrderPage, OrderView } from "./seam/orders.ts";
import type { OverseeCalls } from "./overseeing/calls.ts";
import type { Remote } from "./remote.ts";
import type { PeopleQuery, Plate, PostQuery } from "./seam/people.ts";
import type { AuthenticatorsView, MadeCredential, PresenceGiven } from "./seam/presence.ts";
import type { ReportCalls } from "./reports/calls.ts";
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
export { MAX_IMPORT_BYTES, REORGANISED_PEOPLE } from "./limits.ts";
export * from "./seam.ts";

export interface Core {
  /** Open the vault and say where this device stands. */
  start(): Promise<AppState>;
  /** The latest state. */
  state(): Promise<AppState>;

  // Registration, in order.
  requestCode(number: string, language: Language): Promise<CodeRequested>;
  submitCode(challengeId: ChallengeId, code: string): Promise<RegistrationStep>;
  submitEnrolmentCode(ticket: string, enrolmentCode: string): Promise<RegistrationStep>;
  /** In place of a text, after `requestCode` was refused with "texts_used_up". */
  registerWithoutText(number: string, enrolmentCode: string): Promise<RegistrationStep>;
  checkRegistration(ticket: string): Promise<RegistrationStep>;
  /** Make the device key, get the certificate. `phase` becomes "conduct" or "ready". */
  registerClient(ticket: string, label: string): Promise<AppState>;
  conductCode(language: Language): Promise<ConductCode>;
  /** The code beside the version that this person accepted. */
  conduct(language: Language): Promise<ConductView>;
  acceptConduct(version: number, language: Language): Promise<AppState>;

  // App lock and signing out.
  /** A PIN, or a passphrase in its place. */
  setPin(pin: string | null, currentPin: string | null): Promise<AppState>;
  setAutoLock(ms: number): Promise<AppState>;
  unlock(pin: string): Promise<AppState>;
  lock(): Promise<AppState>;
  /** Revoke this device at the server if it can be reached, and wipe everything here. */
  signOut(): Promise<AppState>;
  /** After "signed_out": forget it and return to "register". */
  startOver(): Promise<AppState>;
  clients(): Promise<readonly ClientInfo[]>;
  renameClient(clientId: ClientId, label: string): Promise<readonly ClientInfo[]>;

  // People.
  directory(): Promise<Directory>;
  people(query: PeopleQuery): Promise<People>;
  person(personId: PersonId): Promise<Person>;
  /** The posts that head a unit and each unit above it, the nearest first. */
  chain(unitId: UnitId): Promise<ChainOfCommand>;
  /** The posts of a unit itself, held or vacant, heads first. */
  unitPosts(unitId: UnitId): Promise<readonly Post[]>;
  posts(query: PostQuery): Promise<readonly Post[]>;
  post(postId: PostId): Promise<Post>;
  /** This device shows and notifies of nothing that this person writes from now on. */
  block(personId: PersonId, on: boolean): Promise<void>;
  blocked(): Promise<readonly Plate[]>;

  /** A person's devices that are not revoked, in no matter which conversation. */
  devices(personId: PersonId): Promise<readonly MemberDevice[]>;

  // Confirmation of devices.
  /** Devices that wait for this person to confirm them. */
  unconfirmed(): Promise<readonly UnconfirmedItem[]>;
  /** Begin to compare digits with the person who holds the new device. */
  beginConfirmation(device: DeviceId): Promise<ConfirmationView>;
  /** Those that this device takes part in. */
  confirmations(): Promise<readonly ConfirmationView[]>;
  /** On the new device: its person knows the one who wants to confirm it. */
  answerConfirmation(confirmationId: ConfirmationId): Promise<ConfirmationView>;
  /** The digits that the new device shows, typed here, or its code, scanned. */
  confirmDigits(confirmationId: ConfirmationId, digits: string): Promise<ConfirmationView>;
  cancelConfirmation(confirmationId: ConfirmationId): Promise<void>;
  grants(personId: PersonId): Promise<readonly GrantView[]>;
  grant(personId: PersonId, unitPath: string, days: number): Promise<GrantGiven>;
  withdrawGrant(personId: PersonId, unitPath: string): Promise<readonly GrantView[]>;
  /** A device's endorsements and grants, for the person who is about to revoke it. */
  madeBy(device: DeviceId): Promise<MadeView>;
  /**
   * A lost device: it is locked and taken off every roster; signed by this device. `lostMs`: since
   * when it is lost; what it vouched for before stands.
   */
  revokeDevice(device: DeviceId, lostMs?: number): Promise<void>;
  /** Whether a person's phone is locked as lost, and what this person may do about it. */
  phoneLock(personId: PersonId): Promise<PhoneLockView>;
  /** A colleague's phone is lost: the server turns away all devices that the person has now. */
  lockPhone(personId: PersonId): Promise<PhoneLockView>;
  unlockPhone(personId: PersonId): Promise<PhoneLockView>;
  /** Acts in this person's name without this device, until the person acknowledges them. */
  /** Answer a "presence" event; null: the person does not do the act. Rejects with `pin_wrong`. */
  givePresence(number: number, given: PresenceGiven | null): Promise<void>;
  authenticators(): Promise<AuthenticatorsView>;
  /** A credential that was made on this device for {@link AuthenticatorsView.challenge}. */
  addAuthenticator(made: MadeCredential): Promise<AuthenticatorsView>;
  alarms(): Promise<readonly AlarmView[]>;
  acknowledgeAlarm(id: AlarmId): Promise<void>;

  // Conversations.
  conversations(): Promise<readonly ConversationItem[]>;
  conversation(conversationId: ConversationId): Promise<ConversationItem>;
  /** The direct conversation with a person, made if there is none. */
  openDirect(personId: PersonId): Promise<ConversationItem>;
  /** The conversation with whoever holds a post. Rejects with `post_vacant` where nobody does. */
  openPost(postId: PostId): Promise<ConversationItem>;
  createGroup(input: {
    readonly title: string;
    readonly personIds: readonly PersonId[];
    readonly photo: OutgoingAttachment | null;
    readonly whoMayPost: WhoMayPost;
    /** The history that new members see. */
    readonly history: "none" | "30_days";
    /** Made by the host where absent, so that a repeated call makes no second group. */
    readonly conversationId?: ConversationId;
  }): Promise<ConversationItem>;
  /** All members, of conversations of up to 256 people; nobody of larger ones. */
  members(conversationId: ConversationId): Promise<readonly MemberItem[]>;
  /** The members of any conversation whom a text finds, part by part, seniors first. */
  memberPage(
    conversationId: ConversationId,
    after: string | null,
    text?: string,
  ): Promise<MemberPage>;
  changeMembers(
    conversationId: ConversationId,
    change: {
      readonly add?: readonly PersonId[];
      readonly remove?: readonly PersonId[];
      readonly makeAdmin?: readonly PersonId[];
      readonly revokeAdmin?: readonly PersonId[];
    },
  ): Promise<void>;
  leave(conversationId: ConversationId): Promise<void>;
  /** Take a conversation that was left or lost off this device. */
  forget(conversationId: ConversationId): Promise<void>;
  setProfile(
    conversationId: ConversationId,
    profile: { readonly title: string; readonly photo: OutgoingAttachment | "keep" | null },
  ): Promise<void>;
  setWhoMayPost(conversationId: ConversationId, whoMayPost: WhoMayPost): Promise<void>;
  setPreferences(
    conversationId: ConversationId,
    preferences: { readonly mutedUntilMs: number | null; readonly pinned: boolean },
  ): Promise<void>;
  encryption(conversationId: ConversationId): Promise<EncryptionView>;

  // Messages.
  /** The newest page, or the page before a message. */
  messages(
    conversationId: ConversationId,
    before: MessageId | null,
    limit: number,
  ): Promise<MessagePage>;
  /** Queues and returns at once; sending goes on by itself, across restarts. */
  send(
    conversationId: ConversationId,
    outgoing: Outgoing,
    replyTo: MessageId | null,
    /** Made by the host where absent, so that a repeated call sends nothing twice. */
    messageId?: MessageId,
    /** The conversation of the answered message; this one where absent. */
    replyIn?: ConversationId,
    /** Send it at this time; this device does so when the app is open, later otherwise. */
    notBeforeMs?: number | null,
  ): Promise<MessageItem>;
  /** Vote in a poll, anew where this person has voted; no options take the vote back. */
  vote(
    conversationId: ConversationId,
    messageId: MessageId,
    choices: readonly number[],
  ): Promise<void>;
  /** End this person's own poll. */
  closePoll(conversationId: ConversationId, messageId: MessageId): Promise<void>;
  /** The guard's verdict on a text before it is sent here; judged on this device. */
  guardVerdict(conversationId: ConversationId, text: string): Promise<GuardVerdict>;
  /** The same on a picture, by its perceptual hash, 32 bytes. */
  guardPictureVerdict(conversationId: ConversationId, hash: Uint8Array): Promise<GuardVerdict>;
  guard(): Promise<GuardView>;
  /** The limits on forwarding a message, and closed conversations. Rejects with `forward_closed` where none such is. */
  forwardChoice(conversationId: ConversationId, messageId: MessageId): Promise<ForwardChoice>;
  /**
   * Forward a message to other conversations, without its author, with one's own words after it.
   * Queues and returns at once. Rejects with `forward_limit`, `forward_closed`, `conversation_left`
   * before anything is queued.
   */
  forward(
    from: { readonly conversationId: ConversationId; readonly messageId: MessageId },
    to: readonly ConversationId[],
    words: string,
    /** Made by the host where absent, so that a repeated call forwards nothing twice. */
    forwardId?: MessageId,
  ): Promise<void>;
  /** The class that the guard claims a text for, whatever its policy says; null without weights. */
  guardClaims(text: string): Promise<string | null>;
  /** This person calls a verdict wrong: kept on this device alone. */
  guardWasWrong(claimed: string, text: string): Promise<void>;
  forgetGuardMistakes(): Promise<void>;
  /** Mark a reply as the answer to this person's own question; null: take that back. */
  acceptAnswer(
    conversationId: ConversationId,
    questionId: MessageId,
    answerId: MessageId | null,
  ): Promise<void>;
  /** The newest 200 questions of a conversation that are on this device, the newest first. */
  questions(conversationId: ConversationId): Promise<readonly MessageItem[]>;
  /** Share this device's position with a conversation from now on, for eight hours at most. */
  shareLive(conversationId: ConversationId, place: LiveStart, forMs: number): Promise<MessageItem>;
  stopLive(conversationId: ConversationId): Promise<void>;
  /** The live positions that this device shares. */
  liveShares(): Promise<readonly LiveShare[]>;
  /** This device is here now. Answers with the shares that run: none, and it need not look again. */
  moveLive(place: LiveStart): Promise<readonly LiveShare[]>;
  /** The live positions in a conversation. `ask`: also what others heard before. */
  livePlaces(conversationId: ConversationId, ask: boolean): Promise<readonly LivePlace[]>;
  /** Short texts that this person sends by one tap; null: the app's own. Kept on this device. */
  quickReplies(): Promise<readonly string[] | null>;
  setQuickReplies(texts: readonly string[] | null): Promise<void>;
  retry(messageId: MessageId): Promise<void>;
  /** Take back a message that has not been accepted yet (cancels its uploads). */
  cancel(messageId: MessageId): Promise<void>;
  markRead(conversationId: ConversationId, messageId: MessageId): Promise<void>;
  receipts(conversationId: ConversationId, messageId: MessageId): Promise<MessageReceipts>;
  saveDraft(conversationId: ConversationId, text: string): Promise<void>;
  /**
   * Keep these files and no others with the draft, until a message takes them. Answers with them as
   * they are to be sent: `send` takes those that are `kept` as they are sealed.
   */
  keepDraftFiles(
    conversationId: ConversationId,
    files: readonly OutgoingAttachment[],
  ): Promise<readonly OutgoingAttachment[]>;
  /** The files of the draft that can still be read. */
  draftFiles(conversationId: ConversationId): Promise<readonly OutgoingAttachment[]>;

  // Orders.
  /** Orders that this device knows, newest first; every word of `text` is in them. */
  orders(query: {
    readonly box: OrderBox;
    readonly text?: string;
    readonly after?: string | null;
  }): Promise<OrderPage>;
  /** One; `fresh`: as the server has it now where it can be reached. */
  order(orderId: MessageId, fresh?: boolean): Promise<OrderView>;
  /**
   * Sign this person's acknowledgement and send it now or later. A second one replaces the first.
   * Rejects with `order_differs` where the server states another order than the issuer signed.
   */
  acknowledge(
    orderId: MessageId,
    given: { readonly choice: number; readonly answer: string | null },
  ): Promise<OrderView>;
  /** Orders that are being written, and templates, newest first; without their files. */
  /** The priorities that this person may use, in a conversation where one is named. */
  issuing(conversationId: ConversationId | null): Promise<Issuing>;
  /** The units to each of which this person may issue an order without belonging to its chat. */
  issuableUnits(): Promise<readonly IssuableUnit[]>;
  /** The conversations for this person's orders to these units. Rejects with `may_not_issue`. */
  openUnitOrders(unitIds: readonly UnitId[]): Promise<readonly ConversationItem[]>;
  /**
   * Issue a draft's order in each of these conversations, as one series. Queues and returns at once, as `send`;
   * rejects before anything is queued where one is closed. A repeated call sends nothing twice.
   */
  issueTogether(draft: OrderDraft, conversationIds: readonly ConversationId[]): Promise<void>;
  /** Drafts of orders that are on their way are not among them. */
  orderDrafts(): Promise<readonly OrderDraft[]>;
  orderDraft(draftId: MessageId): Promise<OrderDraft>;
  /** Keep a draft as it is now. Files are kept up to 8 MiB together; `filesLost` says otherwise. */
  keepOrderDraft(draft: OrderDraft): Promise<OrderDraft>;
  dropOrderDraft(draftId: MessageId): Promise<void>;
  /** The person has seen why the server did not count an acknowledgement. */
  dismissRefusal(orderId: MessageId): Promise<void>;

  // Pushes.
  /** The key that the browser subscribes with. */
  pushKey(): Promise<Bytes>;
  /** Wake this device at an endpoint from now on. */
  subscribePushes(endpoint: string): Promise<void>;
  unsubscribePushes(): Promise<void>;

  /** Which conversation is on screen, so that it does not notify; null for none. */
  setVisible(conversationId: ConversationId | null): Promise<void>;
  /**
   * News of the device about its network. Gone: a connection that still looks open is given up at
   * once. Back: the next try comes now instead of after its wait.
   */
  networkChanged(there: boolean): Promise<void>;

  // Attachments.
  /** The whole plaintext, downloading if needed; progress comes as "attachment" events. */
  attachment(attachmentId: AttachmentId): Promise<Blob>;
  /** Plaintext bytes [start, end), for playing while it downloads. Fetches only those chunks. */
  attachmentRange(attachmentId: AttachmentId, start: number, end: number): Promise<Uint8Array>;
  cancelDownload(attachmentId: AttachmentId): Promise<void>;

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

/**
 * The seam between the screens (web/) and the core (client/): what the core can do and what it
 * shows. Everything here is structured-cloneable, so that it crosses a worker boundary.
 *
 * Invariants: view models are immutable snapshots; every mutation is safe to call again; a
 * rejected call rejects with a {@link CoreError} whose `code` is stable. Times are ms since 1970.
 * The view models lie in seam/, by subject.
 */
import type {
  ClientInfo,
  CodeRequested,
  ConductCode,
  Directory,
  Language,
  People,
  Person,
  RegistrationStep,
  WhoMayPost,
} from "./wire.ts";
import type { AdminCore, AdminMethod } from "./seam/admin.ts";
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
  UnconfirmedItem,
} from "./seam/devices.ts";
import type { CoreEvent } from "./seam/events.ts";
import type { MessageItem, MessagePage, MessageReceipts, Outgoing } from "./seam/messages.ts";
import type { PeopleQuery, Plate } from "./seam/people.ts";

export { inEnglish, spellings } from "./names.ts";
export type * from "./seam/admin.ts";
export type * from "./seam/app.ts";
export type * from "./seam/attachments.ts";
export type * from "./seam/conversations.ts";
export type * from "./seam/devices.ts";
export type * from "./seam/events.ts";
export type * from "./seam/failure.ts";
export type * from "./seam/messages.ts";
export type * from "./seam/people.ts";

/** A PIN has so many digits. */
export const PIN_DIGITS = { fewest: 6, most: 12 } as const;

export interface Core {
  /** Open the vault and say where this device stands. */
  start(): Promise<AppState>;
  /** The latest state. */
  state(): Promise<AppState>;

  // Registration, in order.
  requestCode(number: string, language: Language): Promise<CodeRequested>;
  submitCode(challengeId: string, code: string): Promise<RegistrationStep>;
  submitEnrolmentCode(ticket: string, enrolmentCode: string): Promise<RegistrationStep>;
  checkRegistration(ticket: string): Promise<RegistrationStep>;
  /** Make the device key, get the certificate. `phase` becomes "conduct" or "ready". */
  registerClient(ticket: string, label: string): Promise<AppState>;
  conductCode(language: Language): Promise<ConductCode>;
  acceptConduct(version: string, language: Language): Promise<AppState>;

  // App lock and signing out.
  setPin(pin: string | null, currentPin: string | null): Promise<AppState>;
  setAutoLock(ms: number): Promise<AppState>;
  unlock(pin: string): Promise<AppState>;
  lock(): Promise<AppState>;
  /** Revoke this device at the server if it can be reached, and wipe everything here. */
  signOut(): Promise<AppState>;
  /** After "signed_out": forget it and return to "register". */
  startOver(): Promise<AppState>;
  clients(): Promise<readonly ClientInfo[]>;
  revokeClient(clientId: string): Promise<readonly ClientInfo[]>;
  renameClient(clientId: string, label: string): Promise<readonly ClientInfo[]>;

  // People.
  directory(): Promise<Directory>;
  people(query: PeopleQuery): Promise<People>;
  person(personId: string): Promise<Person>;
  /** This device shows and notifies of nothing that this person writes from now on. */
  block(personId: string, on: boolean): Promise<void>;
  blocked(): Promise<readonly Plate[]>;

  /** A person's devices that are not revoked, in no matter which conversation. */
  devices(personId: string): Promise<readonly MemberDevice[]>;

  // Confirmation of devices.
  /** Devices that wait for this person to confirm them. */
  unconfirmed(): Promise<readonly UnconfirmedItem[]>;
  /** Begin to compare digits with the person who holds the new device. */
  beginConfirmation(device: string): Promise<ConfirmationView>;
  /** Those that this device takes part in. */
  confirmations(): Promise<readonly ConfirmationView[]>;
  /** The digits that the new device shows, typed or scanned here. */
  confirmDigits(confirmationId: string, digits: string): Promise<ConfirmationView>;
  cancelConfirmation(confirmationId: string): Promise<void>;
  grants(personId: string): Promise<readonly GrantView[]>;
  grant(personId: string, unitPath: string, days: number): Promise<GrantGiven>;
  withdrawGrant(personId: string, unitPath: string): Promise<readonly GrantView[]>;
  /** A device's endorsements and grants, for the person who is about to revoke it. */
  madeBy(device: string): Promise<MadeView>;
  /**
   * A lost device: it is locked and taken off every roster; signed by this device. `lostMs`: since
   * when it is lost; what it vouched for before stands.
   */
  revokeDevice(device: string, lostMs?: number): Promise<void>;
  /** Acts in this person's name without this device, until the person acknowledges them. */
  alarms(): Promise<readonly AlarmView[]>;
  acknowledgeAlarm(id: string): Promise<void>;

  // Conversations.
  conversations(): Promise<readonly ConversationItem[]>;
  conversation(conversationId: string): Promise<ConversationItem>;
  /** The direct conversation with a person, made if there is none. */
  openDirect(personId: string): Promise<ConversationItem>;
  createGroup(input: {
    readonly title: string;
    readonly personIds: readonly string[];
    readonly photo: OutgoingAttachment | null;
    readonly whoMayPost: WhoMayPost;
    /** The history that new members see. */
    readonly history: "none" | "30_days";
    /** Made by the host where absent, so that a repeated call makes no second group. */
    readonly conversationId?: string;
  }): Promise<ConversationItem>;
  /** All members, of conversations of up to 256 people; nobody of larger ones. */
  members(conversationId: string): Promise<readonly MemberItem[]>;
  /** The members of any conversation whom a text finds, part by part, seniors first. */
  memberPage(conversationId: string, after: string | null, text?: string): Promise<MemberPage>;
  changeMembers(
    conversationId: string,
    change: {
      readonly add?: readonly string[];
      readonly remove?: readonly string[];
      readonly makeAdmin?: readonly string[];
      readonly revokeAdmin?: readonly string[];
    },
  ): Promise<void>;
  leave(conversationId: string): Promise<void>;
  /** Take a conversation that was left or lost off this device. */
  forget(conversationId: string): Promise<void>;
  setProfile(
    conversationId: string,
    profile: { readonly title: string; readonly photo: OutgoingAttachment | "keep" | null },
  ): Promise<void>;
  setWhoMayPost(conversationId: string, whoMayPost: WhoMayPost): Promise<void>;
  setPreferences(
    conversationId: string,
    preferences: { readonly mutedUntilMs: number | null; readonly pinned: boolean },
  ): Promise<void>;
  encryption(conversationId: string): Promise<EncryptionView>;

  // Messages.
  /** The newest page, or the page before a message. */
  messages(conversationId: string, before: string | null, limit: number): Promise<MessagePage>;
  /** Queues and returns at once; sending goes on by itself, across restarts. */
  send(
    conversationId: string,
    outgoing: Outgoing,
    replyTo: string | null,
    /** Made by the host where absent, so that a repeated call sends nothing twice. */
    messageId?: string,
  ): Promise<MessageItem>;
  retry(messageId: string): Promise<void>;
  /** Take back a message that has not been accepted yet (cancels its uploads). */
  cancel(messageId: string): Promise<void>;
  markRead(conversationId: string, messageId: string): Promise<void>;
  receipts(conversationId: string, messageId: string): Promise<MessageReceipts>;
  saveDraft(conversationId: string, text: string): Promise<void>;
  /** Which conversation is on screen, so that it does not notify; null for none. */
  setVisible(conversationId: string | null): Promise<void>;
  /**
   * News of the device about its network. Gone: a connection that still looks open is given up at
   * once. Back: the next try comes now instead of after its wait.
   */
  networkChanged(there: boolean): Promise<void>;

  // Attachments.
  /** The whole plaintext, downloading if needed; progress comes as "attachment" events. */
  attachment(attachmentId: string): Promise<Blob>;
  /** Plaintext bytes [start, end), for playing while it downloads. Fetches only those chunks. */
  attachmentRange(attachmentId: string, start: number, end: number): Promise<Uint8Array>;
  cancelDownload(attachmentId: string): Promise<void>;

  /** A call of the console (seam/admin.ts); its code is fetched with the first. */
  admin<M extends AdminMethod>(
    method: M,
    ...args: Parameters<AdminCore[M]>
  ): ReturnType<AdminCore[M]>;
}

export type CoreListener = (event: CoreEvent) => void;

/** A running core, as seen through a worker or directly (Node, tests). */
export interface ConnectedCore extends Core {
  subscribe(listener: CoreListener): () => void;
}

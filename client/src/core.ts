/**
 * The seam between the screens (web/) and the core (client/): what the core can do and what it
 * shows. Everything here is structured-cloneable, so that it crosses a worker boundary.
 *
 * Invariants: view models are immutable snapshots; every mutation is safe to call again; a
 * rejected call rejects with a {@link CoreError} whose `code` is stable. Times are ms since 1970.
 * Imports only the generated wire types.
 */
import type {
  Audience,
  ClientInfo,
  ConductCode,
  Confirmed,
  ConversationKind,
  Directory,
  Language,
  Names,
  People,
  Person,
  RegistrationStep,
  CodeRequested,
  WhoMayPost,
} from "./wire.ts";

// --- Application state --------------------------------------------------------------------------

/** Where this device stands. The screens follow `phase` and nothing else. */
/**
 * The server's word on why this device's token ended (errors.SignedOut), or `pin_tries`: wiped
 * after too many wrong PINs; or `unknown`: the server does not know the token.
 */
export type SignedOutReason =
  "suspended" | "removed" | "device_removed" | "signed_out" | "pin_tries" | "unknown";

export interface AppState {
  readonly phase: "register" | "conduct" | "locked" | "ready" | "signed_out" | "storage_failed";
  /** Why the device was signed out ({@link SignedOutReason}), or could not open its storage. */
  readonly reason: string | null;
  /**
   * With "signed_out": nothing signed says that this device is to be wiped, so what it holds is kept,
   * locked, until the server takes it again or the person starts over.
   */
  readonly kept: boolean;
  readonly me: Person | null;
  readonly clientId: string | null;
  readonly unitAdmin: boolean;
  readonly lock: {
    readonly enabled: boolean;
    readonly autoLockMs: number;
    readonly triesLeft: number | null;
  };
  readonly connection: "online" | "connecting" | "offline";
  /** Messages waiting for the network. */
  readonly outbox: number;
  /** True while the core is catching up after being away. */
  readonly catchingUp: boolean;
  /** This device's confirmation. `confirmers`: people who can give it if missing, nearest first. */
  readonly device: {
    readonly confirmed: Confirmed;
    readonly confirmers: readonly Plate[];
    /** When this device registered. */
    readonly sinceMs: number | null;
  };
  /** Conversations whose earlier messages are here already, while a new device fills up. */
  readonly history: Progress | null;
  /** Set when the server speaks a newer wire version: ask the person to reload. */
  readonly updateRequired: boolean;
  /** Device clock minus server clock; a warning belongs above 5 minutes. */
  readonly clockSkewMs: number;
}

/** A PIN has so many digits. */
export const PIN_DIGITS = { fewest: 6, most: 12 } as const;

export interface Progress {
  readonly done: number;
  readonly total: number;
}

export interface CoreError {
  readonly code: string;
  readonly retry: boolean;
  readonly retryAfterMs: number | null;
  readonly details: Readonly<Record<string, string | number>>;
}

// --- People ------------------------------------------------------------------------------------

/** A person as a name plate: enough for a bubble, a list row, a mention. */
export interface Plate {
  readonly personId: string;
  readonly names: Names;
  /** A rank's code, or its English name as the person's card signs it. */
  readonly rank: string;
  readonly post: Names;
  readonly unitId: string;
}

export interface PeopleQuery {
  readonly text?: string;
  readonly unitId?: string;
  /** With `unitId`: people of the units below it too. */
  readonly deep?: boolean;
  readonly rank?: string;
  readonly role?: string;
  readonly after?: string;
  readonly limit?: number;
}

// --- Conversations -----------------------------------------------------------------------------

export type MessageStatus = "queued" | "sending" | "sent" | "delivered" | "read" | "failed";

export interface ConversationItem {
  readonly conversationId: string;
  readonly kind: ConversationKind;
  /** Group name; null while unknown: show the members' names. Direct: null, show `direct`. */
  readonly title: string | null;
  readonly photo: AttachmentView | null;
  readonly direct: Plate | null;
  /** A few members for a fallback title and initials. */
  readonly some: readonly Plate[];
  readonly members: number;
  /** The audience, where its people follow the data bank: these units name the conversation. */
  readonly audience: Audience | null;
  /** Members who have not registered yet: what is written waits for them. */
  readonly unregistered: number;
  readonly devices: number;
  /** Nothing sent before is readable on this device; null: everything is. */
  readonly historyFromMs: number | null;
  /** Messages of before that are here, of those that there are, while they are being fetched. */
  readonly history: Progress | null;
  readonly last: {
    readonly preview: Preview;
    readonly sender: Plate | null;
    readonly mine: boolean;
    readonly sentMs: number;
    readonly status: MessageStatus | null;
  } | null;
  readonly unread: number;
  readonly mentioned: boolean;
  readonly mutedUntilMs: number | null;
  readonly pinned: boolean;
  readonly draft: string | null;
  readonly canPost: boolean;
  readonly admin: boolean;
  readonly whoMayPost: WhoMayPost;
  /**
   * waiting: this device is not listed yet, or its person is a member again and the roster follows;
   * alarm: a security check failed (see `alarm`); nothing that works is stopped by it.
   */
  readonly state: "ready" | "waiting" | "left" | "alarm";
  /** `log_differs`: the server shows others another log; `not_direct`: not these two people's. */
  readonly alarm: string | null;
  readonly createdMs: number;
}

/** What a list row or a quote says about a message, to be put into words by the screen. */
export type Preview =
  | { readonly kind: "text"; readonly text: string }
  | { readonly kind: "image" | "video" | "voice" | "audio" | "document"; readonly text: string }
  | { readonly kind: "location" }
  | { readonly kind: "notice"; readonly notice: Notice }
  | { readonly kind: "unsupported" };

/** A part of a long list of members. */
export interface MemberPage {
  readonly members: readonly MemberItem[];
  /** To ask for the next part with; null: there is none. */
  readonly next: string | null;
}

export interface MemberItem {
  readonly plate: Plate;
  readonly admin: boolean;
  readonly me: boolean;
  readonly deliveredSeq: number;
  readonly readSeq: number;
  /** Whether this person has registered; who has not reads what waits for them when they do. */
  readonly registered: boolean;
  /** Nothing sent before is readable by this person; null: everything is. */
  readonly historyFromMs: number | null;
  /** This person's devices, of which only confirmed ones are given keys. */
  readonly devices: readonly MemberDevice[];
}

export interface MemberDevice {
  readonly device: string;
  readonly clientId: string;
  /** The label of one's own device; null for other people's devices. */
  readonly label: string | null;
  readonly confirmed: Confirmed;
  /** The person who vouches for it, where somebody does. */
  readonly by: Plate | null;
  readonly expiresMs: number;
}

/** Honest state of the encryption, for the page behind the lock line. */
export interface EncryptionView {
  readonly conversationId: string;
  readonly people: number;
  /** Members who have not registered yet: how many, and who, where the conversation is small. */
  readonly unregistered: number;
  readonly unregisteredPeople: readonly Plate[];
  /** Devices that the newest signed roster lists. */
  readonly devices: number;
  /** People whose listed device this device cannot confirm: it gives them nothing. */
  readonly unconfirmed: readonly Plate[];
  /** Messages whose key is missing here so far. */
  readonly waiting: number;
  /** Messages that a check refused; nothing of them is shown. */
  readonly refused: number;
  readonly rosterEpoch: number;
  /** How old the conversation key is; null before the first. */
  readonly keyAgeMs: number | null;
  readonly kem: "x25519" | "x-wing" | null;
  readonly historyFromMs: number | null;
  /** Eight groups of five digits of the newest roster head: equal on the screens of all members. */
  readonly headCode: string | null;
  /** The server shows somebody else another log than this device. */
  readonly logAlarm: boolean;
}

// --- Messages ----------------------------------------------------------------------------------

export interface Mention {
  readonly personId: string;
  readonly start: number;
  readonly length: number;
}

export interface ReplyQuote {
  readonly messageId: string;
  readonly sender: Plate | null;
  readonly preview: Preview;
}

export type AttachmentKind = "image" | "audio" | "voice" | "video" | "document";

export interface AttachmentView {
  readonly attachmentId: string;
  readonly kind: AttachmentKind;
  readonly name: string;
  readonly mime: string;
  readonly size: number;
  readonly width: number | null;
  readonly height: number | null;
  readonly durationMs: number | null;
  /** A tiny preview: thumbhash bytes for images and video. */
  readonly thumb: Uint8Array | null;
  /** 0-100 loudness values for voice notes. */
  readonly waveform: readonly number[] | null;
  /** How far it has come in bytes, being encrypted, on its way up or down; null when idle. */
  readonly progress: {
    readonly done: number;
    readonly total: number;
    readonly direction: "preparing" | "up" | "down";
  } | null;
  /** Whether the plaintext is on this device. */
  readonly local: boolean;
}

export type Notice =
  /**
   * Differences of signed rosters: nothing proves who asked for them, so nobody is named.
   * `registered`: the other person of a direct conversation, who belongs to it all along.
   */
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
  | { readonly kind: "photo"; readonly by: Plate | null }
  /** Somebody without the right tried to change name or photo. */
  | { readonly kind: "profile_refused"; readonly by: Plate | null }
  /** The server shows somebody else another log than this device. */
  | { readonly kind: "log_differs"; readonly by: Plate | null }
  /** The server came back from a backup: devices have posted again what it lost. */
  | { readonly kind: "restored" }
  /** An earlier message of this sender never came. */
  | { readonly kind: "gap"; readonly by: Plate | null };

export type MessageBody =
  | { readonly kind: "text"; readonly text: string; readonly mentions: readonly Mention[] }
  | {
      readonly kind: "attachments";
      readonly text: string;
      readonly mentions: readonly Mention[];
      readonly attachments: readonly AttachmentView[];
    }
  | {
      readonly kind: "location";
      readonly latitude: number;
      readonly longitude: number;
      readonly accuracyM: number | null;
      readonly takenMs: number;
    }
  | { readonly kind: "notice"; readonly notice: Notice }
  | { readonly kind: "unsupported" };

export interface MessageItem {
  readonly messageId: string;
  readonly conversationId: string;
  /** null until the DS has accepted it; queued messages sort after everything with a seq. */
  readonly seq: number | null;
  readonly sender: Plate | null;
  readonly mine: boolean;
  readonly sentMs: number;
  readonly body: MessageBody;
  readonly replyTo: ReplyQuote | null;
  readonly status: MessageStatus | null;
  readonly failure: CoreError | null;
}

export interface MessagePage {
  readonly messages: readonly MessageItem[];
  readonly more: boolean;
  /** The first unread message's id, for the unread line. */
  readonly firstUnread: string | null;
}

/** How many of the people a message is for have it. */
export interface ReceiptTotals {
  readonly people: number;
  readonly delivered: number;
  readonly read: number;
}

/** Who has one of my messages, by person; where they are too many for that, how many. */
export interface MessageReceipts {
  readonly messageId: string;
  /** Too many people for names: the lists are empty, and `totals` says how many, if it is known. */
  readonly many: boolean;
  readonly totals: ReceiptTotals | null;
  readonly read: readonly Plate[];
  readonly delivered: readonly Plate[];
  readonly waiting: readonly Plate[];
  /** People among `waiting` who have not registered yet, and people without a device now. */
  readonly unregistered: readonly Plate[];
  readonly signedOut: readonly Plate[];
}

/** Something to send. `file` stays a Blob: the core reads it in chunks. */
export interface OutgoingAttachment {
  readonly kind: AttachmentKind;
  readonly file: Blob;
  readonly name: string;
  readonly mime: string;
  readonly width?: number;
  readonly height?: number;
  readonly durationMs?: number;
  readonly thumb?: Uint8Array;
  readonly waveform?: readonly number[];
}

export type Outgoing =
  | { readonly kind: "text"; readonly text: string; readonly mentions: readonly Mention[] }
  | {
      readonly kind: "attachments";
      readonly text: string;
      readonly mentions: readonly Mention[];
      readonly attachments: readonly OutgoingAttachment[];
    }
  | {
      readonly kind: "location";
      readonly latitude: number;
      readonly longitude: number;
      readonly accuracyM: number | null;
      readonly takenMs: number;
    };

// --- Events: what changed; the screens fetch or patch -------------------------------------------

export type CoreEvent =
  | { readonly type: "app"; readonly state: AppState }
  | { readonly type: "conversation"; readonly item: ConversationItem }
  | { readonly type: "conversation_gone"; readonly conversationId: string }
  | {
      readonly type: "messages";
      readonly conversationId: string;
      readonly items: readonly MessageItem[];
    }
  | {
      readonly type: "message_removed";
      readonly conversationId: string;
      readonly messageId: string;
    }
  | { readonly type: "members"; readonly conversationId: string }
  | {
      readonly type: "attachment";
      readonly conversationId: string;
      readonly attachment: AttachmentView;
    }
  | { readonly type: "clients" }
  /** There may be other devices that wait to be confirmed. */
  | { readonly type: "unconfirmed" }
  /** A comparison of digits that this device takes part in has come further. */
  | { readonly type: "confirmation" }
  /** There may be other alarms about this person's devices. */
  | { readonly type: "alarm" }
  | { readonly type: "directory" }
  /** A message that deserves a notification: not mine, not muted, new. */
  | { readonly type: "notify"; readonly conversationId: string; readonly item: MessageItem };

// --- Devices and who vouches for them --------------------------------------------------------------

/** A registered device that nobody vouches for yet, which this person may confirm. */
export interface UnconfirmedItem {
  readonly plate: Plate;
  readonly device: string;
  readonly clientId: string;
  readonly label: string;
  readonly registeredMs: number;
  /** One of this person's own devices. */
  readonly own: boolean;
}

/** A comparison of six digits under way (KEYS.md E3). The confirming device alone decides. */
export interface ConfirmationView {
  readonly confirmationId: string;
  /** confirming: type the digits here; new: show them here. */
  readonly role: "confirming" | "new";
  /** The person at the other end. */
  readonly plate: Plate | null;
  readonly device: string;
  readonly state: "begun" | "digits" | "confirmed" | "refused" | "over";
  /** On the new device alone: to be read out; `code`: the same for a QR code to carry. */
  readonly digits: string | null;
  readonly code: string | null;
  /** On the confirming device alone. */
  readonly triesLeft: number | null;
  readonly expiresMs: number;
}

export interface GrantView {
  readonly unitPath: string;
  readonly by: Plate | null;
  readonly createdMs: number;
  readonly notAfterMs: number;
}

/** Something was done in this person's name that this device did not do (KEYS.md E5). */
export interface AlarmView {
  readonly id: string;
  /** device: another device of theirs was confirmed; key: this device's own keys were copied. */
  readonly kind: "device" | "key";
  readonly device: string;
  readonly by: Plate | null;
  readonly sinceMs: number | null;
}

/** A device's endorsements and grants: those older than its loss stand when it is revoked. */
export interface MadeView {
  readonly confirmed: readonly { readonly plate: Plate | null; readonly createdMs: number }[];
  readonly granted: readonly {
    readonly plate: Plate | null;
    readonly unitPath: string;
    readonly createdMs: number;
  }[];
}

// --- The core ----------------------------------------------------------------------------------

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
  grant(personId: string, unitPath: string, days: number): Promise<readonly GrantView[]>;
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
   * What the device says about its network. Gone: a connection that still looks open is given up at
   * once. Back: the next try comes now instead of after its wait.
   */
  networkChanged(there: boolean): Promise<void>;

  // Attachments.
  /** The whole plaintext, downloading if needed; progress comes as "attachment" events. */
  attachment(attachmentId: string): Promise<Blob>;
  /** Plaintext bytes [start, end), for playing while it downloads. Fetches only those chunks. */
  attachmentRange(attachmentId: string, start: number, end: number): Promise<Uint8Array>;
  cancelDownload(attachmentId: string): Promise<void>;
}

export type CoreListener = (event: CoreEvent) => void;

/** A running core, as seen through a worker or directly (Node, tests). */
export interface ConnectedCore extends Core {
  subscribe(listener: CoreListener): () => void;
}

/**
 * What the vault holds: the stores' names and the records in them. Only plain values and bytes;
 * view models are made from these in views.ts. A new optional field needs no migration; anything
 * else raises {@link RECORDS_VERSION} and gets a step in `account.ts`.
 */
import type { AttachmentPointer } from "./content.ts";
import type { CoreError, ReceiptTotals } from "./core.ts";
import type {
  Audience,
  ConversationKind,
  Directory,
  Me,
  Member,
  Preferences,
  RosterLeaf,
  Trust,
  UploadCommit,
  WhoMayPost,
} from "./wire.ts";

export const RECORDS_VERSION = 1;

export const STORES = {
  meta: "meta",
  people: "people",
  keyPackages: "key_packages",
  conversations: "conversations",
  groups: "groups",
  trees: "trees",
  rosters: "rosters",
  heads: "heads",
  formerSeeds: "former_seeds",
  cellKeys: "cell_keys",
  chains: "chains",
  senders: "senders",
  waiting: "waiting",
  kept: "kept",
  commits: "commits",
  members: "members",
  messages: "messages",
  outbox: "outbox",
  attachments: "attachments",
} as const;

/** This device's identity. `meta/account`. */
export interface AccountRecord {
  readonly personId: string;
  readonly clientId: string;
  readonly certificate: Uint8Array;
  readonly certificateHash: string;
  readonly signaturePrivateKey: Uint8Array;
  readonly signaturePublicKey: Uint8Array;
  readonly accessToken: string;
  /** DER of the root, pinned at registration. */
  readonly pinnedRoot: Uint8Array;
  readonly trust: Trust;
  readonly me: Me | null;
}

/** A registration whose answer has not arrived: the same key and id are used again. */
export interface RegistrationRecord {
  readonly ticket: string;
  readonly clientId: string;
  readonly signaturePrivateKey: Uint8Array;
}

export interface SettingsRecord {
  readonly autoLockMs: number;
}

export type DirectoryRecord = Directory;

export interface KeyPackageRecord {
  readonly reference: string;
  readonly keyPackage: Uint8Array;
  readonly secret: Uint8Array;
  readonly lastResort: boolean;
  /** Its cipher suite; records written before there were two lack it. */
  readonly suite?: number;
  /** Of this device when it was made; records of before it was kept lack it. */
  readonly certificateHash?: string;
}

/** The row of the conversation list and where processing stands. */
export interface ConversationRecord {
  readonly conversationId: string;
  readonly kind: ConversationKind;
  readonly suite: number;
  readonly cellId: string;
  /** Of the whole conversation. More than one: messages are sealed. */
  readonly cells: number;
  readonly cellsReady?: number;
  /** Whose conversation it is, where its people follow the data bank. */
  readonly audience?: Audience | null;
  readonly createdBy: string;
  readonly createdMs: number;
  readonly members: number;
  /** A few members, for a fallback title. */
  readonly some: readonly string[];
  readonly whoMayPost: WhoMayPost;
  readonly admin: boolean;
  readonly directPersonId: string | null;
  readonly preferences: Preferences;
  /** What the server said is of this version (wire.Conversation); absent: to be asked for. */
  readonly infoVersion?: string;
  readonly rosterEpoch: number;
  /** Of several cells: the roster epoch at the log's place, by the roster entries processed. */
  readonly rosterPlace?: number;
  /** Of several cells: those of the signed roster that our last message has no seal for yet. */
  readonly unreached?: readonly string[];
  /** Of several cells: our cell's part of the roster has changed since it was fetched. */
  readonly rosterStale?: boolean;
  /** Of several cells: the roster epoch with which this device came in; null: it left since. */
  readonly namedEpoch?: number | null;
  /** Clients that were moved into our cell and are let in before anything is sent. */
  readonly awaited?: readonly string[];
  /** Clients of our cell that had no key package to be let in with: they enter by themselves. */
  readonly passedOver?: readonly string[];
  /** The epoch that our cell was in when others came beside it: it has no key record yet. */
  readonly unkeyedEpoch?: number | null;
  /** When the DS ordered the commit that began the epoch, and what was sealed in it since. */
  readonly epochMs?: number;
  readonly sealedInEpoch?: number;
  /** Sealed messages whose seal for our cell is still to come. */
  readonly waiting?: number;
  readonly refused?: RefusedRecord | null;

  readonly state: "joining" | "ready" | "left" | "alarm";
  readonly alarm: string | null;
  /** Every entry up to here has been processed. */
  readonly cursor: number;
  /** When that entry was ordered. */
  readonly joinedMs?: number;
  /** Entries of messages before the one that let this device in are not for it. */
  readonly joinedSeq: number;
  /** Messages in a row that did not decrypt in this epoch. */
  readonly undecryptable: number;
  /** The people they were of. */
  readonly undecryptableFrom?: readonly string[];
  /** This device had been in before: a rejoin is told with a notice. */
  readonly everJoined: boolean;

  readonly readSeq: number;
  readonly unread: number;
  readonly mentioned: boolean;
  readonly title: string | null;
  readonly photo: AttachmentPointer | null;
  /** Title and photo are the word of a member who is no admin: any admin's replaces it. */
  readonly hearsay?: boolean;
  /** Where admins alone may post and this person is one: who came in knows no name that was said
   * before this time. */
  readonly profileDueMs?: number | null;
  /** Who may change them, as of the cursor; absent: to be asked for. */
  readonly admins?: readonly string[] | undefined;
  readonly last: LastRecord | null;
  /** The newest message of this person's in the log; records of before it was kept lack it. */
  readonly own?: SentRecord | null;
  readonly draft: string | null;
}

export interface SentRecord {
  readonly seq: number;
  readonly sentMs: number;
  readonly counts?: ReceiptTotals;
}

/** Sealed messages that a check refused: nothing of them is shown, the newest cause is kept. */
export interface RefusedRecord {
  readonly count: number;
  readonly code: string;
  readonly seq: number;
  /** The client that posted it. */
  readonly sender: string | null;
}

export interface LastRecord {
  readonly messageId: string;
  readonly seq: number | null;
  readonly senderId: string | null;
  readonly mine: boolean;
  readonly sentMs: number;
  readonly preview: PreviewRecord;
  readonly failed: boolean;
  readonly counts?: ReceiptTotals;
}

export type PreviewRecord =
  | { readonly kind: "text"; readonly text: string }
  | {
      readonly kind: "image" | "video" | "voice" | "audio" | "document";
      readonly text: string;
    }
  | { readonly kind: "location" }
  | { readonly kind: "notice"; readonly notice: NoticeRecord }
  | { readonly kind: "unsupported" };

/** A notice with ids; plates are filled in when it is shown. */
export interface NoticeRecord {
  readonly kind:
    | "created"
    | "added"
    | "removed"
    | "left"
    | "device_added"
    | "device_removed"
    | "made_admin"
    | "revoked_admin"
    | "title"
    | "photo"
    | "joined_here"
    | "damaged"
    | "profile_refused"
    | "gap";
  readonly by: string | null;
  readonly people: readonly string[];
  /** How many people, where they are too many to be named. */
  readonly count?: number;
  readonly title: string | null;
}

export interface GroupRecord {
  /** Without the tree where `tree` names one; whole in records of before trees were apart. */
  readonly state: Uint8Array;
  readonly tree?: string;
}

/** The ratchet tree that a group's states have, written when it changes: once in an epoch. */
export interface TreeRecord {
  readonly id: string;
  readonly bytes: Uint8Array;
}

export interface RosterRecord {
  readonly head: Uint8Array;
  readonly leaves: readonly RosterLeaf[];
  /** Set when the leaves are one cell's: where they stand in the tree, and the proof. */
  readonly cell?: { readonly cellId: string; readonly first: number; readonly proof: Uint8Array };
}

/** The roster heads that were passed, newest last, one after another (roster/heads.ts). */
export interface HeadsRecord {
  readonly heads: Uint8Array;
}

/** The cell key of the epoch before: seals to it are still in the log for a moment. */
export interface FormerSeedRecord {
  readonly cellId: string;
  readonly epoch: number;
  readonly seed: Uint8Array;
  /** When the DS ordered the commit that ended the epoch. */
  readonly endedMs: number;
}

/** The list of cells under the head of an epoch, and when it was asked for. */
export interface NamedCellsRecord {
  readonly rosterEpoch: number;
  readonly askedMs: number;
  readonly cells: readonly string[];
}

/** Verified keys of all cells, as a sender needs them. */
export interface CellKeysRecord {
  readonly version: number;
  /** Cells that a message needs now. */
  readonly due: readonly string[];
  /** The newest key record of each cell, as it was signed. */
  readonly records: readonly Uint8Array[];
  /** The signed roster's cells, all of them; absent: to be asked for, as it was not always kept. */
  readonly named?: NamedCellsRecord;
  /** Cells whose record here is not good for seals: who signed it is not named for it any more, or
   * the DS has a newer one that was refused. */
  readonly refused?: readonly string[];
  /** The newest epoch of our own cell of which the DS sent a record, be it good or refused. */
  readonly newest?: { readonly cellId: string; readonly epoch: number };
}

/** The last sealed message that was received of one device. Group: the conversation. */
export interface SenderRecord {
  readonly clientId: string;
  /** Its seq in the sender's chain. */
  readonly seq: number;
  readonly hash: string;
  /** Its seq in the log. */
  readonly logSeq: number;
}

/** A sealed message that this device cannot open yet. Group: the conversation; order: the seq. */
export interface WaitingRecord {
  readonly seq: number;
  readonly entryId: string;
  readonly sender: string | null;
  readonly sentMs: number;
  /** MessagePack of wire.SealedPayload. */
  readonly payload: Uint8Array;
  /** The seal came after the entry: no other will come. */
  readonly late?: boolean;
  /** It began to wait in this epoch of our cell, which had somebody to remove: none comes in it. */
  readonly frozenEpoch?: number;
}

/** The key of a message of ours that some cells could not be sealed for. Group: the conversation. */
export interface KeptRecord {
  readonly seq: number;
  /** Header and signature. */
  readonly header: Uint8Array;
  readonly key: Uint8Array;
  /** The cells that it was sealed for, 16 bytes each; and under which roster. */
  readonly cellIds?: Uint8Array;
  readonly rosterEpoch: number;
}

/** A commit that was stored before it was posted; `next` is adopted at its place in the log. */
export interface CommitRecord {
  readonly entryId: string;
  readonly cellId: string;
  readonly kind: "found" | "join" | "member";
  readonly upload: UploadCommit;
  readonly next: Uint8Array;
  /** Clients that the commit adds, to send them the profile afterwards. */
  readonly addedClients: readonly string[];
}

export interface MembersRecord {
  readonly members: readonly Member[];
  /** People with a client in the cell: who has not registered cannot receive. Null: not known. */
  readonly placed: readonly string[] | null;
  /** The members are as the conversation was with this version of it (wire.Conversation). */
  readonly infoVersion?: string | undefined;
  /** Every receipt up to this version is here. Absent: none. */
  readonly receiptsVersion?: number;
}

/** When this device is to look after its account and key packages again. `meta/looked_after`. */
export interface LookedAfterRecord {
  /** By its own clock. */
  readonly untilMs: number;
  readonly meVersion: string;
}

/** One message or notice. Group: the conversation; order: the seq, or past every seq if queued. */
export interface MessageRecord {
  readonly messageId: string;
  readonly conversationId: string;
  readonly order: number;
  readonly seq: number | null;
  readonly senderId: string | null;
  readonly mine: boolean;
  readonly sentMs: number;
  /** Content bytes as sent, kept even when this version cannot read them. */
  readonly content: Uint8Array | null;
  readonly notice: NoticeRecord | null;
  readonly failure: CoreError | null;
  /** How many have it, where they are too many to be told one by one. */
  readonly counts?: ReceiptTotals;
}

/** A message on its way. Stages go one way: preparing → uploading → ready → encrypted. */
export interface OutgoingRecord {
  readonly messageId: string;
  readonly conversationId: string;
  readonly order: number;
  readonly content: Uint8Array;
  readonly attachmentIds: readonly string[];
  readonly stage: "preparing" | "uploading" | "ready" | "encrypted" | "failed";
  readonly cellId: string | null;
  readonly epoch: number | null;
  readonly payload: Uint8Array | null;
  /** The bytes are the pending message of this device's chain (sending/sealed_messages.ts). */
  readonly sealed?: boolean;
  /** Profile messages and the like: not shown as a message. */
  readonly hidden: boolean;
}

/** An attachment this device sends or has seen. */
export interface AttachmentRecord {
  readonly attachmentId: string;
  readonly conversationId: string;
  readonly messageId: string;
  readonly pointer: AttachmentPointer;
  readonly upload: "none" | "preparing" | "pending" | "complete";
  /** Every chunk is in the vault. */
  readonly local: boolean;
}

/** Past every seq: queued messages sort after everything that has one. */
export const QUEUED_ORDER = 1e15;

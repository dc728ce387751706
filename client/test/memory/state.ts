/**
 * All that the server in memory keeps, as plain values: `structuredClone` of it is a backup. The
 * roles beside this file hold no state but connections and keys of the department.
 */
import type { Acknowledgement } from "../../src/keys/acknowledgement.ts";
import type { Kem } from "../../src/keys/hpke.ts";
import type {
  AttachmentId,
  CellId,
  ChangeId,
  ClientId,
  ConfirmationId,
  ConversationId,
  DeviceId,
  KeyId,
  MessageId,
  PersonId,
  SealKeyId,
} from "../../src/ids.ts";
import type { RosterHead } from "../../src/keys/roster/head.ts";
import type { Incarnation } from "../../src/keys/trust/incarnation.ts";
import type { PersonDevices } from "../../src/keys/trust/person-devices.ts";
import type * as wire from "../../src/wire.ts";

export interface StoredDeviceKey {
  readonly kem: Kem;
  readonly keyId: SealKeyId;
  readonly generation: number;
  readonly record: Uint8Array;
  readonly storedMs: number;
}

export interface ClientState {
  readonly clientId: ClientId;
  readonly personId: PersonId;
  readonly device: DeviceId;
  readonly publicKey: Uint8Array;
  /** When each token expires, by its hash. */
  readonly tokens: Map<string, number>;
  readonly createdMs: number;
  label: string;
  /** DER, the oldest first. */
  readonly certificates: Uint8Array[];
  /** Newest last, one list for both KEMs. */
  readonly keys: StoredDeviceKey[];
  revoked: boolean;
  /** Locked as lost: by whom, and since when. */
  locked: { readonly by: PersonId; readonly sinceMs: number } | null;
}

/** A device that the server turns away. */
export function isOut({ revoked, locked }: ClientState): boolean {
  return revoked || locked !== null;
}

export interface PersonState {
  readonly personId: PersonId;
  version: number;
  accepted: number;
  readonly lists: PersonDevices[];
  readonly cards: Uint8Array[];
  readonly endorsements: Uint8Array[];
  readonly grants: Uint8Array[];
  readonly revocations: Uint8Array[];
}

export interface MemberState {
  admin: boolean;
  addedMs: number;
  historyFromMs: number;
  /** Null: belongs now. A former member keeps the row, so that a return is known as one. */
  removedMs: number | null;
  preferences: wire.Preferences;
}

export interface ListedLeaf {
  readonly cell: CellId;
  readonly personId: PersonId;
  readonly clientId: ClientId;
  readonly device: DeviceId;
  readonly historyFrom: number;
  readonly rights: number;
}

/** The roster at one epoch. */
export interface RosterAt {
  readonly head: RosterHead;
  /** When the next head was signed; null: this is the newest. */
  supersededMs: number | null;
  readonly leaves: ReadonlyMap<DeviceId, ListedLeaf>;
  /** rekey_epoch of each cell. */
  readonly cells: ReadonlyMap<CellId, number>;
}

export interface KeyState {
  readonly keyId: KeyId;
  readonly record: Uint8Array;
  readonly author: DeviceId;
  readonly epoch: number;
  readonly createdMs: number;
  readonly acceptedMs: number;
  /** By recipient key id; late ones are added (S9). */
  readonly seals: Map<SealKeyId, Uint8Array>;
  /** Devices that a seal to them or to their cell covers. */
  readonly covered: Set<DeviceId>;
  /** Asked for (D7), or the author's first for its rekey_epoch: free in D2's count. */
  readonly free: boolean;
  messages: number;
  /** Devices that were asked to seal it to a cell key, by cell key (S9). */
  readonly sealAsks: Map<SealKeyId, AskState>;
}

export interface CellKeyState {
  readonly keyId: SealKeyId;
  readonly cell: CellId;
  readonly epoch: number;
  readonly generation: number;
  readonly record: Uint8Array;
  readonly author: DeviceId;
  readonly createdMs: number;
  readonly seals: ReadonlyMap<SealKeyId, Uint8Array>;
  readonly covered: ReadonlySet<DeviceId>;
  /** Versions count all changes of a conversation's cell keys. */
  readonly version: number;
  /** People whose devices could not open it (C2). */
  readonly flags: Set<PersonId>;
}

export interface LogState {
  entry: wire.LogEntry;
  /** Its header's kind, and the message that it edits or deletes (M3). */
  readonly kind: number;
  readonly marked: MessageId;
  readonly messageId: MessageId;
  readonly personId: PersonId;
  readonly device: DeviceId;
  readonly epoch: number;
  /** The newest epoch when it was accepted. */
  readonly acceptedEpoch: number;
  readonly keyId: KeyId;
  /** L at this position. */
  readonly logHash: Uint8Array;
  /** The people that it is for. */
  readonly people: ReadonlySet<PersonId>;
}

/** A sender's last accepted header ‖ signature. */
export interface ChainState {
  readonly seq: number;
  readonly header: Uint8Array;
  readonly hash: Uint8Array;
}

/** Devices that were asked for something, and when the last of them was. */
export interface AskState {
  readonly asked: Set<DeviceId>;
  askedMs: number;
}

export interface CellAsk extends AskState {
  readonly epoch: number;
  readonly generation: number;
  /** Authors before, who are not asked again (C2). */
  readonly without: ReadonlySet<DeviceId>;
}

export interface ShareAsk extends AskState {
  readonly references: Map<string, wire.ShareReference>;
}

export interface ConversationState {
  readonly id: ConversationId;
  readonly kind: wire.ConversationKind;
  readonly createdBy: PersonId;
  readonly createdMs: number;
  readonly historyDays: number | null;
  readonly audience: wire.Audience | null;
  whoMaySend: wire.WhoMaySend;
  infoVersion: number;
  readonly members: Map<PersonId, MemberState>;
  readonly changes: Set<ChangeId>;
  /** By epoch, ascending. */
  readonly rosters: Map<number, RosterAt>;
  epoch: number;
  kem: Kem;
  readonly log: LogState[];
  /** The exports in the audit log. */
  readonly exports: wire.ConversationExported[];
  readonly chains: Map<DeviceId, ChainState>;
  stateSeq: number | null;
  readonly keys: KeyState[];
  keyAsk: AskState | null;
  readonly cellKeys: CellKeyState[];
  cellVersion: number;
  readonly cellAsks: Map<CellId, CellAsk>;
  readonly shareAsks: Map<DeviceId, ShareAsk>;
  readonly shares: Map<DeviceId, Uint8Array[]>;
  readonly cursors: Map<DeviceId, { deliveredSeq: number; readSeq: number }>;
  receiptsVersion: number;
}

export interface OrderState {
  readonly orderId: MessageId;
  readonly conversationId: ConversationId;
  readonly seq: number;
  readonly headerHash: Uint8Array;
  readonly issuerId: PersonId;
  readonly issuedMs: number;
  readonly terms: wire.OrderTerms;
  texts: wire.OrderText[];
  askedSeq: number;
  withdrawnMs: number | null;
  remindedMs: number | null;
  /** The record that counts for each person. */
  readonly records: Map<
    PersonId,
    {
      readonly record: Acknowledgement;
      readonly answer: Uint8Array | null;
      readonly photo: wire.SealedPhoto | null;
      readonly toldBy: PersonId | null;
      readonly receivedMs: number;
      readonly firstCreatedMs: number;
    }
  >;
}

export interface AttachmentState {
  readonly attachmentId: AttachmentId;
  readonly size: number;
  readonly conversations: Set<ConversationId>;
  readonly chunks: Map<number, Uint8Array>;
  /** Its uploader, and the order that asks for it as a photo. */
  readonly by: PersonId;
  readonly orderId: MessageId | null;
}

export interface ServerState {
  version: number;
  /** The newest; null: no backup was ever restored. */
  incarnation: Incarnation | null;
  readonly people: Map<PersonId, PersonState>;
  readonly clients: Map<ClientId, ClientState>;
  /** Registration: number by challenge id, which is the ticket too. */
  readonly tickets: Map<string, string>;
  readonly conversations: Map<ConversationId, ConversationState>;
  readonly confirmations: Map<ConfirmationId, wire.Confirmation>;
  readonly attachments: Map<AttachmentId, AttachmentState>;
  readonly orders: Map<MessageId, OrderState>;
}

export function emptyState(): ServerState {
  return {
    version: 1,
    incarnation: null,
    people: new Map(),
    clients: new Map(),
    tickets: new Map(),
    conversations: new Map(),
    confirmations: new Map(),
    attachments: new Map(),
    orders: new Map(),
  };
}

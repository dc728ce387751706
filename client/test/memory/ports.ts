/**
 * The roles of the server in memory ask this of it and of each other. Every role takes
 * {@link ServerPorts}; the server makes the roles and passes itself in, so that no role imports
 * another or the server. This file imports no role.
 */
import type {
  CellId,
  ClientId,
  DeviceId,
  AttachmentId,
  ConversationId,
  KeyId,
  MessageId,
  PersonId,
  SealKeyId,
} from "../../src/ids.ts";
import type { Kem } from "../../src/keys/hpke.ts";
import type { Header } from "../../src/keys/message.ts";
import type { Judge } from "../../src/keys/trust/confirmed.ts";
import type { TrustRecords } from "../../src/keys/trust/trust-records.ts";
import type * as wire from "../../src/wire.ts";
import type { Department } from "../support/department.ts";
import type { RosterTree } from "../support/roster-tree.ts";
import type { Refusal } from "./refusal.ts";
import type { CommonKey, Recipient } from "./seals.ts";
import type {
  CellKeyState,
  CellAsk,
  ClientState,
  ConversationState,
  KeyState,
  ListedLeaf,
  LogState,
  PersonState,
  RosterAt,
  ServerState,
} from "./state.ts";

export interface ServerPorts {
  readonly department: Department;
  /** Devices in a cell, at most. */
  readonly cellSize: number;
  readonly kem: Kem;
  readonly now: () => number;
  readonly state: ServerState;
  /** The server is out of reach. */
  readonly down: boolean;
  /** The reason that the server gives a device for signing it out. */
  signedOut(client: ClientState): Refusal;
  /** One after another, in the order of asking. */
  inTurn<T>(step: () => Promise<T>): Promise<T>;
  conversationsOf(personId: PersonId): readonly ConversationState[];
  /** These people's listed devices may be others now; null: anybody's may. */
  devicesChanged(personId: PersonId | null): Promise<void>;

  readonly asking: AskingPort;
  readonly attachments: AttachmentsPort;
  readonly cellKeys: CellKeysPort;
  readonly conversations: ConversationsPort;
  readonly judge: JudgePort;
  readonly keys: KeysPort;
  readonly live: LivePort;
  readonly log: LogPort;
  readonly orders: OrdersPort;
  readonly people: PeoplePort;
  readonly receipts: ReceiptsPort;
  readonly rosters: RostersPort;
  readonly trust: TrustPort;
}

export interface AskingPort {
  /** A device has connected. */
  came(device: DeviceId): void;
  shares(conversation: ConversationState): Promise<void>;
}

export interface AttachmentsPort {
  ready(attachmentId: AttachmentId, conversationId: ConversationId): boolean;
  /** Whether a photo is whole, and this person uploaded it for this order. */
  sent(attachmentId: AttachmentId, orderId: MessageId, caller: ClientState): boolean;
}

export interface CellKeysPort {
  /** The keys to which seals may go; the keys that a sender uses. */
  sealable(conversation: ConversationState): readonly CommonKey[];
  /** The newest usable key of a cell. */
  newest(conversation: ConversationState, cell: CellId): CellKeyState | null;
  /** The next key that a cell needs; null: none. */
  due(conversation: ConversationState, cell: CellId): Omit<CellAsk, "asked" | "askedMs"> | null;
}

export interface ConversationsPort {
  infoVersion(conversation: ConversationState, personId: PersonId): string;
}

export interface JudgePort {
  readonly records: TrustRecords;
  readonly judge: Judge;
  /** After records changed in a way that the judge cannot follow. */
  rebuild(): Promise<void>;
  verdicts(personId: PersonId): ReadonlyMap<DeviceId, wire.Confirmed>;
  confirmed(client: ClientState): boolean;
  requireConfirmed(client: ClientState): void;
  /** The devices of a person that rosters list (E2). */
  listable(personId: PersonId): readonly ClientState[];
  recipients(leaves: Iterable<ListedLeaf>, kem: Kem): readonly Recipient[];
  confirmedOf(conversation: ConversationState, devices: Iterable<DeviceId>): ReadonlySet<DeviceId>;
  /** People who can confirm a device of a person: the person itself first, then admins. */
  confirmers(personId: PersonId): PersonId[];
}

export interface KeysPort {
  byId(conversation: ConversationState, keyId: KeyId): KeyState | null;
  item(conversation: ConversationState, key: KeyState, client: ClientState): wire.KeyItem;
  /** By S2's order. */
  usable(conversation: ConversationState): readonly KeyState[];
  canOpen(conversation: ConversationState, key: KeyState, device: DeviceId): boolean;
  /** S9: the cells' keys to which a key is not sealed. */
  unsealed(conversation: ConversationState, key: KeyState): readonly CellKeyState[];
}

export interface LivePort {
  /** The connected ones among these devices, longest first. */
  longestOnline(devices: Iterable<DeviceId>): readonly DeviceId[];
  push(device: DeviceId, frame: wire.ServerFrame): void;
  /** To every listed device of a conversation; null: that device gets no frame. */
  pushAll(
    conversation: ConversationState,
    frame: (device: DeviceId) => wire.ServerFrame | null,
  ): void;
  /** To all devices of these people, listed anywhere or not. */
  pushPeople(personIds: Iterable<PersonId>, event: wire.AccountFrame["event"]): void;
  close(device: DeviceId, code: number): void;
  isNews(conversation: ConversationState, sender: DeviceId, epoch: number): boolean;
}

export interface LogPort {
  /** Entries after a position; null: it is not one of this log. */
  missed(conversation: ConversationState, seq: number): readonly LogState[] | null;
}

export interface OrdersPort {
  mayIssue(personId: PersonId, priority: wire.OrderPriority): boolean;
  /** Refuse what no message may say of orders. */
  require(
    conversation: ConversationState,
    caller: ClientState,
    said: wire.SendMessage["order"],
  ): void;
  /** Keep the terms that came with an accepted message. */
  note(
    conversation: ConversationState,
    caller: ClientState,
    message: { readonly header: Header; readonly said: wire.SendMessage["order"] },
    accepted: wire.Accepted,
  ): void;
}

export interface PeoplePort {
  /** Whether a person has accepted the version of the code of conduct that asks. */
  hasAccepted(personId: PersonId): boolean;
  client(clientId: ClientId): ClientState;
  clientByToken(token: string): ClientState | null;
  clientOf(device: DeviceId): ClientState | null;
  clientsOf(personId: PersonId): readonly ClientState[];
  person(personId: PersonId): Promise<PersonState>;
  /** The person's records are others now. */
  changed(person: PersonState): void;
  /** Key ids that a direct seal to a device may name. */
  sealable(client: ClientState, kem: Kem): readonly SealKeyId[];
  newestKeys(client: ClientState): readonly Uint8Array[];
  bundle(person: PersonState, keys: boolean): wire.PersonTrust;
  meVersion(client: ClientState): Promise<string>;
  plate(personId: PersonId): wire.Person;
}

export interface ReceiptsPort {
  store(device: DeviceId, updates: readonly wire.CursorUpdate[]): void;
  of(conversation: ConversationState, personId: PersonId): wire.Receipt;
  askedOtherwise(conversation: ConversationState, personId: PersonId): void;
}

export interface RostersPort {
  refresh(conversation: ConversationState): Promise<void>;
  tree(roster: RosterAt): RosterTree;
  prove(conversation: ConversationState, epoch: number, device: DeviceId): Uint8Array | null;
  stamp(conversation: ConversationState): Promise<Uint8Array>;
  state(conversation: ConversationState, device: DeviceId): Promise<wire.RosterState | null>;
}

export interface TrustPort {
  lock(caller: ClientState, personId: PersonId): Promise<void>;
  unlock(personId: PersonId): Promise<void>;
  grant(caller: ClientState, bytes: Uint8Array): Promise<void>;
  revoke(caller: ClientState, bytes: Uint8Array): Promise<void>;
  /** The records of these people, and of everybody by whose word their devices count. */
  bundles(personIds: readonly PersonId[], keys: boolean): Promise<wire.PersonTrust[]>;
}

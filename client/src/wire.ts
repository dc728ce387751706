// Generated from src/copconnect/wire.py by `python -m copconnect.wire_typescript`.
// Do not edit: change wire.py and run `make types`.

export type ApprovalId = string & { readonly __brand?: "ApprovalId" };

export type AttachmentId = string & { readonly __brand?: "AttachmentId" };

export type CellId = string & { readonly __brand?: "CellId" };

export type ChallengeId = string & { readonly __brand?: "ChallengeId" };

export type ClientId = string & { readonly __brand?: "ClientId" };

export type ConversationId = string & { readonly __brand?: "ConversationId" };

export type EntryId = string & { readonly __brand?: "EntryId" };

export type Epoch = number & { readonly __brand?: "Epoch" };

export type PersonId = string & { readonly __brand?: "PersonId" };

export type Seq = number & { readonly __brand?: "Seq" };

export type UnitId = string & { readonly __brand?: "UnitId" };

export const WIRE_VERSION = 1;

export const MAX_MESSAGE_BYTES = 262144;

export const MAX_HANDSHAKE_BYTES = 2097152;

export const MAX_ATTACHMENT_BYTES = 2147483648;

export const ATTACHMENT_CHUNK_BYTES = 1048576;

export const CELL_SIZE = 256;

export const MAX_SEALS_BYTES = 2097152;

export const MAX_PROOF_BYTES = 4096;

export const SEALED_BYTES = 327;

export const MAX_RECORD_BYTES = 1405;

export const CLOSE_UNAUTHENTICATED = 4401;

export const CLOSE_SIGNED_OUT = 4403;

export const CLOSE_CONDUCT_NOT_ACCEPTED = 4406;

export const CLOSE_REPLACED = 4409;

export const CLOSE_TOO_SLOW = 4408;

export const CLOSE_BAD_FRAME = 4400;

export const CLOSE_RESTART = 1012;

export const CLOSE_TRY_AGAIN = 1013;

export type Language = "en" | "te" | "ur" | "hi";

export type ConversationKind = "direct" | "group" | "unit" | "announcement";

export type WhoMayPost = "everyone" | "admins";

export type EntryKind = "message" | "commit" | "proposal" | "roster" | "sealed";

/** What a refused request answers. ``code`` is stable; the texts are English for logs. */
export interface ErrorBody {
  readonly code: string;
  readonly message: string;
  readonly remedy: string;
  readonly retry: boolean;
  readonly retryAfterMs: number | null;
  readonly details: Record<string, string | number>;
}

/** Ask for an OTP. The answer is the same, in content and time, for every number. */
export interface RequestCode {
  readonly number: string;
  readonly language: "en" | "te" | "ur" | "hi";
}

export interface CodeRequested {
  readonly challengeId: ChallengeId;
  readonly codeLength: number;
  readonly expiresInMs: number;
  readonly resendAfterMs: number;
}

export interface SubmitCode {
  readonly challengeId: string;
  readonly code: string;
}

export interface SubmitEnrolmentCode {
  readonly ticket: string;
  readonly enrolmentCode: string;
}

export interface CheckRegistration {
  readonly ticket: string;
}

/** What the holder of ``ticket`` must do next. ``refused`` is final. */
export interface RegistrationStep {
  readonly ticket: string;
  readonly next: "enrolment_code" | "approval" | "device" | "refused";
  readonly names: Names | null;
  readonly expiresInMs: number;
}

/**
 * Ask for a device certificate. Idempotent under retry with the same ticket and key.
 *
 * ``proof`` is an Ed25519 signature by the device key over
 * ``b"copconnect register v1\0" + ticket (ASCII) + client id (16) + public key (32)``.
 */
export interface RegisterClient {
  readonly ticket: string;
  readonly clientId: string;
  readonly signaturePublicKey: Uint8Array;
  readonly proof: Uint8Array;
  readonly label: string;
}

export interface ClientRegistered {
  readonly personId: PersonId;
  readonly clientId: ClientId;
  readonly certificate: Uint8Array;
  readonly accessToken: string;
  readonly trust: Trust;
}

/** ``proof`` signs ``b"copconnect renew v1\0" + client id (16) + created_ms (8)``. */
export interface RenewCertificate {
  readonly createdMs: number;
  readonly proof: Uint8Array;
}

export interface CertificateRenewed {
  readonly certificate: Uint8Array;
}

/**
 * What a client needs to judge certificates. ``version`` grows with every change.
 *
 * ``root`` is pinned at registration; everything else must verify under it.
 */
export interface Trust {
  readonly version: number;
  readonly root: Uint8Array;
  readonly issuing: Uint8Array[];
  readonly rosterAuthority: Uint8Array;
  readonly crl: Uint8Array;
}

export interface ClientInfo {
  readonly clientId: ClientId;
  readonly label: string;
  readonly createdMs: number;
  readonly lastSeenMs: number | null;
  readonly certificateHash: string;
  readonly certificateExpiresMs: number;
  readonly revoked: boolean;
}

export interface Me {
  readonly person: Person;
  readonly clientId: ClientId;
  readonly clients: ClientInfo[];
  readonly conductVersion: string | null;
  readonly conductCurrent: string;
  readonly unitAdmin: boolean;
}

export interface ConductCode {
  readonly version: string;
  readonly language: "en" | "te" | "ur" | "hi";
  readonly title: string;
  readonly rules: string[];
}

export interface AcceptConduct {
  readonly version: string;
  readonly language: "en" | "te" | "ur" | "hi";
}

export interface PendingApproval {
  readonly approvalId: ApprovalId;
  readonly person: Person;
  readonly requestedMs: number;
}

export interface PendingApprovals {
  readonly approvals: PendingApproval[];
}

export interface DecideApproval {
  readonly approve: boolean;
}

/** A name in the scripts the data bank holds; Telugu may be empty, English never is. */
export interface Names {
  readonly en: string;
  readonly te: string;
}

export interface Unit {
  readonly unitId: UnitId;
  readonly parentId: UnitId | null;
  readonly level: string;
  readonly names: Names;
}

/** Kind of unit ("state", "commissionerate", "station", …), in order from the top. */
export interface Level {
  readonly code: string;
  readonly names: Names;
}

export interface Rank {
  readonly code: string;
  readonly names: Names;
  readonly order: number;
}

export interface Role {
  readonly code: string;
  readonly names: Names;
}

/** The organisation without its people. ``version`` serves as ETag. */
export interface Directory {
  readonly version: string;
  readonly units: Unit[];
  readonly levels: Level[];
  readonly ranks: Rank[];
  readonly roles: Role[];
}

export interface Person {
  readonly personId: PersonId;
  readonly names: Names;
  readonly number: string;
  readonly rank: string;
  readonly post: Names;
  readonly roles: string[];
  readonly unitId: UnitId;
  readonly registered: boolean;
  readonly status: "active" | "suspended" | "removed";
}

export interface People {
  readonly people: Person[];
  readonly next: string | null;
  readonly total: number;
}

export interface LookUpPeople {
  readonly personIds: string[];
}

/**
 * MLS KeyPackages (RFC 9420 section 10) of one cipher suite. Each claim hands out a one-time
 * package once.
 */
export interface UploadKeyPackages {
  readonly suite: number;
  readonly oneTime: Uint8Array[];
  readonly lastResort: Uint8Array | null;
}

export interface KeyPackageCount {
  readonly suite: number;
  readonly oneTime: number;
  readonly lastResort: boolean;
}

/**
 * What the caller's client has left, for each suite that it should have key packages of: that
 * of new conversations, and those of the conversations that its person is in.
 */
export interface KeyPackageCounts {
  readonly counts: KeyPackageCount[];
}

/** One key package, of the conversation's suite, for each named client in its roster. */
export interface ClaimKeyPackages {
  readonly conversationId: string;
  readonly clientIds: string[];
}

export interface ClaimedKeyPackage {
  readonly clientId: ClientId;
  readonly personId: PersonId;
  readonly keyPackage: Uint8Array;
}

/** Clients without any package are left out: they enter by external commit themselves. */
export interface ClaimedKeyPackages {
  readonly keyPackages: ClaimedKeyPackage[];
}

/**
 * Create a conversation. Idempotent by id; a second direct conversation with the same person
 * answers the existing one. ``person_ids`` excludes the caller.
 *
 * Kinds "unit" and "announcement" have an ``audience`` and no ``person_ids``; the others the other
 * way round. Only who administers all of the audience creates one (``not_unit_admin``).
 */
export interface CreateConversation {
  readonly conversationId: string;
  readonly kind: "direct" | "group" | "unit" | "announcement";
  readonly cellId: string;
  readonly personIds: string[];
  readonly whoMayPost: "everyone" | "admins";
  readonly audience: Audience | null;
}

/**
 * Who belongs to a conversation that follows the data bank: everyone, or these units (with
 * all units below them when ``deep``). People come and go with their posts.
 */
export interface Audience {
  readonly everyone: boolean;
  readonly unitIds: UnitId[];
  readonly deep: boolean;
}

/**
 * ``epoch`` is None until the cell has been founded. ``named_epoch``: the roster epoch with
 * which the calling client got its place in the conversation, and has had one since; None: it
 * has none, or got it before this was kept.
 */
export interface CellInfo {
  readonly cellId: CellId;
  readonly epoch: Epoch | null;
  readonly removalPending: boolean;
  readonly clients: number;
  readonly namedEpoch: Epoch | null;
}

/** This person's own settings for a conversation. ``muted_until_ms`` of -1 means always. */
export interface Preferences {
  readonly mutedUntilMs: number | null;
  readonly pinned: boolean;
}

export interface Conversation {
  readonly conversationId: ConversationId;
  readonly kind: "direct" | "group" | "unit" | "announcement";
  readonly suite: number;
  readonly createdBy: PersonId;
  readonly createdMs: number;
  readonly lastSeq: Seq;
  readonly lastMessageMs: number | null;
  readonly members: number;
  readonly whoMayPost: "everyone" | "admins";
  readonly admin: boolean;
  readonly admins: PersonId[] | null;
  readonly cells: CellInfo[];
  readonly cellsTotal: number;
  readonly cellsReady: number;
  readonly rosterEpoch: Epoch;
  readonly audience: Audience | null;
  readonly directPersonId: PersonId | null;
  readonly deliveredSeq: Seq;
  readonly readSeq: Seq;
  readonly preferences: Preferences;
  readonly infoVersion: string;
}

export interface Conversations {
  readonly conversations: Conversation[];
}

export interface Member {
  readonly personId: PersonId;
  readonly admin: boolean;
  readonly addedMs: number;
  readonly deliveredSeq: Seq;
  readonly readSeq: Seq;
}

/** ``receipts_version``: these cursors are at least as new. */
export interface Members {
  readonly members: Member[];
  readonly next: string | null;
  readonly receiptsVersion: number;
}

/**
 * Change who belongs. Admins only, except that anybody may remove themselves (leave).
 *
 * Idempotent by ``change_id``. The DS writes a signed roster head to the log; clients that lose
 * their place are removed by the roster authority's external Remove in the same transaction.
 */
export interface ChangeMembers {
  readonly changeId: string;
  readonly add: string[];
  readonly remove: string[];
  readonly makeAdmin: string[];
  readonly revokeAdmin: string[];
}

export interface ChangePolicy {
  readonly whoMayPost: "everyone" | "admins";
}

/** One client that belongs: which cell, whose certificate. */
export interface RosterLeaf {
  readonly cellId: CellId;
  readonly certificateHash: string;
  readonly clientId: ClientId;
  readonly personId: PersonId;
}

/**
 * The newest roster head with all its leaves. ``head`` is the byte string of
 * docs/protocol.md, "Roster head"; ``certificates`` are the DER of the leaves, in their order.
 */
export interface SignedRoster {
  readonly head: Uint8Array;
  readonly leaves: RosterLeaf[];
  readonly certificates: Uint8Array[];
}

/**
 * Payload of a log entry of kind "roster" (MessagePack in ``LogEntry.payload``).
 *
 * ``whole``: ``added`` and ``removed`` are all that changed. Otherwise both are empty, and a
 * client whose cell is among ``cells`` fetches its cell's roster; the lists of people are then
 * filled only for up to 50 people in total, the counts always. Entries written before there were
 * several cells have none of ``cells``, ``whole`` and the counts: they are whole.
 */
export interface RosterChange {
  readonly head: Uint8Array;
  readonly added: RosterLeaf[];
  readonly removed: RosterLeaf[];
  readonly addedPeople: PersonId[];
  readonly removedPeople: PersonId[];
  readonly madeAdmin: PersonId[];
  readonly revokedAdmin: PersonId[];
  readonly by: PersonId | null;
  readonly reason: "created" | "members" | "left" | "device_added" | "device_removed" | "renewed" | "refounded" | "department";
  readonly cells: CellId[];
  readonly whole: boolean;
  readonly peopleAdded: number;
  readonly peopleRemoved: number;
}

/**
 * The leaves of one cell under the newest head. In the tree's order they are those from index
 * ``first`` on; ``proof`` (docs/protocol.md, "Range proof") shows it.
 */
export interface CellRoster {
  readonly head: Uint8Array;
  readonly cellId: CellId;
  readonly first: number;
  readonly leaves: RosterLeaf[];
  readonly proof: Uint8Array;
}

/**
 * One cell as the signed roster has it: how many leaves, the certificate hashes of the first
 * and the last of them, and whoever signed the cell's current key: the place among them from 0,
 * and the certificate hash. Both are None when there is no key, or its signer is not named for
 * the cell any more.
 */
export interface RosterCell {
  readonly cellId: CellId;
  readonly count: number;
  readonly first: Uint8Array;
  readonly last: Uint8Array;
  readonly signerPlace: number | null;
  readonly signer: Uint8Array | null;
}

/**
 * All cells of the newest head, in the tree's order, one after another without a gap.
 * ``proof`` (docs/protocol.md, "Cells proof") shows the leaves that they name.
 */
export interface RosterCells {
  readonly head: Uint8Array;
  readonly cells: RosterCell[];
  readonly proof: Uint8Array;
}

/** Signed heads of consecutive roster epochs, ascending; at most 256, only those kept. */
export interface RosterHeads {
  readonly heads: Uint8Array[];
}

/** The cell's group info (MLSMessage) and a lease to join it by external commit. */
export interface GroupInfoLease {
  readonly epoch: Epoch;
  readonly groupInfo: Uint8Array;
  readonly expiresInMs: number;
}

/**
 * A commit that the DS orders if ``epoch`` is the cell's current epoch.
 *
 * ``founding``: the first upload for a cell; ``epoch`` is 0 and ``commit`` takes the group from
 * 0 to 1. ``group_info`` is an MLSMessage(GroupInfo) of the new epoch with external_pub and
 * ratchet_tree. Idempotent by ``entry_id``. ``key_record`` is the cell key record of the new
 * epoch and ``signer_proof`` the inclusion proof of the committer's leaf under the head of the
 * record's roster epoch: both in a conversation of several cells, neither in one of one cell
 * (``wrong_mode`` otherwise).
 */
export interface UploadCommit {
  readonly entryId: string;
  readonly epoch: Epoch;
  readonly founding: boolean;
  readonly commit: Uint8Array;
  readonly groupInfo: Uint8Array;
  readonly welcome: Uint8Array | null;
  readonly welcomeClients: string[];
  readonly keyRecord: Uint8Array | null;
  readonly signerProof: Uint8Array | null;
}

/** The cell key record of the cell's current epoch, which has none yet. */
export interface UploadKeyRecord {
  readonly record: Uint8Array;
  readonly signerProof: Uint8Array;
}

/**
 * A cell's newest key record with what a sender checks it by: the signer's certificate (DER)
 * and the inclusion proof of the signer's leaf under the answer's head. The proof is empty when
 * that head names the signer for this cell no more: nobody may seal for the key then.
 */
export interface CellKey {
  readonly cellId: CellId;
  readonly epoch: Epoch;
  readonly keyId: Uint8Array;
  readonly record: Uint8Array;
  readonly certificate: Uint8Array;
  readonly signerProof: Uint8Array;
}

/**
 * ``cells``: all that a message needs a seal for now. ``keys``: the newest record of each of
 * the conversation's cells that changed after the asked version. ``version``: ask with it next.
 * ``head``: the newest signed roster head.
 */
export interface CellKeys {
  readonly version: number;
  readonly head: Uint8Array;
  readonly cells: CellId[];
  readonly keys: CellKey[];
}

/** The entry is in the log. A retry of an accepted entry answers the same. */
export interface Accepted {
  readonly seq: Seq;
  readonly sentMs: number;
  readonly epoch: Epoch;
}

/** ``seq`` is the commit's: the joiner reads the log after it. */
export interface PendingWelcome {
  readonly cellId: CellId;
  readonly epoch: Epoch;
  readonly seq: Seq;
  readonly welcome: Uint8Array;
}

/** An application message for one cell: an MLS PrivateMessage. Idempotent by ``entry_id``. */
export interface PostMessage {
  readonly entryId: string;
  readonly cellId: string;
  readonly epoch: Epoch;
  readonly payload: Uint8Array;
  readonly attachmentIds: string[];
}

/**
 * A message for every cell (docs/protocol.md, "Sealed messages"). The entry id is the header's
 * message id; idempotent by it. ``seals`` are concatenated, ascending by cell id.
 * ``sender_proof``: inclusion proof of the sender's leaf under the header's roster head.
 */
export interface PostSealed {
  readonly sealed: Uint8Array;
  readonly body: Uint8Array;
  readonly seals: Uint8Array;
  readonly certificate: Uint8Array;
  readonly senderProof: Uint8Array;
  readonly attachmentIds: string[];
}

/**
 * Payload of a log entry of kind "sealed" as the members of one cell get it (MessagePack in
 * ``LogEntry.payload``). ``seal`` is None while the cell's seal is still to come.
 */
export interface SealedPayload {
  readonly sealed: Uint8Array;
  readonly seal: Uint8Array | null;
  readonly certificate: Uint8Array;
  readonly proof: Uint8Array;
  readonly body: Uint8Array;
}

/**
 * The caller's client's last accepted sealed message here: its header's seq, and
 * SHA-256(header ‖ signature). 0 and zeros before the first.
 */
export interface SenderChain {
  readonly seq: number;
  readonly prev: Uint8Array;
}

/** Seals of a message for cells that it was not sealed for; in the form of PostSealed. */
export interface LateSeals {
  readonly seals: Uint8Array;
}

/** One of the caller's messages, and the cells that have a key now and still lack a seal. */
export interface WantedSeals {
  readonly seq: Seq;
  readonly cellIds: CellId[];
}

/**
 * ``later``: the caller's messages that lack the seal of a cell whose key cannot be used now,
 * as it has none yet or a Remove is pending: their keys are still needed.
 */
export interface SealsWanted {
  readonly wanted: WantedSeals[];
  readonly later: Seq[];
}

/**
 * One entry of a conversation's log. ``cell_id`` and ``epoch`` are None for entries that
 * concern every cell; a sealed one names the cell whose seal it carries. ``sender`` is None for
 * the roster authority.
 */
export interface LogEntry {
  readonly conversationId: ConversationId;
  readonly seq: Seq;
  readonly kind: "message" | "commit" | "proposal" | "roster" | "sealed";
  readonly cellId: CellId | null;
  readonly epoch: Epoch | null;
  readonly sender: ClientId | null;
  readonly entryId: EntryId;
  readonly sentMs: number;
  readonly payload: Uint8Array;
}

/** Entries after the asked seq, ascending; ``more`` when the page was cut. */
export interface LogPage {
  readonly entries: LogEntry[];
  readonly lastSeq: Seq;
  readonly more: boolean;
}

/**
 * How many have received and read a message, of the people it is for: those with a device who
 * belonged when it was sent, but its sender.
 */
export interface ReceiptCount {
  readonly seq: Seq;
  readonly people: number;
  readonly delivered: number;
  readonly read: number;
}

/** Of messages of the caller's person, newest first. */
export interface CountedReceipts {
  readonly counts: ReceiptCount[];
}

export interface SetPreferences {
  readonly mutedUntilMs: number | null;
  readonly pinned: boolean;
}

/**
 * Reserve space for an encrypted attachment. Idempotent by id.
 *
 * ``size`` is the ciphertext's: plaintext + 16 for each chunk. Chunk i is PUT to
 * ``/v1/attachments/{id}/chunks/{i}``; all but the last are ATTACHMENT_CHUNK_BYTES + 16.
 */
export interface BeginAttachment {
  readonly attachmentId: string;
  readonly conversationId: string;
  readonly size: number;
}

export interface AttachmentStatus {
  readonly attachmentId: AttachmentId;
  readonly size: number;
  readonly chunks: number;
  readonly received: number[];
  readonly complete: boolean;
}

/** Let the members of another conversation fetch it too (forwarding). */
export interface ShareAttachment {
  readonly conversationId: string;
}

/** The caller's attachment quota, bytes in the current day. */
export interface Usage {
  readonly used: number;
  readonly limit: number;
}

/** How far a client has come in a conversation. */
export interface Position {
  readonly conversationId: string;
  readonly seq: Seq;
}

/**
 * First frame of a client. Anything else first, or a bad token, closes with 4401.
 *
 * ``positions`` may leave conversations out: those are fetched from the log, as ever.
 */
export interface Hello {
  readonly t: "hello";
  readonly version: number;
  readonly accessToken: string;
  readonly positions: Position[];
}

export interface CursorUpdate {
  readonly conversationId: string;
  readonly deliveredSeq: Seq;
  readonly readSeq: Seq;
}

/** How far this client has come; never goes back. Coalesced on both sides. */
export interface Cursors {
  readonly t: "cursors";
  readonly updates: CursorUpdate[];
}

/**
 * ``follows``: whatever comes after the client's position follows on this socket, so the log
 * need not be asked. Else everything up to ``last_seq`` is fetched from the log.
 *
 * The rest says what need not be asked either: ``info_version`` as in Conversation (empty: of an
 * older server, which says nothing), ``receipts_version`` as in Members, and the cursors that are
 * stored as in Conversation.
 */
export interface ConversationHead {
  readonly conversationId: ConversationId;
  readonly lastSeq: Seq;
  readonly follows: boolean;
  readonly infoVersion: string;
  readonly receiptsVersion: number;
  readonly deliveredSeq: Seq;
  readonly readSeq: Seq;
}

/**
 * Answer to Hello: where every conversation of this client stands. ``me_version`` is another
 * one whenever the devices of this person or their acceptance of the code of conduct are others;
 * empty: of an older server, which says nothing.
 */
export interface Ready {
  readonly t: "ready";
  readonly serverTimeMs: number;
  readonly trustVersion: number;
  readonly directoryVersion: string;
  readonly heads: ConversationHead[];
  readonly meVersion: string;
}

export interface EntryFrame {
  readonly t: "entry";
  readonly entry: LogEntry;
}

/** The conversation is new to this client or its state changed: fetch it again. */
export interface ConversationFrame {
  readonly t: "conversation";
  readonly conversationId: ConversationId;
}

export interface ConversationGone {
  readonly t: "gone";
  readonly conversationId: ConversationId;
}

export interface Receipt {
  readonly personId: PersonId;
  readonly deliveredSeq: Seq;
  readonly readSeq: Seq;
}

/** How far these people have come. ``receipts_version`` grows by one with each. */
export interface Receipts {
  readonly t: "receipts";
  readonly conversationId: ConversationId;
  readonly receipts: Receipt[];
  readonly receiptsVersion: number;
}

/**
 * To the devices of whoever sent these messages, in conversations of more people than
 * Receipts are told of: what has changed of the newest 8.
 */
export interface ReceiptCounts {
  readonly t: "receipt_counts";
  readonly conversationId: ConversationId;
  readonly counts: ReceiptCount[];
}

/** The DS asks this client to commit the cell's pending Removes. */
export interface Duty {
  readonly t: "duty";
  readonly conversationId: ConversationId;
  readonly cellId: CellId;
}

/** A cell got a key, and messages of this client lack its seal: send late seals. */
export interface SealWanted {
  readonly t: "seal_wanted";
  readonly conversationId: ConversationId;
  readonly cellId: CellId;
}

/** The seal of this client's cell for an earlier entry. */
export interface LateSeal {
  readonly t: "late_seal";
  readonly conversationId: ConversationId;
  readonly seq: Seq;
  readonly seal: Uint8Array;
}

/** Something about this account changed. ``signed_out`` is followed by a close with 4403. */
export interface AccountFrame {
  readonly t: "account";
  readonly event: "clients" | "trust" | "directory" | "approvals" | "signed_out";
}

export type ClientFrame = Hello | Cursors;

export type ServerFrame = Ready | EntryFrame | ConversationFrame | ConversationGone | Receipts | ReceiptCounts | Duty | SealWanted | LateSeal | AccountFrame;

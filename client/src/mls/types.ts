/**
 * What the rest of the client sees of MLS. Only this folder imports `ts-mls`.
 *
 * A {@link CellGroup} is an immutable snapshot of one MLS group at one epoch: every operation
 * returns the next snapshot and leaves this one usable, because a commit may lose its race. The
 * caller persists `next.encode()` together with whatever it sends, in one transaction, and then
 * calls `discard()` on the old snapshot (it zeroes consumed secrets; rule 7 of CELLS.md).
 */

/** A client as its certificate names it. */
export interface ClientIdentity {
  readonly personId: string;
  readonly clientId: string;
  /** SHA-256 of the certificate's DER, hex. */
  readonly certificateHash: string;
  readonly certificate: Uint8Array;
}

export interface CellMember extends ClientIdentity {
  readonly leafIndex: number;
}

/** This device's own key and certificate. */
export interface DeviceIdentity extends ClientIdentity {
  readonly signaturePrivateKey: Uint8Array;
  readonly signaturePublicKey: Uint8Array;
}

/** Judges certificates; made by client/src/trust. Rejects by throwing a CheckFailed. */
export interface CredentialChecker {
  /**
   * Chain to the pinned root, role "client", key equals the leaf's; and, at `atMs` (default: now),
   * validity and revocation. "any" leaves the time out: for a leaf that merely sits in a tree,
   * where the signed roster says whether it belongs.
   */
  checkClient(
    certificate: Uint8Array,
    signaturePublicKey: Uint8Array,
    atMs?: number | "any",
  ): Promise<ClientIdentity>;
  /** The pinned roster authority's certificate and public key. */
  rosterAuthority(): { readonly certificate: Uint8Array; readonly publicKey: Uint8Array };
}

/** Judges membership by the signed roster; made by client/src/roster. */
export interface RosterView {
  /** Whether the newest signed roster names this certificate for this cell. */
  names(cellId: string, certificateHash: string): boolean;
  /**
   * The roster is newer than the entry that is judged, and what it was then is not known: neither
   * being named nor not being named is held against anybody. Never for what is sent now.
   */
  readonly past?: boolean;
}

/** The library or one of our rules refused. `rule` is the CELLS.md section 2 number, if any. */
export interface CheckFailed extends Error {
  readonly code:
    | "credential_refused"
    | "rule_violated"
    | "stale_epoch"
    | "future_epoch"
    | "malformed"
    /** Signature, tag or path is wrong: garbage, or changed on the way. */
    | "unverified"
    | "evicted"
    | "not_decryptable";
  readonly rule: number | null;
}

export interface KeyPackageBundle {
  /** MLSMessage(KeyPackage) or bare KeyPackage: bytes as uploaded. */
  readonly keyPackage: Uint8Array;
  /** RFC 9420 KeyPackageRef, hex: a Welcome names it. */
  readonly reference: string;
  /** Private part, opaque, to be kept in the vault until used. */
  readonly secret: Uint8Array;
  readonly lastResort: boolean;
}

export interface PendingCommit {
  /** The group after the commit; adopt it only once the DS has accepted. */
  readonly next: CellGroup;
  readonly commit: Uint8Array;
  readonly groupInfo: Uint8Array;
  readonly welcome: Uint8Array | null;
  /** Members who enter and leave, for notices and for the DS. */
  readonly added: readonly ClientIdentity[];
  readonly removed: readonly CellMember[];
}

export interface HandshakeResult {
  readonly next: CellGroup;
  readonly kind: "proposal" | "commit";
  readonly added: readonly CellMember[];
  readonly removed: readonly CellMember[];
  /** True when this device was removed by the commit. */
  readonly evicted: boolean;
}

/**
 * A cell's state without its ratchet tree, and the tree. `tree` is the same object in every snapshot
 * of a tree, so that who stores it knows that it is stored. Neither is written to by others.
 */
export interface StoredCell {
  readonly state: Uint8Array;
  readonly tree: Uint8Array;
}

export interface CellGroup {
  readonly conversationId: string;
  readonly cellId: string;
  readonly epoch: number;
  readonly suite: number;
  readonly ownLeafIndex: number;
  /** Roster Removes received and not yet committed. While any is pending, nobody may send. */
  readonly pendingRemovals: readonly CellMember[];
  members(): readonly CellMember[];

  /** The whole state in one. */
  encode(): Uint8Array;
  /** The same in two, for what is stored with every message. */
  encodeApart(): StoredCell;
  /** Zero what this snapshot consumed; call only after the next one is stored. */
  discard(): void;

  encrypt(
    plaintext: Uint8Array,
  ): Promise<{ readonly next: CellGroup; readonly message: Uint8Array }>;
  /**
   * `sender` is authenticated by MLS (the leaf whose signature verified). `atMs` is when the DS
   * ordered the message (default: now): the sender's certificate must have been good then, so that
   * what somebody wrote before their device was revoked can still be read after it.
   */
  decrypt(
    message: Uint8Array,
    atMs?: number,
  ): Promise<{
    readonly next: CellGroup;
    readonly plaintext: Uint8Array;
    readonly sender: CellMember;
  }>;

  /**
   * Check by the numbered rules, then process a proposal or commit from the log. `roster` is the
   * roster as of that entry, `atMs` when the DS ordered it (default: now).
   */
  processHandshake(
    message: Uint8Array,
    roster: RosterView,
    atMs?: number,
  ): Promise<HandshakeResult>;
  /**
   * A member's commit: all pending Removes and Adds of these key packages. It carries an update
   * path unless it only adds (RFC 9420 section 12.4).
   */
  commit(adds: readonly Uint8Array[], roster: RosterView): Promise<PendingCommit>;
  /** Those of these key packages that `commit` can add, when not all of them can be. */
  addable(adds: readonly Uint8Array[], roster: RosterView): Promise<readonly Uint8Array[]>;

  exportSecret(label: string, context: Uint8Array, length: number): Promise<Uint8Array>;
  /** Hash of the ratchet tree (RFC 9420 section 7.8), which the epoch's secrets are bound to. */
  treeHash(): Uint8Array;
  /** Authenticator of the epoch (RFC 9420 section 8.7), equal for all members. */
  epochAuthenticator(): Uint8Array;
}

/** Everything that makes a CellGroup or a key package. Implemented by `createMls`. */
export interface Mls {
  generateKeyPackage(lastResort: boolean): Promise<KeyPackageBundle>;
  /** Found a cell alone (epoch 0); the first commit takes it to epoch 1. */
  found(conversationId: string, cellId: string): Promise<CellGroup>;
  joinByWelcome(
    welcome: Uint8Array,
    bundles: readonly KeyPackageBundle[],
    roster: RosterView,
  ): Promise<{ readonly group: CellGroup; readonly used: KeyPackageBundle }>;
  /** Removes this device's own old leaf if there is one (resync). */
  joinByExternalCommit(groupInfo: Uint8Array, roster: RosterView): Promise<PendingCommit>;
  /** From `encode`, or with the tree from `encodeApart`. */
  decode(state: Uint8Array, tree?: Uint8Array): Promise<CellGroup>;
}

export interface MlsOptions {
  readonly identity: DeviceIdentity;
  readonly checker: CredentialChecker;
  /** MLS cipher suite number; 1 is X25519/AES-128-GCM/SHA-256/Ed25519. */
  readonly suite: number;
  readonly now: () => number;
}

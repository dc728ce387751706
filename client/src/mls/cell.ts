/**
 * A cell at one epoch: the CellGroup of types.ts over a ts-mls state.
 *
 * Immutable snapshots: every operation makes the next one and leaves this one as it was, until
 * `discard` zeroes what it consumed (rule 7). Every way to a state goes through `next`, which
 * forgets earlier epochs (rule 6).
 */
import type { ClientState, KeyPackage, Proposal } from "ts-mls";
import { createCommit, emptyPskIndex, mlsExporter } from "ts-mls";
import { protectApplicationData, unprotectPrivateMessage } from "ts-mls/messageProtection.js";
import { CheckRefused } from "../check-failed.ts";
import { decodeContainer, encodeApart, encodeContainer, encodeTree, joinApart } from "./container.ts";
import type { MlsContext } from "./context.ts";
import { judge } from "./credential.ts";
import { groupInfoOf } from "./group-info.ts";
import { decodeGroupId } from "./group-id.ts";
import { pendingRemovals, processIncoming, requireRoomFor, wasEvicted } from "./handshake.ts";
import { requireOwnState, type ExternalJoin } from "./joining.ts";
import { readKeyPackage, requireAddable, requireValid } from "./key-package.ts";
import {
  decodePrivateMessage,
  decodePublicMessage,
  encodeGroupInfo,
  encodePrivateMessage,
  encodePublicMessage,
  encodeWelcome,
} from "./messages.ts";
import { paddingFor } from "./padding.ts";
import { requireGroupAndEpoch } from "./rules/rule-03-group-and-epoch.ts";
import { KEY_RETENTION, forgetHistory } from "./rules/rule-06-forget.ts";
import { Consumption, secretsOf } from "./rules/rule-07-zero-when-stored.ts";
import { attachConfig } from "./rules/rule-09-attach-config.ts";
import { isEvicted, requireMember } from "./rules/rule-13-evicted.ts";
import { difference, leafAt, membersOf, memberOf, ownLeafIndex } from "./tree.ts";
import type {
  CellGroup,
  CellMember,
  ClientIdentity,
  HandshakeResult,
  PendingCommit,
  RosterView,
  StoredCell,
} from "./types.ts";

export class Cell implements CellGroup {
  readonly conversationId: string;
  readonly cellId: string;
  readonly #context: MlsContext;
  readonly #state: ClientState;
  readonly #consumption = new Consumption();
  /** The ratchet tree as it is stored; snapshots that a message made have it from the first. */
  #tree: Uint8Array | null = null;

  constructor(state: ClientState, context: MlsContext) {
    const id = decodeGroupId(state.groupContext.groupId);
    this.conversationId = id.conversationId;
    this.cellId = id.cellId;
    this.#state = state;
    this.#context = context;
  }

  static decode(bytes: Uint8Array, context: MlsContext, tree: Uint8Array | null = null): Cell {
    const whole = tree === null ? bytes : joinApart(bytes, tree);
    const group = decodeContainer(whole, context.suite.number);
    if (tree !== null) whole.fill(0);
    const state = attachConfig(group, context.config, context.identity.signaturePrivateKey);
    requireOwnState(state, context);
    const cell = new Cell(state, context);
    cell.#tree = tree;
    return cell;
  }

  get epoch(): number {
    return Number(this.#state.groupContext.epoch);
  }

  get suite(): number {
    return this.#context.suite.number;
  }

  get ownLeafIndex(): number {
    return ownLeafIndex(this.#state);
  }

  get pendingRemovals(): readonly CellMember[] {
    return pendingRemovals(this.#state);
  }

  members(): readonly CellMember[] {
    return membersOf(this.#state.ratchetTree);
  }

  encode(): Uint8Array {
    this.#tree ??= encodeTree(this.#state.ratchetTree);
    return encodeContainer(this.#state, this.#context.suite.number, this.#tree);
  }

  encodeApart(): StoredCell {
    this.#tree ??= encodeTree(this.#state.ratchetTree);
    return { state: encodeApart(this.#state, this.#context.suite.number), tree: this.#tree };
  }

  discard(): void {
    this.#consumption.zero();
  }

  /** Every state that an operation makes becomes a snapshot here, and nowhere else. */
  #next(made: ClientState, consumed: readonly Uint8Array[]): Cell {
    const { state, forgotten } = forgetHistory(made);
    const gone = [...consumed, ...forgotten];
    // After a commit nothing of this epoch's secrets is needed any more.
    if (state.groupContext.epoch !== this.#state.groupContext.epoch || isEvicted(state))
      gone.push(...secretsOf(this.#state));
    this.#consumption.note(gone, state);
    const next = new Cell(state, this.#context);
    // The library makes a new tree for every change of it and never writes into an old one.
    if (state.ratchetTree === this.#state.ratchetTree) next.#tree = this.#tree;
    return next;
  }

  async encrypt(
    plaintext: Uint8Array,
  ): Promise<{ readonly next: CellGroup; readonly message: Uint8Array }> {
    const state = this.#state;
    requireMember(state);
    if (Object.keys(state.unappliedProposals).length > 0)
      throw new CheckRefused("rule_violated", "nobody sends while a Remove is pending", 5);
    const { privateMessage, newSecretTree, consumed } = await protectApplicationData(
      this.#context.identity.signaturePrivateKey,
      state.keySchedule.senderDataSecret,
      plaintext,
      new Uint8Array(),
      state.groupContext,
      state.secretTree,
      ownLeafIndex(state),
      paddingFor(plaintext),
      this.#context.cs,
    );
    const next = this.#next({ ...state, secretTree: newSecretTree }, consumed);
    return { next, message: encodePrivateMessage(privateMessage) };
  }

  async decrypt(
    bytes: Uint8Array,
    atMs: number = this.#context.now(),
  ): Promise<{
    readonly next: CellGroup;
    readonly plaintext: Uint8Array;
    readonly sender: CellMember;
  }> {
    const state = this.#state;
    requireMember(state);
    const message = decodePrivateMessage(bytes);
    if (message.contentType !== "application")
      throw new CheckRefused("malformed", "handshakes are PublicMessages");
    requireGroupAndEpoch(message, state.groupContext);
    const { content, tree, consumed } = await unprotect(state, message, this.#context);
    const { sender } = content.content;
    const leaf =
      sender.senderType === "member" ? leafAt(state.ratchetTree, sender.leafIndex) : undefined;
    if (
      content.content.contentType !== "application" ||
      sender.senderType !== "member" ||
      leaf === undefined
    )
      throw new CheckRefused("not_decryptable", "not an application message of a member");
    await judge(this.#context.checker, leaf.credential, leaf.signaturePublicKey, atMs);
    return {
      next: this.#next({ ...state, secretTree: tree }, consumed),
      plaintext: content.content.applicationData.slice(),
      sender: memberOf({ index: sender.leafIndex, node: leaf }),
    };
  }

  async processHandshake(
    bytes: Uint8Array,
    roster: RosterView,
    atMs: number = this.#context.now(),
  ): Promise<HandshakeResult> {
    const before = this.#state;
    requireMember(before);
    const processed = await processIncoming({
      state: before,
      message: decodePublicMessage(bytes),
      cellId: this.cellId,
      roster,
      atMs,
      context: this.#context,
    });
    const evicted = wasEvicted(before, processed.state);
    return {
      next: this.#next(processed.state, processed.consumed),
      kind: processed.kind,
      ...difference(before.ratchetTree, processed.state.ratchetTree),
      evicted,
    };
  }

  async commit(adds: readonly Uint8Array[], roster: RosterView): Promise<PendingCommit> {
    const state = this.#state;
    const context = this.#context;
    requireMember(state);
    const pending = pendingRemovals(state);
    if (pending.some((member) => member.leafIndex === ownLeafIndex(state)))
      throw new CheckRefused("evicted", "this device is about to be removed", 13);
    const keyPackages = adds.map(readKeyPackage);
    const added: ClientIdentity[] = [];
    for (const keyPackage of keyPackages) {
      added.push(await requireAddable(keyPackage, this.cellId, roster, context.now(), context));
      await requireValid(keyPackage, context);
    }
    requireRoomFor(keyPackages, state, context, null);
    const { newState, commit, welcome, consumed } = await createCommit(
      { state, pskIndex: emptyPskIndex, cipherSuite: context.cs },
      {
        wireAsPublicMessage: true,
        ratchetTreeExtension: true,
        extraProposals: keyPackages.map((keyPackage): Proposal => ({
          proposalType: "add",
          add: { keyPackage },
        })),
      },
    );
    if (commit.wireformat !== "mls_public_message")
      throw new CheckRefused("malformed", "the library made a private commit");
    const next = this.#next(newState, consumed);
    return {
      next,
      commit: encodePublicMessage(commit.publicMessage),
      groupInfo: await next.groupInfo(),
      welcome: welcome === undefined ? null : encodeWelcome(welcome),
      added,
      removed: pending,
    };
  }

  async addable(
    adds: readonly Uint8Array[],
    roster: RosterView,
  ): Promise<readonly Uint8Array[]> {
    const context = this.#context;
    const good = new Map<KeyPackage, Uint8Array>();
    for (const bytes of adds) {
      try {
        const keyPackage = readKeyPackage(bytes);
        await requireAddable(keyPackage, this.cellId, roster, context.now(), context);
        await requireValid(keyPackage, context);
        good.set(keyPackage, bytes);
      } catch {
        // Whatever is wrong with it: its client enters by itself.
      }
    }
    if (this.#hasRoomFor([...good.keys()])) return [...good.values()];
    // Two are of one client, or there are too many: the first ones of them. To see it for each is
    // long work in a large cell.
    const fitting: KeyPackage[] = [];
    for (const keyPackage of good.keys())
      if (this.#hasRoomFor([...fitting, keyPackage])) fitting.push(keyPackage);
      else good.delete(keyPackage);
    return [...good.values()];
  }

  #hasRoomFor(keyPackages: readonly KeyPackage[]): boolean {
    try {
      requireRoomFor(keyPackages, this.#state, this.#context, null);
      return true;
    } catch {
      return false;
    }
  }

  /** MLSMessage(GroupInfo) of this epoch with external_pub and ratchet_tree. */
  async groupInfo(): Promise<Uint8Array> {
    return encodeGroupInfo(await groupInfoOf(this.#state, this.#context.cs));
  }

  exportSecret(label: string, context: Uint8Array, length: number): Promise<Uint8Array> {
    requireMember(this.#state);
    const { exporterSecret } = this.#state.keySchedule;
    return mlsExporter(exporterSecret, label, context, length, this.#context.cs);
  }

  treeHash(): Uint8Array {
    return this.#state.groupContext.treeHash.slice();
  }

  epochAuthenticator(): Uint8Array {
    return this.#state.keySchedule.epochAuthenticator.slice();
  }
}

async function unprotect(
  state: ClientState,
  message: ReturnType<typeof decodePrivateMessage>,
  context: MlsContext,
): ReturnType<typeof unprotectPrivateMessage> {
  try {
    return await unprotectPrivateMessage(
      state.keySchedule.senderDataSecret,
      message,
      state.secretTree,
      state.ratchetTree,
      state.groupContext,
      KEY_RETENTION,
      context.cs,
    );
  } catch (error) {
    throw new CheckRefused("not_decryptable", "the message does not open", null, error);
  }
}

/** What the DS gets of a client that joins by itself. */
export async function pendingJoin(
  joined: ExternalJoin,
  context: MlsContext,
): Promise<PendingCommit> {
  const next = new Cell(joined.state, context);
  return {
    next,
    commit: joined.commit,
    groupInfo: await next.groupInfo(),
    welcome: null,
    added: [context.identity],
    removed: joined.former === null ? [] : [joined.former],
  };
}

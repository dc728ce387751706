/**
 * Proposals and commits from the log: first our rules, on the message as it came, then ts-mls.
 *
 * Order matters and is always the same: parse, group and epoch (rule 3), what kind of message, our
 * rules for that kind, credential and roster of whoever acts or enters, then the library, which
 * verifies signatures, membership tag, path and confirmation tag. Nothing of a refused message
 * reaches a state.
 */
import type { ClientState, KeyPackage } from "ts-mls";
import { emptyPskIndex, processPublicMessage } from "ts-mls";
import { processProposal } from "ts-mls/clientState.js";
import type { Commit } from "ts-mls/commit.js";
import { unprotectPublicMessage } from "ts-mls/messageProtectionPublic.js";
import type { PublicMessage } from "ts-mls/publicMessage.js";
import { CheckRefused } from "../check-failed.ts";
import type { MlsContext } from "./context.ts";
import { identify, judge, sameClient } from "./credential.ts";
import { requireAddable, requireNamed } from "./key-package.ts";
import { requireOwnLeafRemoved } from "./rules/rule-01-external-remove.ts";
import { requireDistinct } from "./rules/rule-02-duplicates.ts";
import { requireGroupAndEpoch } from "./rules/rule-03-group-and-epoch.ts";
import { requireAuthorityRemove, requireInlineAdd } from "./rules/rule-04-authority-removes.ts";
import { requireEverythingPending } from "./rules/rule-05-everything-pending.ts";
import { requireNotFrozen } from "./rules/rule-12-frozen-joins.ts";
import { evict, isEvicted } from "./rules/rule-13-evicted.ts";
import { leafAt, leavesOf, memberOf, ownLeafIndex } from "./tree.ts";
import type { CellMember, CredentialChecker, RosterView } from "./types.ts";

export interface Processed {
  readonly state: ClientState;
  readonly consumed: readonly Uint8Array[];
  readonly kind: "proposal" | "commit";
}

/** The message and what judges it. */
interface Incoming {
  readonly state: ClientState;
  readonly message: PublicMessage;
  readonly cellId: string;
  readonly roster: RosterView;
  readonly atMs: number;
  readonly context: MlsContext;
}

function refuse(message: string): CheckRefused {
  return new CheckRefused("rule_violated", message);
}

export async function processIncoming(incoming: Incoming): Promise<Processed> {
  const { content } = incoming.message;
  requireGroupAndEpoch(content, incoming.state.groupContext);
  if (content.contentType === "proposal") return processRemove(incoming);
  if (content.contentType !== "commit") throw new CheckRefused("malformed", "not a handshake");
  switch (content.sender.senderType) {
    case "member":
      await checkMemberCommit(incoming, content.sender.leafIndex, content.commit);
      return byLibrary(incoming);
    case "new_member_commit":
      return processExternalCommit(incoming, content.commit);
    default:
      throw refuse("commits come from members and from joining clients");
  }
}

/** ts-mls verifies and applies; whatever it throws is a refusal. */
async function byLibrary({ state, message, context }: Incoming): Promise<Processed> {
  try {
    const result = await processPublicMessage(state, message, emptyPskIndex, context.cs);
    return { state: result.newState, consumed: result.consumed, kind: "commit" };
  } catch (error) {
    if (error instanceof CheckRefused) throw error;
    throw new CheckRefused("unverified", "the commit does not verify", null, error);
  }
}

// --- Proposal: the roster authority's external Remove --------------------------------------------

async function processRemove(incoming: Incoming): Promise<Processed> {
  const { state, message, cellId, roster, context } = incoming;
  const removed = requireAuthorityRemove(message.content);
  const leaf = leafAt(state.ratchetTree, removed);
  if (leaf === undefined) throw refuse("Remove of a leaf that is blank");
  const named = roster.names(cellId, identify(leaf.credential).certificateHash);
  if (roster.past !== true && named)
    throw refuse("Remove of a client that the signed roster names");
  const content = await verifiedBy(context.checker, incoming);
  const repeated = pendingRemovals(state).some((member) => member.leafIndex === removed);
  // The same Remove again changes nothing; two references to one leaf could never be committed.
  if (repeated || message.content.contentType !== "proposal")
    return { state, consumed: [], kind: "proposal" };
  const next = await processProposal(state, content, message.content.proposal, context.cs.hash);
  return { state: next, consumed: [], kind: "proposal" };
}

/** Signature by the pinned roster authority, whose key the group also names (rule 11). */
async function verifiedBy(
  checker: CredentialChecker,
  { state, message, context }: Incoming,
): ReturnType<typeof unprotectPublicMessage> {
  try {
    return await unprotectPublicMessage(
      state.keySchedule.membershipKey,
      state.groupContext,
      state.ratchetTree,
      message,
      context.cs,
      checker.rosterAuthority().publicKey,
    );
  } catch (error) {
    throw new CheckRefused("rule_violated", "not signed by the roster authority", 4, error);
  }
}

/** Leaves that accepted proposals remove, in order. Rule 4 lets nothing else be pending. */
export function pendingRemovals(state: ClientState): CellMember[] {
  const indexes = new Set<number>();
  for (const { proposal } of Object.values(state.unappliedProposals))
    if (proposal.proposalType === "remove") indexes.add(proposal.remove.removed);
  return leavesOf(state.ratchetTree)
    .filter((leaf) => indexes.has(leaf.index))
    .map(memberOf);
}

// --- Commit by a member ------------------------------------------------------------------------

async function checkMemberCommit(
  incoming: Incoming,
  committerIndex: number,
  commit: Commit,
): Promise<void> {
  const { state, cellId, roster, atMs, context } = incoming;
  if (committerIndex === ownLeafIndex(state))
    throw new CheckRefused("not_decryptable", "this device's own commit comes back");
  const committer = leafAt(state.ratchetTree, committerIndex);
  if (committer === undefined) throw refuse("commit of a leaf that is blank");
  const identity = await judge(
    context.checker,
    committer.credential,
    committer.signaturePublicKey,
    atMs,
  );
  requireNamed(identity, cellId, roster);

  const references: Uint8Array[] = [];
  const adds: KeyPackage[] = [];
  for (const item of commit.proposals) {
    if (item.proposalOrRefType === "reference") {
      references.push(item.reference);
    } else {
      requireInlineAdd(item.proposal);
      adds.push(item.proposal.add.keyPackage);
    }
  }
  requireEverythingPending(references, state.unappliedProposals);
  for (const keyPackage of adds) await requireAddable(keyPackage, cellId, roster, atMs, context);

  let pathLeaf = committer;
  if (commit.path !== undefined) {
    pathLeaf = commit.path.leafNode;
    const renewed = await judge(
      context.checker,
      pathLeaf.credential,
      pathLeaf.signaturePublicKey,
      atMs,
    );
    if (!sameClient(renewed, identity)) throw refuse("a commit changes its committer's identity");
    requireNamed(renewed, cellId, roster);
  }
  requireRoomFor(adds, state, context, pathLeaf === committer ? null : [committerIndex, pathLeaf]);
}

/** Rule 2 and the cell's size, over the leaves as they would be. */
export function requireRoomFor(
  adds: readonly KeyPackage[],
  state: ClientState,
  context: MlsContext,
  replaced: readonly [number, ReturnType<typeof leavesOf>[number]["node"]] | null,
): void {
  const removed = new Set(pendingRemovals(state).map((member) => member.leafIndex));
  const staying = leavesOf(state.ratchetTree)
    .filter((leaf) => !removed.has(leaf.index))
    .map((leaf) => (replaced?.[0] === leaf.index ? replaced[1] : leaf.node));
  requireDistinct([...staying, ...adds.map((keyPackage) => keyPackage.leafNode)]);
  if (staying.length + adds.length > context.suite.cellSize) throw refuse("the cell is full");
}

// --- External commit ---------------------------------------------------------------------------

async function processExternalCommit(incoming: Incoming, commit: Commit): Promise<Processed> {
  const { state, cellId, roster, atMs, context } = incoming;
  requireNotFrozen(state.unappliedProposals);
  if (commit.path === undefined) throw refuse("an external commit needs an update path");
  const { leafNode } = commit.path;
  const joiner = await judge(
    context.checker,
    leafNode.credential,
    leafNode.signaturePublicKey,
    atMs,
  );
  requireNamed(joiner, cellId, roster);

  let inits = 0;
  let former: CellMember | null = null;
  for (const item of commit.proposals) {
    if (item.proposalOrRefType === "reference")
      throw new CheckRefused("rule_violated", "an external commit carries a reference", 12);
    if (item.proposal.proposalType === "external_init") {
      inits += 1;
    } else if (item.proposal.proposalType === "remove" && former === null) {
      const index = item.proposal.remove.removed;
      const leaf = leafAt(state.ratchetTree, index);
      if (leaf === undefined) throw refuse("Remove of a leaf that is blank");
      former = memberOf({ index, node: leaf });
      requireOwnLeafRemoved(joiner, former);
    } else {
      throw refuse("an external commit may join and resync, nothing else");
    }
  }
  if (inits !== 1) throw refuse("an external commit has one ExternalInit");

  const staying = leavesOf(state.ratchetTree).filter((leaf) => leaf.index !== former?.leafIndex);
  requireDistinct([...staying.map((leaf) => leaf.node), leafNode]);
  if (staying.length + 1 > context.suite.cellSize) throw refuse("the cell is full");

  if (former?.leafIndex === ownLeafIndex(state)) return replaceOwnLeaf(incoming);
  return byLibrary(incoming);
}

/**
 * Rule 13: this very client joined anew elsewhere. The library would go on as if we were still in
 * the tree; we verify who signed the commit and are out.
 */
async function replaceOwnLeaf({ state, message, context }: Incoming): Promise<Processed> {
  try {
    await unprotectPublicMessage(
      state.keySchedule.membershipKey,
      state.groupContext,
      state.ratchetTree,
      message,
      context.cs,
    );
  } catch (error) {
    throw new CheckRefused("unverified", "the commit does not verify", null, error);
  }
  return { state: evict(state), consumed: [], kind: "commit" };
}

export function wasEvicted(before: ClientState, after: ClientState): boolean {
  return !isEvicted(before) && isEvicted(after);
}

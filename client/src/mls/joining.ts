/**
 * The three ways into a cell: founding it, a Welcome, one's own external commit.
 *
 * Whatever comes from outside is judged before it becomes a group: group id, suite, extensions with
 * the pinned roster authority (rule 11), no client or key twice (rule 2), and every leaf vouched
 * for by the CA and named by the signed roster for this cell.
 */
import { bytesToHex } from "@noble/hashes/utils.js";
import type { ClientState, GroupContext, RatchetTree } from "ts-mls";
import { createGroup } from "ts-mls";
import { CheckRefused } from "../check-failed.ts";
import { groupExtensions, type MlsContext } from "./context.ts";
import { judge, sameClient } from "./credential.ts";
import { makeExternalCommit } from "./external-commit.ts";
import { treeIn } from "./group-info.ts";
import { decodeGroupId, encodeGroupId, type GroupId } from "./group-id.ts";
import { decodeSecret, makeKeyPackage, readKeyPackage, requireNamed } from "./key-package.ts";
import { decodeGroupInfo, decodeWelcome, encodePublicMessage } from "./messages.ts";
import { requireDistinct } from "./rules/rule-02-duplicates.ts";
import { findFormerLeaf } from "./rules/rule-08-own-former-leaf.ts";
import { requireExtensions } from "./rules/rule-11-pinned-authority.ts";
import { openWelcome } from "./welcome.ts";
import { leavesOf, membersOf, ownLeafIndex, leafAt } from "./tree.ts";
import type { CellMember, KeyPackageBundle, RosterView } from "./types.ts";

export async function foundCell(id: GroupId, context: MlsContext): Promise<ClientState> {
  const own = await makeKeyPackage(context, false);
  const state = await createGroup(
    encodeGroupId(id),
    own.publicPackage,
    own.privatePackage,
    [],
    context.cs,
    context.config,
  );
  // Set here because createGroup would read external_senders in its own encoding. At epoch 0 with
  // an empty transcript no secret depends on the extensions yet.
  return {
    ...state,
    groupContext: { ...state.groupContext, extensions: groupExtensions(context.checker) },
  };
}

/** `exceptOwn`: this client's own old leaf may be there although the roster names its new one. */
async function requireOurGroup(
  group: GroupContext,
  tree: RatchetTree,
  roster: RosterView,
  context: MlsContext,
  exceptOwn: boolean,
): Promise<void> {
  const { cellId } = decodeGroupId(group.groupId);
  if (group.version !== "mls10" || group.cipherSuite !== context.suite.name)
    throw new CheckRefused("rule_violated", "the group is of another suite");
  requireExtensions(group.extensions, groupExtensions(context.checker));
  const leaves = leavesOf(tree).map((leaf) => leaf.node);
  requireDistinct(leaves);
  for (const { credential, signaturePublicKey } of leaves) {
    const identity = await judge(context.checker, credential, signaturePublicKey, "any");
    if (exceptOwn && sameClient(identity, context.identity)) continue;
    requireNamed(identity, cellId, roster);
  }
}

export async function joinWithWelcome(
  bytes: Uint8Array,
  bundles: readonly KeyPackageBundle[],
  roster: RosterView,
  context: MlsContext,
): Promise<{ readonly state: ClientState; readonly used: KeyPackageBundle }> {
  const welcome = decodeWelcome(bytes);
  if (welcome.cipherSuite !== context.suite.name)
    throw new CheckRefused("rule_violated", "the Welcome is for another suite");
  const references = new Set(welcome.secrets.map((secret) => bytesToHex(secret.newMember)));
  const used = bundles.find((bundle) => references.has(bundle.reference));
  if (used === undefined)
    throw new CheckRefused("not_decryptable", "the Welcome is for no key package of this device");
  let state: ClientState;
  try {
    state = await openWelcome(
      welcome,
      {
        publicPackage: readKeyPackage(used.keyPackage),
        privatePackage: decodeSecret(used.secret, context.identity.signaturePrivateKey),
      },
      context.cs,
      context.config,
      (group, tree) => requireOurGroup(group, tree, roster, context, false),
    );
  } catch (error) {
    if (error instanceof CheckRefused) throw error;
    throw new CheckRefused("not_decryptable", "the Welcome does not open", null, error);
  }
  return { state, used };
}

export interface ExternalJoin {
  readonly state: ClientState;
  readonly commit: Uint8Array;
  readonly former: CellMember | null;
}

export async function joinExternally(
  bytes: Uint8Array,
  roster: RosterView,
  context: MlsContext,
): Promise<ExternalJoin> {
  const groupInfo = decodeGroupInfo(bytes);
  const tree = treeIn(groupInfo);
  await requireOurGroup(groupInfo.groupContext, tree, roster, context, true);
  const { cellId } = decodeGroupId(groupInfo.groupContext.groupId);
  requireNamed(context.identity, cellId, roster);
  const former = findFormerLeaf(membersOf(tree), context.identity);
  if (leavesOf(tree).length - (former === null ? 0 : 1) >= context.suite.cellSize)
    throw new CheckRefused("rule_violated", "the cell is full");

  const own = await makeKeyPackage(context, false);
  requireDistinct([
    ...leavesOf(tree)
      .filter((leaf) => leaf.index !== former?.leafIndex)
      .map((leaf) => leaf.node),
    own.publicPackage.leafNode,
  ]);
  try {
    const { publicMessage, newState } = await makeExternalCommit(
      groupInfo,
      own,
      former?.leafIndex ?? null,
      context.cs,
      context.config,
    );
    return { state: newState, commit: encodePublicMessage(publicMessage), former };
  } catch (error) {
    if (error instanceof CheckRefused) throw error;
    throw new CheckRefused("rule_violated", "the group info does not verify", null, error);
  }
}

/** The device's own leaf holds the device's own certificate, or the state is not ours. */
export function requireOwnState(state: ClientState, context: MlsContext): void {
  const leaf = leafAt(state.ratchetTree, ownLeafIndex(state));
  if (leaf === undefined) return; // Evicted: the leaf is blank or somebody else's by now.
  const [own] = membersOf([{ nodeType: "leaf", leaf }]);
  if (own === undefined || !sameClient(own, context.identity))
    throw new CheckRefused("malformed", "stored cell is another device's");
}

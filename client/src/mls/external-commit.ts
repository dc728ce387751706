/**
 * One's own external commit (RFC 9420 section 12.4.3.2): the steps of ts-mls's `joinGroupExternal`.
 *
 * Done here because the library checks trees wrongly (tree-check.ts), reads external_pub without its
 * length prefix, and throws when the leaf to replace is the only one, as it is when a certificate
 * is renewed before anybody else has joined.
 */
import type { CiphersuiteImpl, ClientConfig, ClientState, GroupInfo, Proposal } from "ts-mls";
import { exportSecret, nextEpochContext } from "ts-mls/clientState.js";
import { createConfirmationTag, createContentCommitSignature } from "ts-mls/framedContent.js";
import { verifyGroupInfoSignature } from "ts-mls/groupInfo.js";
import { initializeEpoch } from "ts-mls/keySchedule.js";
import { protectPublicMessage } from "ts-mls/messageProtectionPublic.js";
import { getCommitSecret, pathToPathSecrets } from "ts-mls/pathSecrets.js";
import { toPrivateKeyPath, updateLeafKey } from "ts-mls/privateKeyPath.js";
import type { PublicMessage } from "ts-mls/publicMessage.js";
import { addLeafNode, removeLeafNode, type RatchetTree } from "ts-mls/ratchetTree.js";
import type { LeafNode } from "ts-mls/leafNode.js";
import { createSecretTree } from "ts-mls/secretTree.js";
import { treeHashRoot } from "ts-mls/treeHash.js";
import { leafWidth, nodeToLeafIndex, toLeafIndex, toNodeIndex } from "ts-mls/treemath.js";
import { createUpdatePath } from "ts-mls/updatePath.js";
import { CheckRefused } from "../check-failed.ts";
import { externalPubIn, treeIn } from "./group-info.ts";
import type { OwnKeyPackage } from "./key-package.ts";
import { requireSoundTree } from "./tree-check.ts";
import { leafAt, leavesOf } from "./tree.ts";

export interface ExternalCommit {
  readonly publicMessage: PublicMessage;
  readonly newState: ClientState;
}

/** The tree with `leaf` in it, `former` taken out first; and where it is. */
function withLeaf(
  tree: RatchetTree,
  former: number | null,
  leaf: LeafNode,
): readonly [RatchetTree, ReturnType<typeof toLeafIndex>] {
  if (former !== null && leavesOf(tree).length === 1)
    return [[{ nodeType: "leaf", leaf }], toLeafIndex(0)];
  const without = former === null ? tree : removeLeafNode(tree, toLeafIndex(former));
  const [added, node] = addLeafNode(without, leaf);
  return [added, nodeToLeafIndex(node)];
}

/** Verify the group info and make the commit. `former`: the index of the own leaf to replace. */
export async function makeExternalCommit(
  groupInfo: GroupInfo,
  own: OwnKeyPackage,
  former: number | null,
  cs: CiphersuiteImpl,
  config: ClientConfig,
): Promise<ExternalCommit> {
  const { groupContext: before } = groupInfo;
  const tree = treeIn(groupInfo);
  const signer = leafAt(tree, groupInfo.signer);
  if (
    signer === undefined ||
    !(await verifyGroupInfoSignature(groupInfo, signer.signaturePublicKey, cs.signature))
  )
    throw new CheckRefused("rule_violated", "the group info's signature is wrong");
  await requireSoundTree(tree, before, cs);

  const signKey = own.privatePackage.signaturePrivateKey;
  const { enc, secret } = await exportSecret(externalPubIn(groupInfo), cs);
  const [joined, leaf] = withLeaf(tree, former, own.publicPackage.leafNode);
  const [newTree, path, pathSecrets, leafKey] = await createUpdatePath(
    joined,
    leaf,
    before,
    signKey,
    cs,
  );
  const last = pathSecrets.at(-1);
  const commitSecret =
    last === undefined
      ? new Uint8Array(cs.kdf.size)
      : await getCommitSecret(newTree, toNodeIndex(last.nodeIndex), last.secret, cs.kdf);
  const init: Proposal = { proposalType: "external_init", externalInit: { kemOutput: enc } };
  const proposals: Proposal[] =
    former === null ? [init] : [{ proposalType: "remove", remove: { removed: former } }, init];
  const { signature, framedContent } = await createContentCommitSignature(
    before,
    "mls_public_message",
    {
      proposals: proposals.map((proposal) => ({ proposalOrRefType: "proposal", proposal })),
      path,
    },
    { senderType: "new_member_commit" },
    new Uint8Array(),
    signKey,
    cs.signature,
  );
  const groupContext = await nextEpochContext(
    before,
    "mls_public_message",
    framedContent,
    signature,
    await treeHashRoot(newTree, cs.hash),
    groupInfo.confirmationTag,
    cs.hash,
  );
  const noPsk = new Uint8Array(cs.kdf.size);
  const epoch = await initializeEpoch(secret, commitSecret, groupContext, noPsk, cs.kdf);
  const { keySchedule, encryptionSecret } = epoch;
  const confirmationTag = await createConfirmationTag(
    keySchedule.confirmationKey,
    groupContext.confirmedTranscriptHash,
    cs.hash,
  );
  const keyPath = await toPrivateKeyPath(pathToPathSecrets(pathSecrets), leaf, cs);
  const newState: ClientState = {
    ratchetTree: newTree,
    groupContext,
    secretTree: await createSecretTree(leafWidth(newTree.length), encryptionSecret, cs.kdf),
    privatePath: updateLeafKey(keyPath, await cs.hpke.exportPrivateKey(leafKey)),
    confirmationTag,
    historicalReceiverData: new Map(),
    signaturePrivateKey: signKey,
    keySchedule,
    unappliedProposals: {},
    groupActiveState: { kind: "active" },
    clientConfig: config,
  };
  const publicMessage = await protectPublicMessage(
    keySchedule.membershipKey,
    groupContext,
    {
      wireformat: "mls_public_message",
      content: framedContent,
      auth: { contentType: "commit", signature, confirmationTag },
    },
    cs,
  );
  for (const spent of [secret, commitSecret, encryptionSecret, epoch.joinerSecret]) spent.fill(0);
  return { publicMessage, newState };
}

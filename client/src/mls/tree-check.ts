/**
 * Whether a ratchet tree from outside is one that RFC 9420 allows (sections 7.3, 7.9 and 12.4.3.1).
 *
 * ts-mls's own check is not used: it wants every non-blank node from a leaf up to the root to have
 * the very same unmerged leaves, where the RFC wants the nodes between that leaf and the parent that
 * lists it to list it too. It refuses trees that honest members make (docs/decisions/0002).
 * Credentials, the roster and rule 2 are judged apart (joining.ts).
 */
import type { CiphersuiteImpl, GroupContext, RatchetTree } from "ts-mls";
import { validateLeafNodeUpdateOrCommit } from "ts-mls/clientState.js";
import { extensionTypeToNumber } from "ts-mls/extension.js";
import { verifyLeafNodeSignatureKeyPackage, type LeafNode } from "ts-mls/leafNode.js";
import { calculateParentHash } from "ts-mls/parentHash.js";
import { treeHashRoot } from "ts-mls/treeHash.js";
import {
  directPath,
  leafToNodeIndex,
  leafWidth,
  toLeafIndex,
  toNodeIndex,
} from "ts-mls/treemath.js";
import { CheckRefused } from "../check-failed.ts";
import { equalBytes, toHex } from "../octets.ts";

function refuse(message: string): CheckRefused {
  return new CheckRefused("rule_violated", `ratchet tree: ${message}`);
}

const VOUCHED = { validateCredential: () => Promise.resolve(true) };
const DEFAULT_EXTENSIONS = 5;

export async function requireSoundTree(
  tree: RatchetTree,
  group: GroupContext,
  cs: CiphersuiteImpl,
): Promise<void> {
  const encryptionKeys = new Set<string>();
  for (const [i, node] of tree.entries()) {
    if (node === undefined) continue;
    if ((node.nodeType === "leaf") !== (i % 2 === 0)) throw refuse("a node is in the wrong place");
    const key = node.nodeType === "leaf" ? node.leaf.hpkePublicKey : node.parent.hpkePublicKey;
    const name = toHex(key);
    if (encryptionKeys.has(name)) throw refuse("an encryption key is there twice");
    encryptionKeys.add(name);
    if (node.nodeType === "leaf") await requireSoundLeaf(node.leaf, i / 2, group, cs);
    else requireUnmergedLeaves(tree, i, node.parent.unmergedLeaves);
  }
  await requireParentHashes(tree, cs);
  if (!equalBytes(group.treeHash, await treeHashRoot(tree, cs.hash)))
    throw refuse("it is not the one in the group context");
}

async function requireSoundLeaf(
  leaf: LeafNode,
  index: number,
  group: GroupContext,
  cs: CiphersuiteImpl,
): Promise<void> {
  const { capabilities } = leaf;
  if (
    !capabilities.versions.includes("mls10") ||
    !capabilities.ciphersuites.includes(group.cipherSuite)
  )
    throw refuse("a leaf does not speak version or suite");
  if (!capabilities.credentials.includes(leaf.credential.credentialType))
    throw refuse("a leaf does not support its own credential");
  for (const { extensionType } of leaf.extensions) {
    const type = extensionTypeToNumber(extensionType);
    if (type > DEFAULT_EXTENSIONS && !capabilities.extensions.includes(type))
      throw refuse("a leaf has an extension that it does not support");
  }
  if (leaf.leafNodeSource === "key_package") {
    if (!(await verifyLeafNodeSignatureKeyPackage(leaf, cs.signature)))
      throw refuse("a leaf's signature is wrong");
    return;
  }
  const failed = await validateLeafNodeUpdateOrCommit(leaf, index, group, VOUCHED, cs.signature);
  if (failed !== undefined) throw refuse(failed.message);
}

/**
 * Each parent is vouched for by one chain of parent hashes from a leaf up (section 7.9.2). The
 * library asks this of every leaf; here only of those that a commit made, as the others have no
 * parent hash. In a cell just founded that is one of 256, and each costs hashes of half the tree.
 */
async function requireParentHashes(tree: RatchetTree, { hash }: CiphersuiteImpl): Promise<void> {
  const vouched = new Set<number>();
  for (const [i, node] of tree.entries()) {
    if (node?.nodeType !== "leaf" || node.leaf.leafNodeSource !== "commit") continue;
    let said = node.leaf.parentHash;
    for (let below = toNodeIndex(i); ;) {
      const [parentHash, above] = await calculateParentHash(tree, below, hash);
      const parent = above === undefined ? undefined : tree[above];
      if (above === undefined || parent?.nodeType !== "parent" || !equalBytes(parentHash, said))
        break;
      if (vouched.has(above)) throw refuse("a parent hash is there twice");
      vouched.add(above);
      said = parent.parent.parentHash;
      below = toNodeIndex(above);
    }
  }
  if (tree.some((node, i) => node?.nodeType === "parent" && !vouched.has(i)))
    throw refuse("parent hashes do not fit");
}

function requireUnmergedLeaves(
  tree: RatchetTree,
  parent: number,
  unmerged: readonly number[],
): void {
  let last = -1;
  for (const leaf of unmerged) {
    if (leaf <= last) throw refuse("unmerged leaves are not in order");
    last = leaf;
    const node = leafToNodeIndex(toLeafIndex(leaf));
    const path = directPath(node, leafWidth(tree.length));
    const height = path.indexOf(toNodeIndex(parent));
    if (tree[node]?.nodeType !== "leaf" || height === -1)
      throw refuse("an unmerged leaf is blank or not below the node that lists it");
    for (const between of path.slice(0, height)) {
      const inner = tree[between];
      if (inner?.nodeType === "parent" && !inner.parent.unmergedLeaves.includes(leaf))
        throw refuse("a node between does not list an unmerged leaf");
    }
  }
}

/**
 * Opening a Welcome (RFC 9420 section 12.4.3.1): the steps of ts-mls's `joinGroup`, with our check
 * of the tree instead of its own (tree-check.ts) and without pre-shared keys, which we refuse.
 *
 * `judge` decides about the group before any of its signatures is relied on.
 */
import type {
  CiphersuiteImpl,
  ClientConfig,
  ClientState,
  GroupContext,
  RatchetTree,
  Welcome,
} from "ts-mls";
import { verifyGroupInfoConfirmationTag, verifyGroupInfoSignature } from "ts-mls/groupInfo.js";
import { makeKeyPackageRef } from "ts-mls/keyPackage.js";
import { deriveKeySchedule } from "ts-mls/keySchedule.js";
import { pathToRoot } from "ts-mls/pathSecrets.js";
import { mergePrivateKeyPaths, toPrivateKeyPath } from "ts-mls/privateKeyPath.js";
import { findLeafIndex } from "ts-mls/ratchetTree.js";
import { createSecretTree } from "ts-mls/secretTree.js";
import { leafToNodeIndex, leafWidth, toLeafIndex } from "ts-mls/treemath.js";
import { firstCommonAncestor } from "ts-mls/updatePath.js";
import { decryptGroupInfo, decryptGroupSecrets } from "ts-mls/welcome.js";
import { CheckRefused } from "../check-failed.ts";
import { treeIn } from "./group-info.ts";
import type { OwnKeyPackage } from "./key-package.ts";
import { requireSoundTree } from "./tree-check.ts";
import { leafAt } from "./tree.ts";

function refuse(message: string): CheckRefused {
  return new CheckRefused("rule_violated", `Welcome: ${message}`);
}

export async function openWelcome(
  welcome: Welcome,
  own: OwnKeyPackage,
  cs: CiphersuiteImpl,
  config: ClientConfig,
  judge: (group: GroupContext, tree: RatchetTree) => Promise<void>,
): Promise<ClientState> {
  const { publicPackage, privatePackage } = own;
  const initKey = await cs.hpke.importPrivateKey(privatePackage.initPrivateKey);
  const reference = await makeKeyPackageRef(publicPackage, cs.hash);
  const secrets = await decryptGroupSecrets(initKey, reference, welcome, cs.hpke);
  if (secrets === undefined) throw refuse("its secrets cannot be read");
  if (secrets.psks.length > 0) throw refuse("it wants a pre-shared key");
  const noPsk = new Uint8Array(cs.kdf.size);
  const { joinerSecret } = secrets;
  const info = await decryptGroupInfo(welcome, joinerSecret, noPsk, cs);
  if (info === undefined) throw refuse("its group info cannot be read");
  const { groupContext } = info;
  const tree = treeIn(info);
  await judge(groupContext, tree);

  if (groupContext.cipherSuite !== publicPackage.cipherSuite)
    throw refuse("the group is of another suite");
  const signer = leafAt(tree, info.signer);
  if (signer === undefined) throw refuse("its signer is not in the tree");
  if (!(await verifyGroupInfoSignature(info, signer.signaturePublicKey, cs.signature)))
    throw refuse("its signature is wrong");
  await requireSoundTree(tree, groupContext, cs);
  const leaf = findLeafIndex(tree, publicPackage.leafNode);
  if (leaf === undefined) throw refuse("this device is not in the tree");
  if (!(await verifyGroupInfoConfirmationTag(info, joinerSecret, noPsk, cs)))
    throw refuse("its confirmation tag is wrong");

  const leafKey = {
    leafIndex: leaf,
    privateKeys: { [leafToNodeIndex(leaf)]: privatePackage.hpkePrivateKey },
  };
  let privatePath = leafKey;
  if (secrets.pathSecret !== undefined) {
    const ancestor = firstCommonAncestor(tree, leaf, toLeafIndex(info.signer));
    const path = await pathToRoot(tree, ancestor, secrets.pathSecret, cs.kdf);
    privatePath = mergePrivateKeyPaths(
      await toPrivateKeyPath(path, leaf, cs),
      leafKey,
    ) as typeof leafKey;
  }
  const [keySchedule, encryptionSecret] = await deriveKeySchedule(
    joinerSecret,
    noPsk,
    groupContext,
    cs.kdf,
  );
  const secretTree = await createSecretTree(leafWidth(tree.length), encryptionSecret, cs.kdf);
  for (const spent of [joinerSecret, encryptionSecret]) spent.fill(0);
  return {
    groupContext,
    ratchetTree: tree,
    privatePath,
    signaturePrivateKey: privatePackage.signaturePrivateKey,
    confirmationTag: info.confirmationTag,
    unappliedProposals: {},
    keySchedule,
    secretTree,
    historicalReceiverData: new Map(),
    groupActiveState: { kind: "active" },
    clientConfig: config,
  };
}

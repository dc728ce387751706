/**
 * GroupInfo with external_pub and ratchet_tree, as RFC 9420 section 12.4.3 says.
 *
 * ts-mls writes external_pub without the length prefix of HPKEPublicKey and reads it so. We write
 * and read the RFC's form, which OpenMLS agrees with.
 */
import type { CiphersuiteImpl, ClientState, GroupInfo, RatchetTree } from "ts-mls";
import { encode } from "ts-mls/codec/tlsEncoder.js";
import { decodeVarLenData, varLenDataEncoder } from "ts-mls/codec/variableLength.js";
import { createGroupInfo } from "ts-mls/createCommit.js";
import { ratchetTreeFromExtension } from "ts-mls/groupInfo.js";
import { ratchetTreeEncoder } from "ts-mls/ratchetTree.js";
import { CheckRefused } from "../check-failed.ts";

export async function groupInfoOf(state: ClientState, cs: CiphersuiteImpl): Promise<GroupInfo> {
  const external = await cs.hpke.deriveKeyPair(state.keySchedule.externalSecret);
  const externalPub = await cs.hpke.exportPublicKey(external.publicKey);
  return createGroupInfo(
    state.groupContext,
    state.confirmationTag,
    state,
    [
      { extensionType: "external_pub", extensionData: encode(varLenDataEncoder)(externalPub) },
      {
        extensionType: "ratchet_tree",
        extensionData: encode(ratchetTreeEncoder)(state.ratchetTree),
      },
    ],
    cs,
  );
}

export function treeIn(groupInfo: GroupInfo): RatchetTree {
  let tree: RatchetTree | undefined;
  try {
    tree = ratchetTreeFromExtension(groupInfo);
  } catch (error) {
    throw new CheckRefused("malformed", "ratchet tree cannot be read", null, error);
  }
  if (tree === undefined) throw new CheckRefused("malformed", "group info lacks the ratchet tree");
  return tree;
}

/** The HPKE key in external_pub, whose extension is the RFC's `opaque HPKEPublicKey<V>`. */
export function externalPubIn(groupInfo: GroupInfo): Uint8Array {
  const extension = groupInfo.extensions.find((e) => e.extensionType === "external_pub");
  if (extension === undefined) throw new CheckRefused("malformed", "group info lacks external_pub");
  try {
    const [key, length] = decodeVarLenData(extension.extensionData, 0) ?? [new Uint8Array(), -1];
    if (length !== extension.extensionData.length) throw new Error("length prefix does not fit");
    return key;
  } catch (error) {
    throw new CheckRefused("malformed", "external_pub cannot be read", null, error);
  }
}

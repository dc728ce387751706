/**
 * Rule 2. ts-mls lets a client join twice with one signature key, after which nobody can join or
 * commit. We refuse a second leaf of a client and a second use of any key.
 */
import { toHex } from "../../octets.ts";
import { CheckRefused } from "../../check-failed.ts";
import { identify } from "../credential.ts";
import type { Leaf } from "../tree.ts";

type Keys = Pick<Leaf["node"], "credential" | "signaturePublicKey" | "hpkePublicKey">;

/** Refuse if any two of these leaves share a client, a signature key or an encryption key. */
export function requireDistinct(leaves: Iterable<Keys>): void {
  const clients = new Set<string>();
  const signatureKeys = new Set<string>();
  const encryptionKeys = new Set<string>();
  const once = (set: Set<string>, key: string, what: string): void => {
    if (set.has(key)) throw new CheckRefused("rule_violated", `${what} is there twice`, 2);
    set.add(key);
  };
  for (const leaf of leaves) {
    const identity = identify(leaf.credential);
    once(clients, `${identity.personId} ${identity.clientId}`, "a client");
    once(signatureKeys, toHex(leaf.signaturePublicKey), "a signature key");
    once(encryptionKeys, toHex(leaf.hpkePublicKey), "an encryption key");
  }
}

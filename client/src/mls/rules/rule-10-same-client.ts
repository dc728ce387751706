/**
 * Rule 10. ts-mls finds "the same client" by signature key. We go by the identity in the
 * certificate: a renewed certificate or a new key is still the same client, another client with a
 * copied key is not.
 */
import type { KeyPackageEqualityConfig } from "ts-mls";
import { identify, sameClient } from "../credential.ts";

export const SAME_CLIENT: KeyPackageEqualityConfig = {
  compareKeyPackages(a, b) {
    return sameClient(identify(a.leafNode.credential), identify(b.leafNode.credential));
  },
  compareKeyPackageToLeafNode(a, b) {
    return sameClient(identify(a.leafNode.credential), identify(b.credential));
  },
};

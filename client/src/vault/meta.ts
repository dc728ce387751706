/** Rows of the vault's store `meta`: single values of this device. */
import type { Change } from "./vault.ts";

export const META = "meta";

export function putMeta(key: string, value: unknown): Change {
  return { op: "put", store: META, key, value };
}

export function deleteMeta(key: string): Change {
  return { op: "delete", store: META, key };
}

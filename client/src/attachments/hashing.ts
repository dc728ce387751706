/** The hash of a file, read piece by piece: a file may be larger than memory. */
import { sha256 } from "@noble/hashes/sha2.js";
import { toHex } from "../octets.ts";

/** Hex of its SHA-256. `onBytes`: of each piece, awaited. */
export async function hashOf(
  file: Blob,
  onBytes?: (bytes: number) => void | Promise<void>,
): Promise<string> {
  const reader = file.stream().getReader();
  const digest = sha256.create();
  for (;;) {
    const { done, value } = await reader.read();
    if (done) return toHex(digest.digest());
    digest.update(value);
    await onBytes?.(value.length);
  }
}

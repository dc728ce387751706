/** The hash of a file, read piece by piece: a file may be larger than memory. */
import { sha256 } from "@noble/hashes/sha2.js";
import { toHex } from "../octets.ts";

/** Hex of its SHA-256. */
export async function hashOf(file: Blob): Promise<string> {
  const reader = file.stream().getReader();
  const digest = sha256.create();
  for (;;) {
    const { done, value } = await reader.read();
    if (done) return toHex(digest.digest());
    digest.update(value);
  }
}

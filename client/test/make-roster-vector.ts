/**
 * Makes spec/roster_head.json: two heads of one conversation, the second with an uneven tree, that
 * Python and TypeScript both read. Run: npx tsx client/test/make-roster-vector.ts
 */
import { writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { ed25519 } from "@noble/curves/ed25519.js";
import { sha256 } from "@noble/hashes/sha2.js";
import { concat, toHex, utf8 } from "../src/octets.ts";
import { NO_HEAD, encodeUnsignedHead, headMessage } from "../src/roster/head.ts";
import { merkleRoot } from "../src/roster/merkle.ts";
import { leafBytes } from "../src/roster/roster-copy.ts";

const privateKey = sha256(utf8("roster authority of the vector"));
const conversationId = toHex(sha256(utf8("conversation of the vector"))).slice(0, 32);
const cells = ["first cell", "second cell"].map((name) => toHex(sha256(utf8(name))).slice(0, 32));

function leaf(cell: number, certificate: string): { cellId: string; certificateHash: string } {
  return { cellId: cells[cell] as string, certificateHash: toHex(sha256(utf8(certificate))) };
}

function head(
  leaves: readonly ReturnType<typeof leaf>[],
  epoch: number,
  prev: string,
  createdMs: number,
): { head: string; hash: string; root: string } {
  const sorted = leaves.map((one) => one.cellId + one.certificateHash).sort();
  const root = toHex(merkleRoot(sorted.map((key) => leafBytes(key.slice(0, 32), key.slice(32)))));
  const unsigned = encodeUnsignedHead({
    conversationId,
    epoch,
    prev,
    leaves: sorted.length,
    root,
    createdMs,
  });
  const bytes = concat(unsigned, ed25519.sign(headMessage(unsigned), privateKey));
  return { head: toHex(bytes), hash: toHex(sha256(bytes)), root };
}

const first = [leaf(0, "asha"), leaf(0, "ravi")];
const second = [
  leaf(0, "asha"),
  leaf(0, "meena"),
  leaf(0, "imran"),
  leaf(1, "john"),
  leaf(1, "sita"),
];
const one = head(first, 1, NO_HEAD, 1_764_000_000_000);
const two = head(second, 2, one.hash, 1_764_000_060_123);
const vector = {
  made: "npx tsx client/test/make-roster-vector.ts",
  conversationId,
  authority: { privateKey: toHex(privateKey), publicKey: toHex(ed25519.getPublicKey(privateKey)) },
  emptyRoot: toHex(merkleRoot([])),
  heads: [
    { epoch: 1, createdMs: 1_764_000_000_000, leaves: first, ...one },
    { epoch: 2, createdMs: 1_764_000_060_123, leaves: second, ...two },
  ],
};
const file = fileURLToPath(new URL("../../spec/roster_head.json", import.meta.url));
writeFileSync(file, `${JSON.stringify(vector, null, 2)}\n`);

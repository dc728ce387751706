/**
 * Makes spec/cells.json: for each KEM two messages of one sender to three cells, the second resealed
 * for one cell that went stale, with every seed, key and ephemeral, so that Python and TypeScript
 * make and read the same bytes. Run: npx tsx client/test/make-cell-vector.ts
 */
import { writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { X25519, XWING } from "../src/cells/format.ts";
import { encodeSeal, encodeSignedHeader } from "../src/cells/message.ts";
import { encodeRecord } from "../src/cells/record.ts";
import type { SealedMessage } from "../src/cells/seal.ts";
import { SenderChain } from "../src/cells/sender.ts";
import { toHex } from "../src/octets.ts";
import { CellTown, SENT_MS, fixedRandomness, type TestCell } from "./cell-messages.ts";

function cellVector({ cellId, seed, record }: TestCell): Record<string, string | number> {
  return {
    cellId,
    epoch: record.epoch,
    seed: toHex(seed),
    keyId: record.keyId,
    record: toHex(encodeRecord(record)),
  };
}

async function vector(kem: typeof X25519 | typeof XWING): Promise<object> {
  const town = await CellTown.found(kem);
  const chain = SenderChain.first(town.conversationId);
  const messages: object[] = [];
  const add = (plaintext: string, message: SealedMessage, name: string): void => {
    const randomness = fixedRandomness(name, kem);
    messages.push({
      plaintext,
      messageId: message.header.messageId,
      key: toHex(chain.state.pending?.key ?? new Uint8Array()),
      header: toHex(encodeSignedHeader(message.header)),
      headerHash: message.header.hash,
      body: toHex(message.body),
      seals: message.seals.map((seal) => ({
        cellId: seal.cellId,
        ephemeral: toHex(randomness.ephemeral(seal.cellId) ?? new Uint8Array()),
        bytes: toHex(encodeSeal(seal)),
      })),
    });
  };
  const first = await chain.seal(town.draft("first"), town.sign, {
    randomness: fixedRandomness("first", kem),
  });
  add("first", first, "first");
  chain.accepted(first.header.hash);
  const randomness = fixedRandomness("second", kem);
  const second = await chain.seal(town.draft("second"), town.sign, { randomness });
  add("second", second, "second");
  const stale = await town.cell("cell 1", 5);
  const change = { records: [stale.record], without: [], roster: town.roster };
  add("second", await chain.reseal(change, town.sign, { randomness }), "second");
  return {
    kem,
    sentMs: SENT_MS,
    conversationId: town.conversationId,
    sender: town.sender,
    privateKey: toHex(town.privateKey),
    publicKey: toHex(town.publicKey),
    roster: town.roster,
    cells: [...town.cells, stale].map(cellVector),
    messages,
  };
}

const file = fileURLToPath(new URL("../../spec/cells.json", import.meta.url));
const whole = {
  made: "npx tsx client/test/make-cell-vector.ts",
  suites: [await vector(X25519), await vector(XWING)],
};
writeFileSync(file, `${JSON.stringify(whole, null, 2)}\n`);

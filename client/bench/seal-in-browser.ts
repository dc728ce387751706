/**
 * Sealing in a browser, over the cell key records of a real conversation: bundled and put into a
 * page by `bench fanout` (Python). Everything that a send does between the plaintext and the bytes
 * to upload, without the vault and the network.
 */
import { ed25519 } from "@noble/curves/ed25519.js";
import { encodeSeal, encodeSignedHeader } from "../src/cells/message.ts";
import { parseRecord } from "../src/cells/record.ts";
import { SenderChain } from "../src/cells/sender.ts";
import { concat, fromHex, randomBytes, toHex, utf8 } from "../src/octets.ts";

interface Sealing {
  readonly ms: readonly number[];
  readonly bytes: number;
}

async function sealing(
  recordsHex: readonly string[],
  text: string,
  runs: number,
): Promise<Sealing> {
  const records = recordsHex.map((hex) => parseRecord(fromHex(hex)));
  const [first] = records;
  if (first === undefined) throw new Error("no records");
  const key = ed25519.utils.randomSecretKey();
  const sign = (message: Uint8Array): Promise<Uint8Array> =>
    Promise.resolve(ed25519.sign(message, key));
  const chain = SenderChain.first(first.conversationId);
  const ms: number[] = [];
  let bytes = 0;
  for (let run = 0; run < runs; run++) {
    const began = performance.now();
    const { header, body, seals } = await chain.seal(
      {
        kem: first.kem,
        sender: toHex(randomBytes(32)),
        sentMs: Date.now(),
        plaintext: utf8(text),
        records,
        roster: { epoch: 1, hash: toHex(randomBytes(32)) },
      },
      sign,
    );
    const upload = concat(encodeSignedHeader(header), body, ...seals.map(encodeSeal));
    ms.push(performance.now() - began);
    bytes = upload.length;
    chain.accepted(header.hash);
  }
  return { ms, bytes };
}

Object.assign(globalThis, { sealing });

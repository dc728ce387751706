/**
 * An exported case, verified without a device (`copconnect reports verify`): by the file and the department's
 * issuing CAs alone (F1).
 */
import { Refused } from "../keys/format/refused.ts";
import {
  encodeProof,
  judgeProof,
  parseProof,
  type Proof,
  type ReportPlace,
} from "../keys/proof.ts";
import { readCertificate } from "../keys/trust/device-certificate.ts";
import { fromBase64, fromHex, toBase64, toHex } from "../octets.ts";
import type { PersonId } from "../ids.ts";
import { FORMAT } from "./exporting.ts";

/** Returns what holds, as JSON; `failed` says why the whole does not. */
export async function verifyCase(
  file: Uint8Array,
  issuingKeys: readonly Uint8Array[],
): Promise<string> {
  try {
    const { place, proof, certificates } = read(file);
    const keys = new Map<string, Uint8Array>();
    for (const der of certificates)
      try {
        const { person, device, publicKey } = await readCertificate(der, issuingKeys);
        keys.set(`${person} ${device}`, publicKey);
      } catch (error) {
        // The message of that device then fails.
        if (!(error instanceof Refused)) throw error;
      }
    const judged = await judgeProof(proof, place, (person, device) =>
      Promise.resolve(keys.get(`${person} ${device}`) ?? null),
    );
    const messages = judged.map(({ messageId, personId, device, sentMs, plaintext, failed }) => ({
      ...{ message: messageId, person: personId, device, sent_ms: sentMs, failed },
      content: plaintext === null ? null : toBase64(plaintext),
    }));
    return JSON.stringify({ report: toHex(place.report), messages, failed: null });
  } catch (error) {
    if (!(error instanceof Refused)) throw error;
    return JSON.stringify({ report: null, messages: [], failed: error.message });
  }
}

interface Read {
  readonly place: ReportPlace;
  readonly proof: Proof;
  readonly certificates: readonly Uint8Array[];
}

function read(bytes: Uint8Array): Read {
  try {
    const text = new TextDecoder("utf-8", { fatal: true }).decode(bytes);
    const file = JSON.parse(text) as Record<string, string> & {
      readonly messages: readonly Record<"person" | "key" | "message" | "certificate", string>[];
    };
    if (file["format"] !== FORMAT) throw new RangeError("another format");
    const field = (name: string): Uint8Array => fromHex(file[name] as string);
    const items = file.messages.map(({ person, key, message }) => ({
      ...{ person: person as PersonId, k: fromBase64(key), message: fromBase64(message) },
    }));
    return {
      place: {
        ...{ report: field("report"), conversation: field("conversation") },
        ...{ messageId: field("message"), headerHash: field("headerHash") },
      },
      // Its bytes are judged as those of a report.
      proof: parseProof(encodeProof({ clause: 1, words: "", items })),
      certificates: file.messages.map(({ certificate }) => fromBase64(certificate)),
    };
  } catch (error) {
    throw error instanceof Refused ? error : new Refused("F1", "no exported case", null, error);
  }
}

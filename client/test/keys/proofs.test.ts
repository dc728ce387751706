import { readFileSync } from "node:fs";
import { expect, it } from "vitest";
import { DeviceKeyFormat, sealKeyIdBytes } from "#core/keys/device-key.ts";
import { Refused } from "#core/keys/format/refused.ts";
import type { Kem } from "#core/keys/hpke.ts";
import {
  APPEAL,
  REPORT,
  appealPlace,
  encodeProof,
  judgeProof,
  parseProof,
  reportPlace,
  type ReportPlace,
  type SenderKey,
} from "#core/keys/proof.ts";
import {
  addSeal,
  openBody,
  openEnvelope,
  openSeal,
  parseEnvelope,
  sealEnvelope,
} from "#core/keys/sealed-envelope.ts";
import { fromHex, toHex } from "#core/octets.ts";

interface Where {
  readonly report: string;
  readonly conversation: string;
  readonly message_id: string;
  readonly header_hash: string;
}

interface Golden {
  readonly place: Where;
  readonly clause: number;
  readonly words: string;
  readonly person: string;
  readonly texts: readonly string[];
  readonly senders: readonly { person: string; device: string; public_key: string }[];
  readonly proof: string;
  readonly attacks: readonly {
    readonly name: string;
    readonly proof: string;
    readonly place: Where;
    readonly failed: readonly boolean[] | null;
  }[];
  readonly envelopes: readonly {
    readonly kem: Kem;
    readonly readers: readonly { device_key: string; private_key: string }[];
    readonly report: string;
    readonly appeal: string;
    readonly secret: string;
    readonly added: readonly {
      kem: Kem;
      key_id: string;
      seal: string;
      device_key: string;
      private_key: string;
    }[];
  }[];
}

const file = new URL("../../../spec/keys/reports.json", import.meta.url);
const golden = JSON.parse(readFileSync(file, "utf8")) as Golden;

function placeOf(where: Where): ReportPlace {
  return {
    report: fromHex(where.report),
    conversation: fromHex(where.conversation),
    messageId: fromHex(where.message_id),
    headerHash: fromHex(where.header_hash),
  };
}

const keyOf: SenderKey = (personId, device) => {
  const found = golden.senders.find((one) => one.person === personId && one.device === device);
  return Promise.resolve(found === undefined ? null : fromHex(found.public_key));
};

it.each(golden.attacks)("F1 $name", async ({ proof, place, failed }) => {
  const judge = async () => judgeProof(parseProof(fromHex(proof)), placeOf(place), keyOf);
  if (failed === null) {
    await expect(judge()).rejects.toThrow(/^F1: /u);
    return;
  }
  const judged = await judge();
  expect(judged.map((one) => one.failed !== null)).toEqual(failed);
  judged.forEach(({ plaintext, failed: reason }, at) => {
    const shown = plaintext === null ? null : new TextDecoder().decode(plaintext);
    if (reason === null) expect(shown).toBe(golden.texts[at]);
    else expect([shown, reason.startsWith("F1: ")]).toEqual([null, true]);
  });
});

it("F1 a proof is its bytes", () => {
  const proof = parseProof(fromHex(golden.proof));
  expect([proof.clause, proof.words]).toEqual([golden.clause, golden.words]);
  expect(toHex(encodeProof(proof))).toBe(golden.proof);
  const { items } = proof;
  for (const wrong of [[], [...items, ...items, ...items]])
    expect(() => encodeProof({ ...proof, items: wrong })).toThrow(RangeError);
});

it.each(golden.envelopes)(
  "F2 opens for each reader and for one report: KEM $kem",
  async (given) => {
    const place = placeOf(golden.place);
    const report = parseEnvelope(REPORT, fromHex(given.report));
    const appeal = parseEnvelope(APPEAL, fromHex(given.appeal));
    const appeals = appealPlace(place.report, fromHex(golden.person));
    for (const { device_key, private_key } of given.readers) {
      const keyId = sealKeyIdBytes(DeviceKeyFormat.parse(fromHex(device_key)));
      const opener = { kem: given.kem, keyId, privateKey: fromHex(private_key) };
      const opened = await openEnvelope(REPORT, report, reportPlace(place), opener);
      expect(toHex(opened)).toBe(golden.proof);
      const said = await openEnvelope(APPEAL, appeal, appeals, opener);
      expect(new TextDecoder().decode(said)).toBe(golden.words);
      const elsewhere = [
        { ...place, report: new Uint8Array(16) },
        { ...place, conversation: new Uint8Array(16) },
        { ...place, messageId: new Uint8Array(16) },
        { ...place, headerHash: new Uint8Array(32) },
      ];
      for (const other of elsewhere)
        await expect(openEnvelope(REPORT, report, reportPlace(other), opener)).rejects.toThrow(
          /^F2:/u,
        );
      const broken = [
        { ...report, commit: new Uint8Array(32) },
        { ...report, body: new Uint8Array(report.body.length) },
        { ...report, keyIds: [...report.keyIds].reverse() },
      ];
      for (const wrong of broken)
        await expect(openEnvelope(REPORT, wrong, reportPlace(place), opener)).rejects.toThrow(
          Refused,
        );
    }
    const bytes = fromHex(given.report);
    const malformed = [bytes.subarray(0, -1), bytes.subarray(0, 36), new Uint8Array()];
    for (const wrong of malformed) expect(() => parseEnvelope(REPORT, wrong)).toThrow(/^F2:/u);
  },
);

it.each(golden.envelopes)(
  "F3 opens the same content for a later reader, and no other: KEM $kem",
  async (given) => {
    const place = reportPlace(placeOf(golden.place));
    const report = parseEnvelope(REPORT, fromHex(given.report));
    const secret = fromHex(given.secret);
    for (const { kem, key_id, seal, device_key, private_key } of given.added) {
      const opener = { kem, keyId: fromHex(key_id), privateKey: fromHex(private_key) };
      const open = async (one: Uint8Array) =>
        openBody(REPORT, report, place, await openSeal(REPORT, place, opener, one));
      expect(toHex(await open(fromHex(seal)))).toBe(golden.proof);
      const target = DeviceKeyFormat.parse(fromHex(device_key));
      expect(toHex(await open(await addSeal(REPORT, place, secret, target)))).toBe(golden.proof);
      // A reader who seals another secret, or another case's, shows nobody another content.
      const another = { salt: new Uint8Array(16), bytes: place.bytes.toReversed() };
      const lies = [
        addSeal(REPORT, place, new Uint8Array(32), target),
        addSeal(REPORT, another, secret, target),
        Promise.resolve(fromHex(seal).subarray(1)),
      ];
      for (const lie of lies) await expect(open(await lie)).rejects.toThrow(/^F2:/u);
    }
  },
);

it("F2 an envelope has one to 64 readers", async () => {
  const [{ readers = [] } = {}] = golden.envelopes;
  const [first] = readers;
  if (first === undefined) throw new Error("no reader");
  const key = DeviceKeyFormat.parse(fromHex(first.device_key));
  const place = reportPlace(placeOf(golden.place));
  const seal = (count: number) =>
    sealEnvelope(REPORT, place, new Uint8Array(1), new Array(count).fill(key), new Uint8Array(32));
  await expect(seal(0)).rejects.toThrow(RangeError);
  await expect(seal(65)).rejects.toThrow(RangeError);
});

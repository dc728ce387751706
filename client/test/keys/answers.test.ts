/** Sealed answers to orders: the golden ones of spec/keys, and everything that O2 refuses. */
import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { decode, encode } from "@msgpack/msgpack";
import { describe, expect, it } from "vitest";
import {
  ANSWER_SEALS,
  ANSWER_TEXT_BYTES,
  openAnswer,
  openPhoto,
  parseAnswer,
  parsePhoto,
  sealAnswer,
} from "#core/keys/answer.ts";
import { DeviceKeyFormat, sealKeyId, sealKeyIdBytes } from "#core/keys/device-key.ts";
import type { AttachmentId } from "#core/ids.ts";
import { attachment } from "#core/kinds/fields.ts";
import { readPhoto } from "#core/orders/photos.ts";
import { concat, fromHex, randomBytes, toHex } from "#core/octets.ts";
import { Refused } from "#core/keys/format/refused.ts";

interface Golden {
  readonly place: Readonly<
    Record<"conversation" | "message_id" | "header_hash" | "person", string>
  >;
  readonly answers: readonly {
    readonly text: string;
    readonly readers: readonly { readonly device_key: string; readonly private_key: string }[];
    readonly sealed: string;
    readonly photo: string;
    readonly sealed_photo: string;
  }[];
}

const FILE = fileURLToPath(new URL("../../../spec/keys/answers.json", import.meta.url));
const golden = JSON.parse(readFileSync(FILE, "utf-8")) as Golden;
const place = {
  conversation: fromHex(golden.place.conversation),
  messageId: fromHex(golden.place.message_id),
  headerHash: fromHex(golden.place.header_hash),
  person: fromHex(golden.place.person),
};

function readersOf({ readers }: Golden["answers"][number]) {
  return readers.map((one) => {
    const key = DeviceKeyFormat.parse(fromHex(one.device_key));
    const privateKey = fromHex(one.private_key);
    return { key, opener: { kem: key.kem, keyId: sealKeyIdBytes(key), privateKey } };
  });
}

const refusal = expect.objectContaining({ rule: "O2" }) as unknown as Refused;

describe.each(golden.answers)("O2 an answer", (one) => {
  it("opens for each of its readers, as its writer sealed it elsewhere", async () => {
    const answer = parseAnswer(fromHex(one.sealed));
    const readers = readersOf(one);
    expect([...answer.keyIds].sort()).toEqual(readers.map(({ key }) => sealKeyId(key)).sort());
    for (const { opener } of readers)
      expect(await openAnswer(answer, place, opener)).toBe(one.text);
  });

  it("has beside it a photo that opens in the same way, and is no answer", async () => {
    const photo = parsePhoto(fromHex(one.sealed_photo));
    for (const { opener } of readersOf(one)) {
      const content = await openPhoto(photo, place, opener);
      expect(toHex(content)).toBe(one.photo);
      const pointer = attachment(decode(content));
      expect(readPhoto(content, pointer.id)).toEqual(pointer);
      expect(() => readPhoto(content, "0".repeat(32) as AttachmentId)).toThrow(Refused);
      await expect(openAnswer(photo, place, opener)).rejects.toEqual(refusal);
      for (const change of [{ kind: "video" }, { mime: "text/html" }, { sha256: null }, { key: 1 }])
        expect(() => readPhoto(encode({ ...pointer, ...change }), pointer.id)).toThrow(Refused);
    }
  });

  it("opens for no other order, person or key, and not when it was changed", async () => {
    const bytes = fromHex(one.sealed);
    const answer = parseAnswer(bytes);
    const [reader] = readersOf(one);
    if (reader === undefined) throw new Error("no reader");
    const { opener } = reader;
    for (const name of ["conversation", "messageId", "headerHash", "person"] as const) {
      const other = { ...place, [name]: new Uint8Array(place[name].length) };
      await expect(openAnswer(answer, other, opener)).rejects.toEqual(refusal);
    }
    const stranger = { ...opener, keyId: new Uint8Array(16) };
    await expect(openAnswer(answer, place, stranger)).rejects.toEqual(refusal);
    for (const broken of [
      { ...answer, commit: randomBytes(32) },
      { ...answer, body: randomBytes(272) },
    ])
      await expect(openAnswer(broken, place, opener)).rejects.toEqual(refusal);
    const wrong = [bytes.slice(0, -1), concat(bytes, new Uint8Array(1)), bytes.slice(0, 36)];
    for (const malformed of wrong) expect(() => parseAnswer(malformed)).toThrow(Refused);
  });

  it("is sealed here for the same readers, its length hidden up to 254 bytes", async () => {
    const readers = readersOf(one);
    const targets = readers.map(({ key }) => key);
    const long = "ఆ".repeat(84);
    const [short, longer] = await Promise.all(
      ["", long].map((text) => sealAnswer(place, text, targets, randomBytes(32))),
    );
    expect(short?.length).toBe(longer?.length);
    for (const { opener } of readers)
      expect(await openAnswer(parseAnswer(longer ?? fromHex("")), place, opener)).toBe(long);
    const endless = "a".repeat(ANSWER_TEXT_BYTES + 1);
    await expect(sealAnswer(place, endless, targets, randomBytes(32))).rejects.toThrow(RangeError);
    const crowd = Array.from({ length: ANSWER_SEALS + 1 }, () => targets[0] ?? never());
    await expect(sealAnswer(place, "", crowd, randomBytes(32))).rejects.toThrow(RangeError);
  });
});

function never(): never {
  throw new Error("no reader");
}

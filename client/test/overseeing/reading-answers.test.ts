import { expect, it } from "vitest";
import { attachmentIdOf } from "#core/kinds/fields.ts";
import { newId, type AttachmentId } from "#core/ids.ts";
import { sealedHash } from "#core/keys/acknowledgement.ts";
import { sealAnswer, sealPhoto } from "#core/keys/answer.ts";
import { sealKeyId, sealKeyIdBytes } from "#core/keys/device-key.ts";
import type { SealOpener } from "#core/keys/committed.ts";
import { X25519 } from "#core/keys/hpke.ts";
import type { AttachmentPointer } from "#core/kinds/fields.ts";
import { copy, fromHex, randomBytes } from "#core/octets.ts";
import { answerPlace } from "#core/orders/answers.ts";
import { photoContent } from "#core/orders/photos.ts";
import { readAnswers, type AnswersOptions } from "#core/overseeing/answers.ts";
import type { AttachmentView } from "#core/kinds/parts.ts";
import { openVault } from "../trust/scene.ts";
import { ORDER, Served } from "./served.ts";

it("opens what is sealed to this device, and keeps it when the key is gone", async () => {
  const served = await Served.of(["Asha", "Bilal"]);
  const [asha] = served.officers;
  const { desk, deskSigner } = served.scene;
  const privateKey = new Uint8Array(32).fill(5);
  const target = await desk.key(deskSigner, 5);
  const place = answerPlace(ORDER, fromHex(asha?.personId ?? ""));
  const answer = await sealAnswer(place, "రెండు వాహనాలు కావాలి", [target], new Uint8Array(32).fill(3));
  const right = await served.record(0, { answerHash: sealedHash(answer) });
  // The same bytes in another person's record are sealed for another person.
  const moved = await served.record(1, { answerHash: sealedHash(answer) });
  served.records.push({ ...right, answer }, { ...moved, answer });
  let held = true;
  const options: AnswersOptions = {
    api: served.api,
    vault: await openVault(`answers-${newId()}`),
    ownKeys: {
      opener: (keyId) => {
        expect(keyId).toBe(sealKeyId(target));
        const opener: SealOpener = { kem: X25519, keyId: sealKeyIdBytes(target), privateKey };
        return Promise.resolve(held ? opener : null);
      },
    },
    department: () => served.scene.trust,
    shown: () => Promise.reject(new Error("no photo")),
  };
  const said = async () =>
    (await readAnswers(options, ORDER.orderId, null)).answers.map(({ plate, answer: text }) => [
      plate?.names.en,
      text,
    ]);
  const expected = [
    ["Asha", "రెండు వాహనాలు కావాలి"],
    ["Bilal", null],
  ];
  expect(await said()).toEqual(expected);
  held = false;
  expect(await said()).toEqual(expected);
});

it("shows photos that are sealed to this device, each in its person's record alone", async () => {
  const served = await Served.of(["Asha", "Bilal"]);
  const [asha, bilal] = served.officers;
  const { desk, deskSigner } = served.scene;
  const privateKey = new Uint8Array(32).fill(5);
  const target = await desk.key(deskSigner, 5);
  const opener: SealOpener = { kem: X25519, keyId: sealKeyIdBytes(target), privateKey };
  const key = randomBytes(32);
  const pointer: AttachmentPointer = {
    ...{ id: attachmentIdOf(key, 70_000), kind: "image", name: "photo", mime: "image/jpeg", key },
    ...{ size: 70_000, width: 900, height: 1_200, durationMs: null, thumb: null, waveform: null },
    sha256: randomBytes(32),
  };
  const sealed = async (person: string | undefined, content = photoContent(pointer)) =>
    sealPhoto(answerPlace(ORDER, fromHex(person ?? "")), content, [target], randomBytes(32));
  const vault = await openVault(`photos-${newId()}`);
  const shown: AttachmentPointer[] = [];
  const options = {
    ...{ api: served.api, vault, department: () => served.scene.trust },
    ownKeys: { opener: (): Promise<SealOpener | null> => Promise.resolve(opener) },
    shown: (one: AttachmentPointer) => {
      shown.push(one);
      return Promise.resolve({ attachmentId: one.id } as AttachmentView);
    },
  };
  const read = async (bytes: Uint8Array, attachmentId = pointer.id, at = 0) => {
    served.records.splice(0);
    const record = await served.record(at, { photoHash: sealedHash(bytes) });
    served.records.push({ ...record, photo: { sealed: copy(bytes), attachmentId } });
    const { answers } = await readAnswers(options, ORDER.orderId, null);
    expect(answers.map(({ closed }) => closed)).toEqual(answers[0]?.photo ? [[]] : [["photo"]]);
    return answers.map(({ photo }) => photo?.attachmentId ?? null);
  };
  const photo = await sealed(asha?.personId);
  expect(await read(photo)).toEqual([pointer.id]);
  expect(shown).toEqual([pointer]);
  // It is kept here for later, when this device has renewed its key.
  options.ownKeys.opener = () => Promise.resolve(null);
  expect(await read(photo)).toEqual([pointer.id]);
  options.ownKeys.opener = () => Promise.resolve(opener);
  // Asha's sealed photo in Bilal's record; another attachment than the server has; no picture.
  expect(await read(photo, pointer.id, 1)).toEqual([null]);
  const foreign = newId<AttachmentId>();
  expect(await read(await sealed(asha?.personId), foreign)).toEqual([null]);
  const video = photoContent({ ...pointer, kind: "video" });
  expect(await read(await sealed(asha?.personId, video))).toEqual([null]);
  const own = photoContent({ ...pointer, sha256: null });
  expect(await read(await sealed(bilal?.personId, own), pointer.id, 1)).toEqual([null]);
  // Bytes that are no MessagePack; a name that the decoder refuses; arrays that announce gigabytes.
  const bomb = Uint8Array.from({ length: 500 }, (_, at) => (at % 5 === 0 ? 0xdd : 0xff));
  const proto = Uint8Array.from([0x81, 0xa9, ...new TextEncoder().encode("__proto__"), 0x80]);
  for (const bytes of [Uint8Array.from([0xc1]), proto, bomb])
    expect(await read(await sealed(bilal?.personId, bytes), pointer.id, 1)).toEqual([null]);
});

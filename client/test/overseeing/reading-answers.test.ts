import { expect, it } from "vitest";
import { newId } from "#core/ids.ts";
import { answerHash } from "#core/keys/acknowledgement.ts";
import { sealAnswer } from "#core/keys/answer.ts";
import { sealKeyId, sealKeyIdBytes } from "#core/keys/device-key.ts";
import type { SealOpener } from "#core/keys/committed.ts";
import { X25519 } from "#core/keys/hpke.ts";
import { answerPlace } from "#core/orders/answers.ts";
import { readAnswers, type AnswersOptions } from "#core/overseeing/answers.ts";
import { openVault } from "../trust/scene.ts";
import { ORDER, Served } from "./served.ts";

it("opens what is sealed to this device, and keeps it when the key is gone", async () => {
  const served = await Served.of(["Asha", "Bilal"]);
  const [asha] = served.officers;
  const { desk, deskSigner } = served.scene;
  const privateKey = new Uint8Array(32).fill(5);
  const target = await desk.key(deskSigner, 5);
  const place = answerPlace(ORDER, asha?.signers[0]?.deviceBytes ?? new Uint8Array());
  const answer = await sealAnswer(place, "రెండు వాహనాలు కావాలి", [target], new Uint8Array(32).fill(3));
  const right = await served.record(0, { answerHash: answerHash(answer) });
  // The same bytes in another person's record are sealed for another device.
  const moved = await served.record(1, { answerHash: answerHash(answer) });
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

/** F3: to whom a moderator's device seals a proof that it opened, whatever the server asks for. */
import { readFileSync } from "node:fs";
import { expect, it } from "vitest";
import type { DeviceContext } from "../context.ts";
import { idOf, type DeviceId, type PersonId, type ReportId } from "../ids.ts";
import type { SealOpener } from "../keys/committed.ts";
import { DeviceKeyFormat } from "../keys/device-key.ts";
import { Refused } from "../keys/format/refused.ts";
import { XWING, type Kem } from "../keys/hpke.ts";
import { APPEAL, REPORT, appealPlace, reportPlace } from "../keys/proof.ts";
import { openBody, openSeal, parseEnvelope, sealEnvelope } from "../keys/sealed-envelope.ts";
import { fromHex, toHex } from "../octets.ts";
import type { Case, SubmitSeals } from "../wire.ts";
import { keptKey, placeOf } from "./judging.ts";
import type { OpenedRecord } from "./record.ts";
import { Resealing } from "./resealing.ts";

interface Golden {
  readonly place: Readonly<Record<string, string>>;
  readonly proof: string;
  readonly attacks: readonly { name: string; proof: string }[];
  readonly senders: readonly { person: PersonId; device: DeviceId; public_key: string }[];
  readonly envelopes: readonly {
    readonly kem: Kem;
    readonly report: string;
    readonly secret: string;
    readonly added: readonly { kem: Kem; device_key: string; private_key: string }[];
  }[];
}

const file = new URL("../../../spec/keys/reports.json", import.meta.url);
const golden = JSON.parse(readFileSync(file, "utf8")) as Golden;
const envelope = golden.envelopes.find(({ kem }) => kem === XWING);
const later = envelope?.added.find(({ kem }) => kem === XWING);
const target = DeviceKeyFormat.parse(fromHex(later?.device_key ?? ""));
const { place: at } = golden;
const [CASE, MODERATOR] = [idOf<ReportId>(fromHex(at["report"] ?? "")), "b".repeat(32) as PersonId];
const [DEVICE, UNIT] = ["d".repeat(64) as DeviceId, "TG/HYD/PS1"];
const REPORTED = golden.senders[0]?.person;
const given = {
  ...{ reportId: CASE, conversationId: at["conversation"], messageId: at["message_id"] },
  ...{ headerHash: fromHex(at["header_hash"] ?? ""), reportedId: REPORTED },
} as unknown as Case;

/** A server that asks to seal for `asked`; what this device believes of people. */
async function seals(
  more: {
    asked?: PersonId | undefined;
    granted?: string | null;
    confirmed?: "admin" | "root_admin" | "no";
    proof?: string;
    /** The appeal's envelope, for an appeal. */
    appeal?: Uint8Array;
  } = {},
): Promise<SubmitSeals["seals"]> {
  const { asked = MODERATOR, granted = UNIT, confirmed = "admin", proof = golden.proof } = more;
  const posted: SubmitSeals["seals"][number][] = [];
  const opened: OpenedRecord = {
    ...{ id: CASE, sealedHash: new Uint8Array(32), content: fromHex(proof) },
    secret: fromHex(envelope?.secret ?? ""),
  };
  const context = {
    api: {
      case: () => Promise.resolve({ appeal: { sealed: more.appeal } }),
      wantingCases: () =>
        Promise.resolve({
          cases: [{ reportId: CASE, devices: [{ personId: asked, device: fromHex(DEVICE) }] }],
          next: null,
        }),
      addSeals: (_: ReportId, body: SubmitSeals) => {
        expect(body.envelope).toBe(more.appeal === undefined ? "report" : "appeal");
        return Promise.resolve(posted.push(...body.seals));
      },
    },
    vault: {
      get: (_: string, key: string) =>
        Promise.resolve(
          key === keptKey(more.appeal === undefined ? REPORT : APPEAL, CASE) ? opened : null,
        ),
    },
    time: { anchor: () => Promise.resolve(), requireNow: () => 1 },
    trust: {
      ensure: () => Promise.resolve(),
      certificateOf: (_: PersonId, device: DeviceId) => {
        const found = golden.senders.find((one) => one.device === device);
        return Promise.resolve(
          found === undefined ? null : { publicKey: fromHex(found.public_key) },
        );
      },
      card: (person: PersonId) => Promise.resolve(person === REPORTED ? { path: UNIT } : null),
      judge: {
        isGranted: (person: PersonId, path: string) => person === asked && path === granted,
      },
      devicesOf: () => Promise.resolve([DEVICE]),
      verdict: () => Promise.resolve({ confirmed }),
      deviceKey: (_person: PersonId, _device: DeviceId, kem: Kem) =>
        kem === XWING ? Promise.resolve(target) : Promise.reject(new Refused("S3", "none")),
      department: { lowestKem: XWING },
    },
  } as unknown as DeviceContext;
  await new Resealing(context).run(more.appeal === undefined ? [given] : [], [given]);
  return posted;
}

it("seals the same secret to a moderator whose grant over the sender's unit it verified", async () => {
  const [seal, ...rest] = await seals();
  expect(rest).toEqual([]);
  const place = reportPlace(placeOf(given));
  const opener: SealOpener = {
    ...{ kem: XWING, keyId: seal?.keyId ?? new Uint8Array() },
    privateKey: fromHex(later?.private_key ?? ""),
  };
  const secret = await openSeal(REPORT, place, opener, seal?.seal ?? new Uint8Array());
  const report = parseEnvelope(REPORT, fromHex(envelope?.report ?? ""));
  expect(toHex(await openBody(REPORT, report, place, secret))).toBe(golden.proof);
  expect(await seals({ granted: null, confirmed: "root_admin" })).toHaveLength(1);
});

it("seals to nobody whom the server alone calls a moderator, nor what does not hold", async () => {
  expect(await seals({ granted: null })).toEqual([]);
  expect(await seals({ granted: "TG/HYD/PS2" })).toEqual([]);
  expect(await seals({ confirmed: "no" })).toEqual([]);
  expect(await seals({ asked: REPORTED })).toEqual([]);
  const forged = golden.attacks.find(({ name }) => name === "a body changed")?.proof;
  expect(await seals({ proof: forged ?? "" })).toEqual([]);
});

it("seals an appeal that is the sanctioned person's, and no other", async () => {
  const secret = fromHex(envelope?.secret ?? "");
  const words = new TextEncoder().encode("It was true.");
  const place = appealPlace(fromHex(CASE), fromHex(REPORTED ?? ""));
  const appeal = await sealEnvelope(APPEAL, place, words, [target], secret);
  const [seal] = await seals({ appeal });
  const opener: SealOpener = {
    ...{ kem: XWING, keyId: seal?.keyId ?? new Uint8Array() },
    privateKey: fromHex(later?.private_key ?? ""),
  };
  const opened = await openSeal(APPEAL, place, opener, seal?.seal ?? new Uint8Array());
  expect(opened).toEqual(secret);
  expect(await seals({ appeal, granted: null })).toEqual([]);
  // The server names another person as the one whose appeal it is, over whom its friend moderates.
  const other = appealPlace(fromHex(CASE), fromHex(MODERATOR));
  const named = await sealEnvelope(APPEAL, other, words, [target], secret);
  expect(await seals({ appeal: named })).toEqual([]);
});

/**
 * spec/keys/extra.json: the records that the golden vectors lack, and which devices are confirmed
 * (E0, E4), how and by whom.
 */
import { describe, expect, it } from "vitest";
import {
  AcknowledgementFormat,
  OWN,
  TOLD_IN_PERSON,
  sealedHash,
  checkAcknowledgement,
} from "#core/keys/acknowledgement.ts";
import { DeviceKeyFormat, sealKeyId } from "#core/keys/device-key.ts";
import { publicKeyOf, X25519 } from "#core/keys/hpke.ts";
import { ed25519PublicKey } from "#core/keys/format/ed25519.ts";
import { idOf, type DeviceId, type PersonId } from "#core/ids.ts";
import { Refused } from "#core/keys/format/refused.ts";
import { fromHex, toHex, type Bytes } from "#core/octets.ts";
import { Judge, type How } from "#core/keys/trust/confirmed.ts";
import { DepartmentFormat } from "#core/keys/trust/department.ts";
import { EndorsementFormat } from "#core/keys/trust/endorsement.ts";
import { GrantFormat } from "#core/keys/trust/grant.ts";
import { IncarnationFormat, checkIncarnation } from "#core/keys/trust/incarnation.ts";
import { GuardFormat } from "#core/guard/record.ts";
import { PersonCardFormat } from "#core/keys/trust/person-card.ts";
import { PersonDevicesFormat } from "#core/keys/trust/person-devices.ts";
import { RevocationFormat } from "#core/keys/trust/revocation.ts";
import { TimeFormat, checkTime } from "#core/keys/trust/time.ts";
import { TrustRecords } from "#core/keys/trust/trust-records.ts";
import { at, read } from "./vectors.ts";

interface Entry {
  readonly kind: string;
  readonly record: string;
  readonly hash: string;
  readonly key_id?: string;
  readonly fields: Readonly<Record<string, unknown>>;
}

interface Verdict {
  readonly device: DeviceId;
  readonly at: number;
  readonly how: string | null;
  readonly by: string | null;
}

interface Extra {
  readonly root_key: string;
  readonly issuing_key: string;
  readonly authority_key: string;
  readonly device_key_seed: string;
  readonly devices: Readonly<
    Record<string, { device: DeviceId; certificate: string; signature_seed: string }>
  >;
  readonly records: Readonly<Record<string, Entry>>;
  readonly confirmed: readonly {
    readonly rule: string;
    readonly name: string;
    readonly records: readonly string[];
    readonly verdicts: readonly Verdict[];
  }[];
}

const EXTRA = JSON.parse(read("extra.json")) as Extra;

const FORMATS = {
  Acknowledgement: AcknowledgementFormat,
  Department: DepartmentFormat,
  DeviceKey: DeviceKeyFormat,
  Endorsement: EndorsementFormat,
  Grant: GrantFormat,
  GuardRecord: GuardFormat,
  Incarnation: IncarnationFormat,
  PersonCard: PersonCardFormat,
  PersonDevices: PersonDevicesFormat,
  Revocation: RevocationFormat,
  TimeRecord: TimeFormat,
} as const;

function formatOf(kind: string) {
  const found = Object.entries(FORMATS).find(([name]) => name === kind);
  if (found === undefined) throw new Error(`unknown kind ${kind}`);
  return found[1];
}

/** Names of fields where the two implementations call them differently. */
const NAMES: Readonly<Record<string, string>> = {
  not_after: "notAfter",
  pk: "publicKey",
  lost: "lostAt",
  message: "messageId",
  header: "headerHash",
  text: "textHash",
  answer: "answerHash",
  photo: "photoHash",
  policy_number: "policyNumber",
  pictures_number: "picturesNumber",
  authority_number: "authorityNumber",
  lowest_app: "lowestApp",
  log_size: "logSize",
  log_root: "logRoot",
};

function plain(value: unknown): unknown {
  if (value instanceof Uint8Array) return toHex(value);
  if (Array.isArray(value)) return value.map(plain);
  if (typeof value === "object" && value !== null) return Object.values(value).map(plain);
  return value;
}

const SHOWN: Readonly<Record<How, string>> = {
  root_admin: "root admin",
  own_device: "own device",
  admin: "admin",
  first: "not approved",
};

async function add(records: TrustRecords, { kind, record }: Entry): Promise<unknown> {
  const bytes: Bytes = fromHex(record);
  switch (kind) {
    case "PersonCard":
      return records.addCard(bytes);
    case "PersonDevices":
      return records.addPersonDevices(bytes);
    case "Endorsement":
      return records.addEndorsement(bytes);
    case "Grant":
      return records.addGrant(bytes);
    case "Revocation":
      return records.addRevocation(bytes);
    default:
      throw new Error(`no case has a ${kind}`);
  }
}

async function judgeOf(names: readonly string[], certificatesLast = false): Promise<Judge> {
  const records = new TrustRecords(fromHex(EXTRA.root_key));
  records.addIssuingKey(fromHex(EXTRA.issuing_key));
  const entries = names.map((name) => at(EXTRA.records, name));
  const departments = entries
    .filter(({ kind }) => kind === "Department")
    .sort((a, b) => Number(a.fields["number"]) - Number(b.fields["number"]));
  for (const one of departments) await records.addDepartment(fromHex(one.record));
  const addCertificates = async (): Promise<void> => {
    for (const { certificate } of Object.values(EXTRA.devices))
      await records.addCertificate(fromHex(certificate));
  };
  if (!certificatesLast) await addCertificates();
  for (const one of entries.filter((entry) => !departments.includes(entry)))
    await add(records, one).catch((error: unknown) => {
      // A record that is refused alone is left out.
      if (!(error instanceof Refused)) throw error;
    });
  if (certificatesLast) await addCertificates();
  return new Judge(records);
}

function verdictOf(judge: Judge, { device, at: atMs }: Verdict) {
  try {
    const { how, by } = judge.confirmed(at(EXTRA.devices, device).device as DeviceId, atMs);
    const name = Object.entries(EXTRA.devices).find(([, one]) => one.device === by)?.[0];
    return { how: SHOWN[how], by: name ?? null };
  } catch (error) {
    if (!(error instanceof Refused) || error.rule !== "E0") throw error;
    return { how: null, by: null };
  }
}

describe("extra.json", () => {
  it.each(Object.entries(EXTRA.records))("record %s", (_name, entry) => {
    const format = formatOf(entry.kind);
    const record = format.parse(fromHex(entry.record));
    expect(toHex(record.bytes)).toBe(entry.record);
    expect(toHex(format.encodeUnsigned(record as never))).toBe(entry.record.slice(0, -128));
    expect(toHex(record.hash)).toBe(entry.hash);
    const said = new Map(Object.entries(record).map(([name, value]) => [name, plain(value)]));
    for (const [name, value] of Object.entries(entry.fields)) {
      const own = entry.kind === "Department" && name === "kem" ? "lowestKem" : name;
      expect(said.get(NAMES[own] ?? own), name).toEqual(value);
    }
  });

  it("T1 the time record answers its nonce alone", async () => {
    const record = TimeFormat.parse(fromHex(at(EXTRA.records, "time").record));
    const authority = fromHex(EXTRA.authority_key);
    expect(await checkTime(record, record.nonce, authority)).toBe(record.time);
    await expect(checkTime(record, new Uint8Array(16), authority)).rejects.toThrow(/^T1/u);
    await expect(checkTime(record, record.nonce, fromHex(EXTRA.root_key))).rejects.toThrow(/^T1/u);
  });

  it("S8 an incarnation is the roster authority's", async () => {
    const record = IncarnationFormat.parse(fromHex(at(EXTRA.records, "incarnation").record));
    await checkIncarnation(record, fromHex(EXTRA.authority_key));
    const other = fromHex(EXTRA.root_key);
    await expect(checkIncarnation(record, other)).rejects.toThrow(/^S8/u);
  });

  it("O1 an acknowledgement is of its order, with its answer, by its device", async () => {
    const record = AcknowledgementFormat.parse(
      fromHex(at(EXTRA.records, "acknowledgement of b1 by s1").record),
    );
    const nothing = sealedHash(null);
    const none = { answerHash: nothing, photoHash: nothing };
    const keyOf = (name: string) =>
      ed25519PublicKey(fromHex(at(EXTRA.devices, name).signature_seed));
    const person = idOf<PersonId>(record.person);
    const teller = "0".repeat(32) as PersonId;
    const signer = { person: teller, publicKey: keyOf("s1") };
    const other = { person, publicKey: keyOf("b1") };
    const order = {
      ...record,
      choices: 2,
      items: 3,
      photo: true,
      texts: [record.headerHash, record.textHash],
    };
    await checkAcknowledgement(record, order, none, signer);
    expect(record.told).toBe(TOLD_IN_PERSON);
    const refused = async (...given: Parameters<typeof checkAcknowledgement>) => {
      await expect(checkAcknowledgement(...given)).rejects.toThrow(/^O1/u);
    };
    await refused(record, order, none, { ...signer, publicKey: other.publicKey });
    // Told by its own person, or signed by another.
    await refused(record, order, none, { ...signer, person });
    await refused(record, { ...order, texts: [record.headerHash] }, none, signer);
    for (const name of ["answerHash", "photoHash"] as const)
      await refused(record, order, { ...none, [name]: sealedHash(new Uint8Array(1)) }, signer);
    for (const name of ["conversation", "messageId", "headerHash"] as const)
      await refused(record, { ...order, [name]: new Uint8Array(32) }, none, signer);
    const own = AcknowledgementFormat.parse(
      fromHex(at(EXTRA.records, "acknowledgement b1").record),
    );
    expect([own.told, own.choice, own.done]).toEqual([OWN, 2, 0b101]);
    const seed = fromHex(at(EXTRA.devices, "b1").signature_seed);
    const unreadable = AcknowledgementFormat.parse(
      fromHex(at(EXTRA.records, "acknowledgement unreadable b1").record),
    );
    await checkAcknowledgement(unreadable, order, none, other);
    const toldSo = await AcknowledgementFormat.sign({ ...unreadable, told: TOLD_IN_PERSON }, seed);
    await refused(toldSo, order, none, { ...other, person: teller });
    const chosen = await AcknowledgementFormat.sign({ ...own, ...none }, seed);
    const shown = await AcknowledgementFormat.sign({ ...own, answerHash: nothing }, seed);
    await checkAcknowledgement(shown, order, shown, other);
    await refused(shown, { ...order, photo: false }, shown, other);
    await refused(shown, order, none, other);
    await checkAcknowledgement(chosen, order, none, other);
    await refused(chosen, order, none, { ...other, person: teller });
    await refused(chosen, { ...order, choices: 1 }, none, other);
    await refused(chosen, { ...order, items: 2 }, none, other);
    for (const ticked of [unreadable, record])
      for (const more of [{ done: 1 }, { photoHash: own.photoHash }]) {
        const made = await AcknowledgementFormat.sign({ ...ticked, ...more }, seed);
        const by = ticked === record ? { ...other, person: teller } : other;
        await refused(made, order, made, by);
      }
    await refused(
      await AcknowledgementFormat.sign({ ...chosen, told: 2 }, seed),
      order,
      none,
      other,
    );
    await refused(
      await AcknowledgementFormat.sign({ ...chosen, choice: 7 }, seed),
      { ...order, choices: 9 },
      none,
      other,
    );
  });

  it("the device key, its id and its private key", async () => {
    const entry = at(EXTRA.records, "device key b1");
    const key = DeviceKeyFormat.parse(fromHex(entry.record));
    expect(sealKeyId(key)).toBe(entry.key_id);
    const publicKey = await publicKeyOf(X25519, fromHex(EXTRA.device_key_seed));
    expect(publicKey).toEqual(key.publicKey);
  });

  it.each(EXTRA.confirmed.map((one) => [one.rule, one.name, one] as const))(
    "%s %s",
    async (_rule, _name, { records, verdicts }) => {
      const judge = await judgeOf(records);
      for (const verdict of verdicts) {
        const { how, by } = verdict;
        expect(verdictOf(judge, verdict), JSON.stringify(verdict)).toEqual({ how, by });
        expect(verdictOf(judge, verdict), "remembered").toEqual({ how, by });
      }
    },
  );

  it("what waited for its signer's certificate counts once that is in", async () => {
    for (const { records, verdicts, name } of EXTRA.confirmed) {
      const judge = await judgeOf(records, true);
      for (const verdict of verdicts) {
        const { how, by } = verdict;
        expect(verdictOf(judge, verdict), name).toEqual({ how, by });
      }
    }
  });
});

import { describe, expect, it } from "vitest";
import { equalBytes, toHex } from "#core/octets.ts";
import {
  CellKeyFormat,
  cellOpener,
  makeCellKey,
  openCellKey,
  requireCellSecret,
} from "#core/keys/cell-key.ts";
import { sealInfo } from "#core/keys/committed.ts";
import {
  ConversationKeyFormat,
  conversationKeyId,
  makeConversationKey,
  openConversationKey,
  sealConversationKey,
} from "#core/keys/conversation-key.ts";
import { DeviceKeyFormat, checkDeviceKey, sealKeyId } from "#core/keys/device-key.ts";
import { privateKeyFrom, publicKeyOf } from "#core/keys/hpke.ts";
import { requireSigningKey } from "#core/keys/format/signature.ts";
import {
  KIND_BODY_KEY,
  KIND_CELL_KEY,
  KIND_CONVERSATION_KEY,
  keepMatching,
  makeKeyShare,
  openKeyShare,
  parseKeyShare,
} from "#core/keys/key-share.ts";
import {
  bodyKey,
  nextLogHash,
  openBody,
  parseMessage,
  sealMessage,
  HeaderFormat,
  SIGNED_HEADER_BYTES,
} from "#core/keys/message.ts";
import { directId } from "#core/keys/roster/direct.ts";
import { RosterHeadFormat, checkHead, checkLaterHead } from "#core/keys/roster/head.ts";
import { checkProof } from "#core/keys/roster/proof.ts";
import { HeadStampFormat, checkStamp } from "#core/keys/roster/stamp.ts";
import { DepartmentFormat, checkDepartment } from "#core/keys/trust/department.ts";
import { deviceIdBytes, readCertificate } from "#core/keys/trust/device-certificate.ts";
import { comparedDigits, digitsCommitment } from "#core/keys/trust/digits.ts";
import { EndorsementFormat } from "#core/keys/trust/endorsement.ts";
import { GrantFormat } from "#core/keys/trust/grant.ts";
import { PersonCardFormat, type ScriptTexts } from "#core/keys/trust/person-card.ts";
import { ALL, at, hex, type Vectors } from "./vectors.ts";
import type { DeviceId } from "#core/ids.ts";

const device = (v: Vectors, name: string) => at(v.devices, name);
const seed = (v: Vectors, name: string) => hex(device(v, name).signature_seed);
const opener = (v: Vectors, name: string) => ({
  kem: v.kem,
  keyId: hex(device(v, name).key_id),
  privateKey: hex(device(v, name).key_seed),
});
const certificate = (v: Vectors, name: string) =>
  readCertificate(hex(device(v, name).certificate), [hex(v.issuing_key)]);
const department = (v: Vectors) => DepartmentFormat.parse(hex(v.department));

function pairs(words: ScriptTexts) {
  return words.map(({ script, text }) => [script, text]);
}

describe.each(ALL)("golden records of %s", (_name, v) => {
  it("records parse and encode to the same bytes", () => {
    const formats = [
      [DepartmentFormat, [v.department]],
      [GrantFormat, Object.values(v.grants)],
      [EndorsementFormat, Object.values(v.endorsements)],
      [PersonCardFormat, Object.values(v.people).map(({ card }) => card)],
      [DeviceKeyFormat, Object.values(v.devices).flatMap((one) => one.device_key ?? [])],
      [RosterHeadFormat, Object.values(v.roster).map(({ head }) => head)],
      [HeadStampFormat, Object.values(v.roster).flatMap(({ stamp }) => stamp ?? [])],
      [ConversationKeyFormat, Object.values(v.conversation_keys).map(({ record }) => record)],
      [CellKeyFormat, Object.values(v.cell_keys).map(({ record }) => record)],
      [
        HeaderFormat,
        Object.values(v.messages).map(({ message }) => message.slice(0, 2 * SIGNED_HEADER_BYTES)),
      ],
    ] as const;
    for (const [format, all] of formats) {
      expect(all.length).toBeGreaterThan(0);
      for (const data of all) {
        const record = format.parse(hex(data));
        expect(toHex(record.bytes)).toBe(data);
        expect(toHex(format.encodeUnsigned(record as never))).toBe(data.slice(0, -128));
      }
    }
  });

  it("every other length of a record is refused", () => {
    const data = hex(v.department);
    for (let end = 0; end < data.length; end++)
      expect(() => DepartmentFormat.parse(data.subarray(0, end))).toThrow(/^E0: /u);
  });

  it("the department record is the root's, and only a higher number replaces one", async () => {
    await checkDepartment(department(v), hex(v.root_key), 1);
    await expect(checkDepartment(department(v), hex(v.root_key), 2)).rejects.toThrow(/^E0: /u);
  });

  it("devices: certificate, device id, device key and its id", async () => {
    for (const [name, one] of Object.entries(v.devices)) {
      const found = await certificate(v, name);
      expect(found.device).toBe(one.device);
      expect(found.person).toBe(one.person);
      const id = deviceIdBytes(hex(one.person), hex(one.client), found.publicKey);
      expect(toHex(id)).toBe(one.device);
      requireSigningKey(found.publicKey, "D3");
      if (one.device_key === undefined) continue;
      const key = DeviceKeyFormat.parse(hex(one.device_key));
      await checkDeviceKey(key, found, v.kem, v.now, key);
      expect(sealKeyId(key)).toBe(one.key_id);
      expect(await publicKeyOf(v.kem, hex(one.key_seed))).toEqual(key.publicKey);
      const again = await DeviceKeyFormat.sign(key, seed(v, name));
      expect(toHex(again.bytes)).toBe(one.device_key);
    }
  });

  it("person cards are signed, and say what their story says", async () => {
    for (const { card, fields } of Object.values(v.people)) {
      const found = PersonCardFormat.parse(hex(card));
      await PersonCardFormat.verify(found, department(v).authority);
      const said = {
        ...{ person: toHex(found.person), number: found.number, created: found.created },
        ...{ names: pairs(found.names), rank: pairs(found.rank), post: pairs(found.post) },
        ...{ unit: pairs(found.unit), path: found.path },
      };
      expect(said).toEqual(fields);
    }
  });

  it("E3 digits and their commitment", () => {
    const { a, b, c, endorser, number, new: endorsed } = v.digits;
    expect(toHex(digitsCommitment(hex(a), hex(endorser)))).toBe(c);
    const pair = { a: hex(a), b: hex(b), endorser: hex(endorser), endorsed: hex(endorsed) };
    const rootKey = hex(v.root_key);
    expect(comparedDigits({ ...pair, commitment: hex(c), rootKey })).toBe(number);
  });

  it("R10 the id of a direct conversation", () => {
    const [a, b] = ["A", "B"].map((name) => hex(at(v.people, name).person));
    expect(toHex(directId(a as Uint8Array, b as Uint8Array))).toBe(at(v.direct, "A and B"));
    expect(toHex(directId(b as Uint8Array, a as Uint8Array))).toBe(at(v.direct, "A and B"));
    expect(toHex(directId(a as Uint8Array, a as Uint8Array))).toBe(at(v.direct, "A alone"));
  });

  it("roster: heads follow each other, leaves are proven, stamps are fresh", async () => {
    let before = null;
    for (const [epoch, one] of Object.entries(v.roster)) {
      const head = RosterHeadFormat.parse(hex(one.head));
      await checkHead(head, department(v).authority, hex(v.conversation));
      expect(head.epoch).toBe(Number(epoch));
      expect(toHex(head.hash)).toBe(one.hash);
      if (before !== null) checkLaterHead(before, head);
      before = head;
      expect(head.devices).toBe(Object.keys(one.leaves).length);
      for (const [name, proof] of Object.entries(one.leaves)) {
        const id = device(v, name).device as DeviceId;
        const { leaf } = checkProof(head, id, hex(proof), "R2");
        expect(leaf.person).toBe(device(v, name).person);
      }
      if (one.stamp === undefined) continue;
      const stamp = HeadStampFormat.parse(hex(one.stamp));
      const authority = department(v).authority;
      await checkStamp(stamp, head, authority, stamp.time + 600_000, head.epoch);
    }
  });

  it("conversation keys: id, seals, and the same record made again", async () => {
    for (const [name, one] of Object.entries(v.conversation_keys)) {
      const key = ConversationKeyFormat.parse(hex(one.record));
      expect(conversationKeyId(key)).toBe(one.key_id);
      const [first] = Object.values(one.seals);
      const what = { ...key, purpose: "key" as const, place: key.conversation };
      const info = sealInfo(what, hex(first).subarray(0, 16));
      expect(toHex(info)).toBe(one.seal_info_of_first);
      for (const [to, seal] of Object.entries(one.seals)) {
        const cell = to.startsWith("cell ") ? at(v.cell_keys, to.slice(5)) : null;
        const own =
          cell === null
            ? opener(v, to)
            : cellOpener(CellKeyFormat.parse(hex(cell.record)), hex(cell.secret));
        expect(toHex(await openConversationKey(key, hex(seal), own))).toBe(one.secret);
      }
      const draft = { ...key, secret: hex(one.secret), nowMs: key.created, headCreated: 0 };
      const again = await makeConversationKey(draft, seed(v, name === "1" ? "a" : "c"));
      expect(toHex(again.bytes)).toBe(one.record);
      const target = DeviceKeyFormat.parse(hex(device(v, "b").device_key));
      const sealed = await sealConversationKey(key, hex(one.secret), target);
      expect(toHex(await openConversationKey(key, sealed, opener(v, "b")))).toBe(one.secret);
    }
  });

  it("cell keys: id, key pair, seals, and the same record made again", async () => {
    for (const [name, one] of Object.entries(v.cell_keys)) {
      const key = CellKeyFormat.parse(hex(one.record));
      expect(sealKeyId(key)).toBe(one.key_id);
      expect(toHex(privateKeyFrom(v.kem, hex(one.secret)))).toBe(one.private_key);
      await requireCellSecret(key, hex(one.secret));
      for (const [to, seal] of Object.entries(one.seals))
        expect(toHex(await openCellKey(key, hex(seal), opener(v, to)))).toBe(one.secret);
      const draft = { ...key, secret: hex(one.secret), nowMs: key.created, headCreated: 0 };
      const again = await makeCellKey(draft, seed(v, name === "1" ? "a" : "c"));
      expect(toHex(again.bytes)).toBe(one.record);
    }
  });

  it("messages: k, hash, plaintext, and the same bytes when sealed again", async () => {
    for (const [name, one] of Object.entries(v.messages)) {
      const message = parseMessage(hex(one.message), hex(v.conversation));
      const sender = name === "3" ? "c" : "a";
      await HeaderFormat.verify(message.header, (await certificate(v, sender)).publicKey);
      expect(toHex(message.header.hash)).toBe(one.header_hash);
      const keys = Object.values(v.conversation_keys);
      const secret = hex(keys.find(({ key_id }) => key_id === one.key)?.secret);
      const k = bodyKey(message.header, secret);
      expect(toHex(k)).toBe(one.body_key);
      expect(toHex(await openBody(message, k))).toBe(one.plaintext);
      const draft = message.header;
      const again = await sealMessage(draft, secret, hex(one.plaintext), seed(v, sender));
      expect(toHex(again)).toBe(one.message);
    }
  });

  it("R4 log hashes", () => {
    let log = hex(v.log[0]);
    for (const [position, name] of ["1", "2", "3"].entries()) {
      log = nextLogHash(log, hex(at(v.messages, name).header_hash));
      expect(toHex(log)).toBe(v.log[position + 1]);
    }
  });

  it("H6 a share opens, and each secret matches its commitment", async () => {
    const share = parseKeyShare(v.kem, hex(v.share_to_d));
    expect(toHex(share.bytes)).toBe(v.share_to_d);
    const secrets = await openKeyShare(share, opener(v, "d"));
    const state = parseMessage(hex(at(v.messages, "1").message), hex(v.conversation)).header;
    const records = [
      {
        kind: KIND_CONVERSATION_KEY,
        record: ConversationKeyFormat.parse(hex(at(v.conversation_keys, "2").record)),
      },
      { kind: KIND_CELL_KEY, record: CellKeyFormat.parse(hex(at(v.cell_keys, "2").record)) },
      { kind: KIND_BODY_KEY, record: state },
    ] as const;
    const { kept, refused } = await keepMatching(secrets, records);
    expect(kept.map(({ secret }) => toHex(secret))).toEqual([
      at(v.conversation_keys, "2").secret,
      at(v.cell_keys, "2").secret,
      at(v.messages, "1").body_key,
    ]);
    expect(refused).toEqual([]);
    const target = DeviceKeyFormat.parse(hex(device(v, "d").device_key));
    const made = await makeKeyShare(hex(v.conversation), target, kept);
    const again = await openKeyShare(parseKeyShare(v.kem, made), opener(v, "d"));
    for (const [name, secret] of again)
      expect(equalBytes(secret, secrets.get(name) as Uint8Array)).toBe(true);
  });
});

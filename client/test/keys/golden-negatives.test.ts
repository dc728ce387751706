/** Every negative vector is refused by its rule; and each check accepts what it began from. */
import { describe, expect, it } from "vitest";
import { CellKeyFormat, openCellKey, requireCellSecret } from "#core/keys/cell-key.ts";
import { ConversationKeyFormat, openConversationKey } from "#core/keys/conversation-key.ts";
import { DeviceKeyFormat, checkDeviceKey } from "#core/keys/device-key.ts";
import { ZEROS, hash } from "#core/keys/format/hashing.ts";
import { idOf, type MessageId, type PersonId } from "#core/ids.ts";
import {
  KIND_BODY_KEY,
  KIND_CELL_KEY,
  KIND_CONVERSATION_KEY,
  keepMatching,
  openKeyShare,
  parseKeyShare,
  type Shareable,
} from "#core/keys/key-share.ts";
import { HeaderFormat, SIGNED_HEADER_BYTES, parseMessage } from "#core/keys/message.ts";
import { Refused } from "#core/keys/format/refused.ts";
import { requireShareable } from "#core/keys/share-rules.ts";
import { CELL_KEY_SHARED_MS } from "#core/limits.ts";
import { requireSigningKey } from "#core/keys/format/signature.ts";
import { requireUsableCellKey, requireUsableKey } from "#core/keys/sender-rules.ts";
import { toHex, type Bytes } from "#core/octets.ts";
import { requireDirect } from "#core/keys/roster/direct.ts";
import { RosterHeadFormat, checkHead } from "#core/keys/roster/head.ts";
import { checkProof } from "#core/keys/roster/proof.ts";
import { HeadStampFormat, checkStamp } from "#core/keys/roster/stamp.ts";
import { DepartmentFormat, checkDepartment } from "#core/keys/trust/department.ts";
import { comparedDigits } from "#core/keys/trust/digits.ts";
import { EndorsementFormat } from "#core/keys/trust/endorsement.ts";
import { GoldenConversation, device, deviceId, trustOf } from "./golden-world.ts";
import { ALL, at, hex, type Negative, type Vectors } from "./vectors.ts";

type Case = Partial<Negative>;
type Check = (v: Vectors, data: Bytes, one: Case) => unknown;

const authority = (v: Vectors) => DepartmentFormat.parse(hex(v.department)).authority;
const opener = (v: Vectors, name: string) => ({
  kem: v.kem,
  keyId: hex(device(v, name).key_id),
  privateKey: hex(device(v, name).key_seed),
});
const cellKey = (v: Vectors, name: string) =>
  CellKeyFormat.parse(hex(at(v.cell_keys, name).record));
const state = (v: Vectors) =>
  parseMessage(hex(at(v.messages, "1").message), hex(v.conversation)).header;

async function head(v: Vectors, data = hex(at(v.roster, "3").head)) {
  const found = RosterHeadFormat.parse(data);
  await checkHead(found, authority(v), hex(v.conversation));
  return found;
}

async function sending(v: Vectors) {
  const known = await GoldenConversation.open(v);
  return { known, judge: known.judge, newest: await head(v), nowMs: v.now };
}

async function received(v: Vectors, data: Bytes, one: Case) {
  const known = await GoldenConversation.open(v, one.after ?? "1");
  if (one.record !== undefined) {
    // As a store would hold it: R6 compares it with the conversation.
    const record = ConversationKeyFormat.parse(hex(one.record));
    const key = toHex(hash(hex(one.record)));
    const others = known.record;
    known.record = (id) => (id === key ? record : others(id));
    known.secrets.set(key, hex(at(v.conversation_keys, "2").secret));
  }
  return known.receive(data);
}

function allowed(v: Vectors, one: Shareable): void {
  // The history of d begins too late for C.
  const reader = one.kind === KIND_CELL_KEY ? "c" : "d";
  const proof = hex(at(at(v.roster, "3").leaves, reader));
  const root = RosterHeadFormat.parse(hex(at(v.roster, "3").head));
  const { leaf } = checkProof(root, deviceId(v, reader), proof, "H1");
  requireShareable(one, root, leaf, idOf<MessageId>(state(v).message));
}

const CHECKS: Readonly<Record<string, Check>> = {
  department: (v, data) => checkDepartment(DepartmentFormat.parse(data), hex(v.root_key), 1),
  async grant(v, data) {
    const judge = await trustOf(v, { without: "", grants: { 2: toHex(data) } });
    judge.requireEndorsement(EndorsementFormat.parse(hex(at(v.endorsements, "d"))));
  },
  async endorsement(v, data, { of = "", held = "" }) {
    const judge = await trustOf(v, { without: `d${of}`, held, endorsements: [toHex(data)] });
    judge.requireEndorsement(EndorsementFormat.parse(data));
  },
  async card(v, data) {
    const judge = await trustOf(v, { without: "", cards: { C: toHex(data) } });
    judge.requireEndorsement(EndorsementFormat.parse(hex(at(v.endorsements, "d"))));
  },
  async certificate(v, data) {
    const judge = await trustOf(v, { certificates: { a: toHex(data) } });
    judge.confirmed(deviceId(v, "a"), v.now);
  },
  digits(v, a) {
    const { b, c, endorser, new: endorsed } = v.digits;
    const pair = { b: hex(b), endorser: hex(endorser), endorsed: hex(endorsed) };
    comparedDigits({ ...pair, a, commitment: hex(c), rootKey: hex(v.root_key) });
  },
  direct(v, data, { sender = "" }) {
    const [a, b, from] = ["A", "B", sender].map((name) => at(v.people, name).person as PersonId);
    requireDirect(data, [a as PersonId, b as PersonId], from as PersonId);
  },
  "signing key": (_v, data) => {
    requireSigningKey(data, "D3");
  },
  "roster head": head,
  stamp: async (v, data, { named = 3 }) =>
    checkStamp(HeadStampFormat.parse(data), await head(v), authority(v), v.now, Number(named)),
  proof: async (v, data, one) => {
    const under = one.head === undefined ? await head(v) : await head(v, hex(one.head));
    checkProof(under, deviceId(v, "c"), data, "R2");
  },
  "conversation key": async (v, data, { used = 0 }) =>
    requireUsableKey(ConversationKeyFormat.parse(data), await sending(v), Number(used)),
  seal(v, data) {
    const record = ConversationKeyFormat.parse(hex(at(v.conversation_keys, "1").record));
    return openConversationKey(record, data, opener(v, "a"));
  },
  async "device key"(v, data) {
    const judge = await trustOf(v);
    const { certificate } = judge.confirmed(deviceId(v, "a"), v.now);
    const former = DeviceKeyFormat.parse(hex(device(v, "a").device_key));
    await checkDeviceKey(DeviceKeyFormat.parse(data), certificate, v.kem, v.now, former);
  },
  "cell key": async (v, data) => requireUsableCellKey(CellKeyFormat.parse(data), await sending(v)),
  async "cell secret"(v, data) {
    await requireUsableCellKey(CellKeyFormat.parse(data), await sending(v));
    await requireCellSecret(CellKeyFormat.parse(data), hex(at(v.cell_keys, "1").secret));
  },
  "cell seal": (v, data) => openCellKey(cellKey(v, "1"), data, opener(v, "a")),
  message: received,
  async alarm(v, data, one) {
    const { plaintext, log } = await received(v, data, one);
    expect(toHex(plaintext ?? ZEROS)).toBe(at(v.messages, "2").plaintext);
    if (log === "differs") throw new Refused("R4", "alarm");
  },
  async share(v, data) {
    const secrets = await openKeyShare(parseKeyShare(v.kem, data), opener(v, "d"));
    const records: Shareable[] = [
      ...Object.values(v.conversation_keys).map((one): Shareable => {
        const record = ConversationKeyFormat.parse(hex(one.record));
        return { kind: KIND_CONVERSATION_KEY, record };
      }),
      { kind: KIND_CELL_KEY, record: cellKey(v, "2") },
      { kind: KIND_BODY_KEY, record: state(v) },
    ];
    const [refused] = (await keepMatching(secrets, records)).refused;
    if (refused !== undefined) throw refused;
  },
  "allowed S": (v, data) => {
    allowed(v, { kind: KIND_CONVERSATION_KEY, record: ConversationKeyFormat.parse(data) });
  },
  "allowed C": (v, data) => {
    allowed(v, { kind: KIND_CELL_KEY, record: CellKeyFormat.parse(data) });
  },
  "allowed k": (v, data) => {
    const record = HeaderFormat.parse(data.subarray(0, SIGNED_HEADER_BYTES));
    allowed(v, { kind: KIND_BODY_KEY, record });
  },
};

describe.each(ALL)("golden refusals of %s", (_name, v) => {
  it.each(v.negatives.map((one) => [one.name, one] as const))("%s", async (_name, one) => {
    const check = at(CHECKS, one.check);
    const error = await (async () => check(v, hex(one.data), one))().then(
      () => null,
      (reason: unknown) => reason,
    );
    expect(error).toBeInstanceOf(Refused);
    expect((error as Refused).rule, (error as Refused).message).toBe(one.rule);
  });

  it("every check accepts the golden vector that its cases began from", async () => {
    const roster = at(v.roster, "3");
    const cell = at(v.cell_keys, "1");
    const good: readonly (readonly [string, string, Case])[] = [
      ["department", v.department, {}],
      ...Object.entries(v.endorsements).map(([of, one]) => ["endorsement", one, { of }] as const),
      ["card", at(v.people, "C").card, {}],
      ["certificate", device(v, "a").certificate, {}],
      ["digits", v.digits.a, {}],
      ["direct", at(v.direct, "A and B"), { sender: "B" }],
      ["roster head", roster.head, {}],
      ["stamp", roster.stamp ?? "", {}],
      ["proof", at(roster.leaves, "c"), {}],
      ["conversation key", at(v.conversation_keys, "2").record, {}],
      ["seal", at(at(v.conversation_keys, "1").seals, "a"), {}],
      ["device key", device(v, "a").device_key ?? "", {}],
      ["cell secret", cell.record, {}],
      ["cell seal", at(cell.seals, "a"), {}],
      ["message", at(v.messages, "3").message, { after: "1 2" }],
      ["alarm", at(v.messages, "2").message, { after: "1" }],
      ["share", v.share_to_d, {}],
      ["allowed S", at(v.conversation_keys, "2").record, {}],
      ["allowed C", at(v.cell_keys, "2").record, {}],
      ["allowed k", at(v.messages, "1").message, {}],
    ];
    for (const [name, data, one] of good) await at(CHECKS, name)(v, hex(data), one);
  });

  it("nothing is shared under a head that is older than it (H1)", () => {
    const proof = hex(at(at(v.roster, "3").leaves, "a"));
    const head = RosterHeadFormat.parse(hex(at(v.roster, "3").head));
    const { leaf } = checkProof(head, deviceId(v, "a"), proof, "H1");
    const record = ConversationKeyFormat.parse(hex(at(v.conversation_keys, "2").record));
    const one: Shareable = { kind: KIND_CONVERSATION_KEY, record };
    requireShareable(one, { ...head, epoch: record.epoch }, leaf, null);
    expect(() => {
      requireShareable(one, { ...head, epoch: record.epoch - 1 }, leaf, null);
    }).toThrow("H1");
  });

  it("a cell's key stays in its cell (H3)", () => {
    const proof = hex(at(at(v.roster, "3").leaves, "c"));
    const root = RosterHeadFormat.parse(hex(at(v.roster, "3").head));
    const { leaf } = checkProof(root, deviceId(v, "c"), proof, "H1");
    const one: Shareable = { kind: KIND_CELL_KEY, record: cellKey(v, "2") };
    requireShareable(one, root, leaf, null);
    const elsewhere = { ...leaf, cell: "00".repeat(16) as typeof leaf.cell };
    expect(() => {
      requireShareable(one, root, elsewhere, null);
    }).toThrow("another cell");
    const begins = one.record.created - CELL_KEY_SHARED_MS;
    requireShareable(one, root, { ...leaf, historyFrom: begins }, null);
    expect(() => {
      requireShareable(one, root, { ...leaf, historyFrom: begins + 1 }, null);
    }).toThrow("from before its history begins");
  });
});

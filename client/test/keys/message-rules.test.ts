/** R1 to R10 where the golden vectors say nothing; each test bears its rule. */
import { describe, expect, it, vi } from "vitest";
import { makeConversationKey } from "#core/keys/conversation-key.ts";
import { ZEROS } from "#core/keys/format/hashing.ts";
import { idOf, type KeyId, type MessageId, type PersonId } from "#core/ids.ts";
import {
  bodyKey,
  openBody,
  parseMessage,
  sealMessage,
  type HeaderDraft,
  type Header,
  SIGNED_HEADER_BYTES,
} from "#core/keys/message.ts";
import { MINUTE_MS } from "#core/keys/format/times.ts";
import { toHex, type Bytes } from "#core/octets.ts";
import { directId } from "#core/keys/roster/direct.ts";
import { firstNumber } from "#core/keys/trust/department.ts";
import { GoldenConversation, deviceId, seed } from "./golden-world.ts";
import { ALL, at, hex } from "./vectors.ts";

const [[, v]] = ALL as unknown as readonly [(typeof ALL)[number]];
const message = (name: string) => hex(at(v.messages, name).message);
const header = (name: string) => parseMessage(message(name), hex(v.conversation)).header;
const secretOf = (name: string) => hex(at(v.conversation_keys, name).secret);
const rule = (name: string) => ({ rule: name });

/** A message of a, made from message 2. */
function anew(changes: Partial<HeaderDraft>, secret = secretOf("2")): Promise<Bytes> {
  return sealMessage({ ...header("2"), ...changes }, secret, hex("4869"), seed(v, "a"));
}

/** As many messages of a as asked for, each on the one before. */
async function chain(count: number): Promise<readonly Bytes[]> {
  const made: Bytes[] = [];
  let previous: Header | null = null;
  for (let seq = 1; seq <= count; seq++) {
    const id = new Uint8Array(16).fill(seq);
    const log = { logPosition: 0, logHash: ZEROS };
    const place = { seq, attempt: 1, previous: previous?.hash ?? ZEROS, message: id, ...log };
    const bytes = await anew(place);
    previous = parseMessage(bytes, hex(v.conversation)).header;
    made.push(bytes);
  }
  return made;
}

describe("receiving", () => {
  it("R2 the leaf is proven under the highest head that is known, not the header's", async () => {
    // b was removed at epoch 3; its message under epoch 2 comes after an entry that names 3.
    const draft = { ...header("1"), sender: hex(at(v.devices, "b").device), seq: 1 };
    const made = await sealMessage(draft, secretOf("1"), hex("4869"), seed(v, "b"));
    const before = await GoldenConversation.open(v, "1");
    expect((await before.receive(made)).leaf.device).toBe(deviceId(v, "b"));
    const after = await GoldenConversation.open(v, "1 2");
    await expect(after.receive(made)).rejects.toMatchObject({
      ...rule("R2"),
      missing: { kind: "leaf", epoch: 3, device: deviceId(v, "b") },
    });
    // An entry that came before the removal was known stays judged as it was.
    expect((await after.receive(made, 1)).leaf.device).toBe(deviceId(v, "b"));
    after.highestEpoch = () => 3;
    await expect(after.receive(made, 1)).rejects.toMatchObject(rule("R2"));
  });

  it("R2 K12 a former roster authority's head counts for no entry after the next one's", async () => {
    const known = await GoldenConversation.open(v, "1 2");
    known.highestEpoch = () => firstNumber(1);
    await expect(known.receive(message("2"), 1)).rejects.toThrow(
      "a former roster authority's head",
    );
  });

  it("R2 R3 a message costs one verification of a signature", async () => {
    const known = await GoldenConversation.open(v, "1");
    const verify = vi.spyOn(crypto.subtle, "verify");
    const { sender } = await known.receive(message("2"));
    expect(verify).toHaveBeenCalledTimes(1);
    verify.mockRestore();
    expect(sender).toMatchObject({ device: deviceId(v, "a"), how: "first", approved: false });
  });

  it("R4 another head for an epoch that is known is an alarm", async () => {
    const known = await GoldenConversation.open(v, "1");
    const made = await anew({ head: ZEROS });
    await expect(known.receive(made)).rejects.toMatchObject({ ...rule("R4"), missing: null });
  });

  it("R4 the head of the header may be unknown: it is named as missing", async () => {
    const known = await GoldenConversation.open(v, "1");
    const heads = known.head;
    known.head = (epoch) => (epoch === 3 ? null : heads(epoch));
    await expect(known.receive(message("2"))).rejects.toMatchObject({
      ...rule("R4"),
      missing: { kind: "head", epoch: 3 },
    });
  });

  it("R4 a log that differs is reported; a position that is not kept is not", async () => {
    const known = await GoldenConversation.open(v, "1");
    expect((await known.receive(message("2"))).log).toBe("agrees");
    expect((await known.receive(await anew({ logHash: ZEROS }))).log).toBe("differs");
    expect((await known.receive(await anew({ logPosition: 2 }))).log).toBe("differs");
    known.logHash = () => null;
    expect((await known.receive(message("2"))).log).toBe("unknown");
  });

  it("R11 a header alone passes all but the checks of the body, whether its key is held or not", async () => {
    const known = await GoldenConversation.open(v, "1");
    const bare = message("2").subarray(0, SIGNED_HEADER_BYTES);
    expect(await known.receive(bare)).toMatchObject({ plaintext: null, log: "agrees" });
    known.secrets.clear();
    expect((await known.receive(bare)).plaintext).toBeNull();
    const forged = bare.slice();
    forged.set([(bare.at(-1) ?? 0) ^ 1], SIGNED_HEADER_BYTES - 1);
    await expect(known.receive(forged)).rejects.toMatchObject(rule("R3"));
    const half = message("2").subarray(0, SIGNED_HEADER_BYTES + 1);
    await expect(known.receive(half)).rejects.toMatchObject(rule("R1"));
    known.logHash = () => ZEROS;
    expect((await known.receive(bare)).log).toBe("differs");
  });

  it("R5 messages are accepted once, in any order, and chain to known neighbours", async () => {
    const made = await chain(4);
    for (const order of [
      [0, 1, 2, 3],
      [3, 2, 1, 0],
      [1, 3, 0, 2],
    ]) {
      const known = await GoldenConversation.open(v);
      const gaps: boolean[] = [];
      for (const place of order) {
        const bytes = made[place] as Bytes;
        gaps.push((await known.receive(bytes)).gap);
        known.keep(bytes);
        await expect(known.receive(bytes)).rejects.toMatchObject(rule("R5"));
      }
      const expected = order.map((place, turn) => {
        return place > 0 && !order.slice(0, turn).includes(place - 1);
      });
      expect(gaps).toEqual(expected);
    }
  });

  it("R5 a message that chains to another neighbour is refused from either side", async () => {
    const [one, two, three] = (await chain(3)) as [Bytes, Bytes, Bytes];
    const log = { logPosition: 0, logHash: ZEROS };
    const forged = await anew({ seq: 2, attempt: 1, previous: header("3").hash, ...log });
    const before = await GoldenConversation.open(v);
    before.keep(one);
    await expect(before.receive(forged)).rejects.toMatchObject(rule("R5"));
    const after = await GoldenConversation.open(v);
    after.keep(three);
    await expect(after.receive(forged)).rejects.toMatchObject(rule("R5"));
    expect((await after.receive(two)).gap).toBe(true);
  });

  it("R5 a newcomer's gaps begin at the first message that it may read", async () => {
    const made = await chain(4);
    const known = await GoldenConversation.open(v);
    known.newcomer = true;
    expect((await known.receive(made[1] as Bytes)).gap).toBe(false);
    known.keep(made[1] as Bytes);
    expect((await known.receive(made[3] as Bytes)).gap).toBe(true);
  });

  it("R6 a record may be written by anybody, listed or not", async () => {
    const known = await GoldenConversation.open(v, "1");
    const key = known.record(at(v.conversation_keys, "2").key_id as KeyId);
    const author = hex(at(v.devices, "x").device);
    const secret = new Uint8Array(32).fill(9);
    const draft = { ...(key as NonNullable<typeof key>), author, secret, nowMs: v.now };
    const record = await makeConversationKey({ ...draft, headCreated: 0 }, seed(v, "x"));
    known.roster.addRecord(record.bytes);
    known.secrets.set(toHex(record.hash), secret);
    const made = await anew({ key: record.hash }, secret);
    expect(toHex((await known.receive(made)).plaintext ?? ZEROS)).toBe("4869");
  });

  it("R6 a secret that is not the record's is refused", async () => {
    const known = await GoldenConversation.open(v);
    known.secrets.set(at(v.messages, "1").key, ZEROS);
    await expect(known.receive(message("1"))).rejects.toMatchObject(rule("R6"));
  });

  it("R6 a record unknown to this device is named as missing", async () => {
    const known = await GoldenConversation.open(v, "1");
    known.record = () => null;
    const missing = { kind: "record", keyId: at(v.messages, "2").key };
    await expect(known.receive(message("2"))).rejects.toMatchObject({ ...rule("R6"), missing });
  });

  it("R7 the zero nonce is safe: no two attempts, messages or senders have one k", () => {
    const one = header("2");
    const others = [
      one,
      { ...one, attempt: 1 },
      { ...one, seq: 3 },
      { ...one, message: ZEROS.slice(0, 16) },
      { ...one, sender: ZEROS },
      { ...one, conversation: ZEROS.slice(0, 16) },
    ];
    const keys = others.map((other) => toHex(bodyKey(other, secretOf("2"))));
    expect(new Set(keys).size).toBe(others.length);
  });

  it("R7 k of a share of kind 3 opens its message and no other", async () => {
    const known = await GoldenConversation.open(v);
    known.secrets.clear();
    known.bodyKeys.set(idOf<MessageId>(header("1").message), hex(at(v.messages, "1").body_key));
    expect(toHex((await known.receive(message("1"))).plaintext ?? ZEROS)).toBe(
      at(v.messages, "1").plaintext,
    );
    const other = parseMessage(message("2"), hex(v.conversation));
    await expect(openBody(other, hex(at(v.messages, "1").body_key))).rejects.toMatchObject(
      rule("R7"),
    );
  });

  it("R9 a message whose key is missing waits, and names the key", async () => {
    const known = await GoldenConversation.open(v);
    known.secrets.clear();
    const missing = { kind: "key", keyId: at(v.messages, "1").key };
    await expect(known.receive(message("1"))).rejects.toMatchObject({ ...rule("R9"), missing });
  });

  it("R10 a group is not shown as a direct conversation", async () => {
    const known = await GoldenConversation.open(v);
    const [a, b] = ["A", "B"].map((name) => at(v.people, name).person as PersonId);
    known.people = [a as PersonId, b as PersonId];
    await expect(known.receive(message("1"))).rejects.toMatchObject(rule("R10"));
    expect(directId(hex(a), hex(b))).toEqual(directId(hex(b), hex(a)));
  });

  it("S6 another attempt has the same id, seq and plaintext, and other bytes", async () => {
    const known = await GoldenConversation.open(v, "1");
    await known.accept(message("2 refused"));
    const later = await known.accept(message("2"));
    expect(later.header.attempt).toBe(2);
    await expect(known.receive(message("2 refused"))).rejects.toMatchObject(rule("R5"));
  });

  it("R6 a record's time is at most 10 min ahead of this device's clock", async () => {
    const known = await GoldenConversation.open(v, "1");
    const key = known.record(at(v.conversation_keys, "2").key_id as KeyId);
    const secret = secretOf("2");
    const draft = { ...(key as NonNullable<typeof key>), secret };
    for (const [ahead, opens] of [
      [10, true],
      [10.001, false],
    ] as const) {
      const nowMs = v.now + ahead * MINUTE_MS;
      const record = await makeConversationKey({ ...draft, nowMs, headCreated: 0 }, seed(v, "c"));
      known.roster.addRecord(record.bytes);
      known.secrets.set(toHex(record.hash), secret);
      const received = known.receive(await anew({ key: record.hash }));
      if (opens) expect((await received).gap).toBe(false);
      else await expect(received).rejects.toMatchObject(rule("R6"));
    }
  });
});

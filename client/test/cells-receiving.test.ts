import { sha256 } from "@noble/hashes/sha2.js";
import { beforeAll, describe, expect, test } from "vitest";
import { encryptBody, keyCommit, sealInfo } from "../src/cells/body.ts";
import { judgeChain } from "../src/cells/chain.ts";
import { TAG, X25519, XWING } from "../src/cells/format.ts";
import { encodeHeader, encodeSeal, encodeSignedHeader } from "../src/cells/message.ts";
import type { SignedHeader } from "../src/cells/message.ts";
import { hpkeSeal } from "../src/cells/kem.ts";
import { checkMessage, openMessage, readMessage } from "../src/cells/open.ts";
import type { Delivered, Receiver } from "../src/cells/open.ts";
import { CellRefused } from "../src/cells/refused.ts";
import { sealFor, type SealedMessage } from "../src/cells/seal.ts";
import { SenderChain } from "../src/cells/sender.ts";
import { concat, toHex, utf8, type Bytes } from "../src/octets.ts";
import { at } from "./cell-world.ts";
import { CellTown, SENT_MS, deliveredTo, fixed, fixedId, placeOf } from "./cell-messages.ts";

/** The code with which a message is refused. */
async function refusal(message: Delivered, receiver: Receiver): Promise<CellRefused> {
  const error = await openMessage(message, receiver).then(
    () => null,
    (reason: unknown) => reason,
  );
  if (!(error instanceof CellRefused)) throw new Error("it was opened", { cause: error });
  return error;
}

describe.each([
  ["X25519", X25519],
  ["X-Wing", XWING],
] as const)("a receiver with %s", (_, kem) => {
  let town: CellTown;
  let first: SealedMessage;
  let second: SealedMessage;
  let third: SealedMessage;
  let delivered: Record<keyof Delivered, Bytes>;
  const here = () => at(town.cells, 1);

  beforeAll(async () => {
    town = await CellTown.found(kem);
    const messages = await town.messages(3);
    [first, second, third] = [at(messages, 0), at(messages, 1), at(messages, 2)];
    delivered = deliveredTo(first, here());
  });

  /** The first message with a changed header, signed again by its sender. */
  async function resigned(
    change: Partial<SignedHeader>,
    body = first.body,
    seal: Uint8Array = delivered.seal,
  ): Promise<Delivered> {
    const header = { ...first.header, ...change };
    const unsigned = encodeHeader(header);
    const signature = new Uint8Array(await town.sign(concat(TAG.message, unsigned)));
    return { sealed: concat(unsigned, signature), body, seal };
  }

  test("opens a message: plaintext, sender and the chain's new place", async () => {
    for (const cell of town.cells) {
      const opened = await openMessage(deliveredTo(first, cell), await town.receiver(cell));
      expect(opened.plaintext).toEqual(utf8("message 1"));
      expect(opened.sender.clientId).toBe(fixedId("sender's client"));
      expect(opened.continuation).toEqual({ kind: "next" });
      expect(opened.place).toEqual(placeOf(first));
    }
  });

  test("R1: version, lengths, KEM and conversation are exact", async () => {
    const receiver = await town.receiver(here());
    const bent = (at: number, value: number): Delivered => {
      const sealed = delivered.sealed.slice();
      sealed[at] = value;
      return { ...delivered, sealed };
    };
    expect(await refusal(bent(0, 2), receiver)).toMatchObject({ code: "malformed", step: 1 });
    expect(await refusal(bent(1, 0x7f), receiver)).toMatchObject({ code: "wrong_kem", step: 1 });
    for (const sealed of [delivered.sealed.slice(1), concat(delivered.sealed, Uint8Array.of(0))])
      expect(await refusal({ ...delivered, sealed }, receiver)).toMatchObject({
        code: "malformed",
        step: 1,
      });
    const other = await town.receiver(here(), { kem: kem === X25519 ? XWING : X25519 });
    expect(await refusal(delivered, other)).toMatchObject({ code: "wrong_kem", step: 1 });
    const elsewhere = await town.receiver(here(), { conversationId: fixedId("another") });
    expect(await refusal(delivered, elsewhere)).toMatchObject({
      code: "wrong_conversation",
      step: 1,
    });
    const zero = await resigned({ seq: 0 });
    expect(await refusal(zero, receiver)).toMatchObject({ code: "malformed", step: 1 });
    const orphan = await resigned({ seq: 2 });
    expect(await refusal(orphan, receiver)).toMatchObject({ code: "malformed", step: 1 });
  });

  test("R2: the sender's certificate and its place in the roster of that epoch", async () => {
    const asked: [string, number, number][] = [];
    const receiver = await town.receiver(here(), {
      sender: (...question) => {
        asked.push(question);
        return Promise.resolve("refused");
      },
    });
    expect(await refusal(delivered, receiver)).toMatchObject({ code: "sender_refused", step: 2 });
    expect(asked).toEqual([[town.sender, town.roster.epoch, SENT_MS + 1000]]);
    const unnamed = await town.receiver(here(), { sender: () => Promise.resolve("not_in_roster") });
    expect(await refusal(delivered, unnamed)).toMatchObject({
      code: "sender_not_in_roster",
      step: 2,
    });
  });

  test("R3: signature and body hash", async () => {
    const receiver = await town.receiver(here());
    const sealed = delivered.sealed.slice();
    sealed[300] = (sealed[300] as number) ^ 1;
    expect(await refusal({ ...delivered, sealed }, receiver)).toMatchObject({
      code: "bad_signature",
      step: 3,
    });
    const body = first.body.slice();
    body[0] = (body[0] as number) ^ 1;
    expect(await refusal({ ...delivered, body }, receiver)).toMatchObject({
      code: "body_mismatch",
      step: 3,
    });
  });

  test("R4: the roster is the receiver's own at that epoch, and not long replaced", async () => {
    const { hash } = town.roster;
    const knows = async (roster: { hash: string; supersededMs: number | null } | null) =>
      town.receiver(here(), { roster: () => Promise.resolve(roster) });
    expect(await refusal(delivered, await knows(null))).toMatchObject({
      code: "roster_unknown",
      step: 4,
      alarm: false,
    });
    const fork = await knows({ hash: toHex(fixed("another head")), supersededMs: null });
    expect(await refusal(delivered, fork)).toMatchObject({
      code: "roster_fork",
      step: 4,
      alarm: true,
    });
    const hour = 3_600_000;
    const behind = await knows({ hash, supersededMs: SENT_MS + 1000 - hour - 1 });
    expect(await refusal(delivered, behind)).toMatchObject({ code: "roster_behind", step: 4 });
    const justInTime = await knows({ hash, supersededMs: SENT_MS + 1000 - hour });
    expect((await openMessage(delivered, justInTime)).plaintext).toEqual(utf8("message 1"));
  });

  test("R5: next, gap, drop and alarm", async () => {
    const after = async (last: SealedMessage | null) =>
      town.receiver(here(), { last: () => Promise.resolve(last && placeOf(last)) });
    const opened = await openMessage(deliveredTo(second, here()), await after(first));
    expect(opened.continuation).toEqual({ kind: "next" });
    const gap = await openMessage(deliveredTo(third, here()), await after(first));
    expect(gap.continuation).toEqual({ kind: "gap", from: 2, to: 2 });
    const start = await openMessage(deliveredTo(third, here()), await after(null));
    expect(start.continuation).toEqual({ kind: "start" });
    for (const old of [first, second])
      expect(await refusal(deliveredTo(old, here()), await after(second))).toMatchObject({
        code: "already_received",
        step: 5,
        alarm: false,
      });
    const other = await town.receiver(here(), {
      last: () => Promise.resolve({ seq: 1, hash: toHex(fixed("another first message")) }),
    });
    expect(await refusal(deliveredTo(second, here()), other)).toMatchObject({
      code: "chain_broken",
      step: 5,
      alarm: true,
    });
    expect(() => judgeChain(placeOf(first), { ...second.header, prev: third.header.hash })).toThrow(
      CellRefused,
    );
  });

  test("R6: the own cell's seal, to an epoch that is held", async () => {
    const neighbour = at(town.cells, 0);
    const receiver = await town.receiver(here());
    expect(await refusal(deliveredTo(first, neighbour), receiver)).toMatchObject({
      code: "wrong_cell",
      step: 6,
    });
    const forgot = await town.receiver(here(), { seed: () => Promise.resolve(null) });
    expect(await refusal(delivered, forgot)).toMatchObject({ code: "key_unknown", step: 6 });
    const wrongSeed = await town.receiver(here(), { seed: () => Promise.resolve(neighbour.seed) });
    expect(await refusal(delivered, wrongSeed)).toMatchObject({ code: "seal_broken", step: 6 });
    const moved = { ...delivered, seal: deliveredTo(second, here()).seal };
    expect(await refusal(moved, receiver)).toMatchObject({ code: "seal_broken", step: 6 });
  });

  test("R7: the sealed key is the one committed to", async () => {
    const { cellId, record } = here();
    const other = fixed("another key");
    const info = sealInfo(first.header, cellId, record.keyId);
    const sealed = await hpkeSeal(kem, record.publicKey, info, other);
    const message = { ...delivered, seal: encodeSeal({ cellId, keyId: record.keyId, sealed }) };
    const receiver = await town.receiver(here());
    expect(await refusal(message, receiver)).toMatchObject({
      code: "key_commit_mismatch",
      step: 7,
    });
  });

  test("R8: the body decrypts, bound to its place", async () => {
    const { record } = here();
    const key = fixed("key of step 8");
    const { header } = first;
    const elsewhere = { ...header, seq: 2 };
    const body = await encryptBody(elsewhere, key, header.iv, utf8("moved"));
    const seal = at(await sealFor(header, key, [record]), 0);
    const change = { keyCommit: keyCommit(key, header.messageId), bodyHash: toHex(sha256(body)) };
    const message = await resigned(change, body, encodeSeal(seal));
    expect(await refusal(message, await town.receiver(here()))).toMatchObject({
      code: "body_broken",
      step: 8,
    });
  });

  test("R9: what is to be stored is there, and the seed that was lent is untouched", async () => {
    const seed = here().seed.slice();
    const receiver = await town.receiver(here(), { seed: () => Promise.resolve(here().seed) });
    const opened = await openMessage(delivered, receiver);
    expect(opened.place).toEqual({ seq: 1, hash: first.header.hash });
    expect(opened.plaintext).toEqual(utf8("message 1"));
    expect(here().seed).toEqual(seed);
  });

  test("a cell founded later reads the message by a late seal under the same header", async () => {
    const chain = SenderChain.first(town.conversationId);
    const sealed = await chain.seal(town.draft("before you"), town.sign);
    const { header, key } = chain.accepted(sealed.header.hash);
    const late = await town.cell("late cell", 1);
    const seal = at(await sealFor(header, key, [late.record]), 0);
    const receiver = await town.receiver(late);
    const waiting = { sealed: encodeSignedHeader(header), body: sealed.body, seal: null };
    expect(await refusal(waiting, receiver)).toMatchObject({ code: "seal_missing", step: 6 });
    const checked = await checkMessage(waiting, receiver);
    expect(checked.place).toEqual(placeOf(sealed));
    expect(await readMessage(checked, encodeSeal(seal), receiver)).toEqual(utf8("before you"));
  });

  test("of several faults the earliest step is named", async () => {
    const body = first.body.slice(1);
    const message = await resigned(
      { rosterHash: toHex(fixed("wrong")), seq: 5, prev: toHex(fixed("p")) },
      body,
    );
    const receiver = await town.receiver(here(), {
      last: () => Promise.resolve({ seq: 9, hash: "" }),
    });
    expect((await refusal(message, receiver)).code).toBe("body_mismatch");
    const second = await resigned({
      rosterHash: toHex(fixed("wrong")),
      seq: 5,
      prev: toHex(fixed("p")),
    });
    expect((await refusal(second, receiver)).code).toBe("roster_fork");
    const third = await resigned({
      seq: 5,
      prev: toHex(fixed("p")),
      keyCommit: new Uint8Array(32),
    });
    expect((await refusal(third, receiver)).code).toBe("already_received");
  });
});

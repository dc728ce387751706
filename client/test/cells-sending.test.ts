import fc from "fast-check";
import { beforeAll, describe, expect, test } from "vitest";
import { X25519, XWING } from "../src/cells/format.ts";
import { cellsDigest, encodeSignedHeader } from "../src/cells/message.ts";
import { openMessage } from "../src/cells/open.ts";
import { judgeRecord, requireDerivedKey, type RecordJudge } from "../src/cells/record.ts";
import { CellRefused } from "../src/cells/refused.ts";
import { sealFor } from "../src/cells/seal.ts";
import { SenderChain, type SenderState } from "../src/cells/sender.ts";
import { fromHex, toHex, utf8 } from "../src/octets.ts";
import { platformEd25519 } from "../src/trust/ed25519.ts";
import { at } from "./cell-world.ts";
import { CellTown, SENT_MS, deliveredTo, fixed, fixedId } from "./cell-messages.ts";

async function code(attempt: Promise<unknown> | (() => unknown)): Promise<string> {
  const error = await Promise.resolve(typeof attempt === "function" ? null : attempt)
    .then(() => (typeof attempt === "function" ? attempt() : undefined))
    .then(
      () => null,
      (reason: unknown) => reason,
    );
  if (!(error instanceof CellRefused)) throw new Error("it was accepted", { cause: error });
  return error.code;
}

let town: CellTown;
beforeAll(async () => {
  town = await CellTown.found(X25519);
});

describe("a sender's chain", () => {
  test("S8: numbers from 1 and refers to the header before", async () => {
    const [first, second, third] = await town.messages(3);
    expect(first?.header).toMatchObject({ seq: 1, prev: "0".repeat(64) });
    expect(second?.header).toMatchObject({ seq: 2, prev: first?.header.hash });
    expect(third?.header).toMatchObject({ seq: 3, prev: second?.header.hash });
  });

  test("S8: never gives one seq to two messages: refused while one is pending", async () => {
    const chain = SenderChain.first(town.conversationId);
    const sealed = await chain.seal(town.draft("one"), town.sign);
    expect(await code(chain.seal(town.draft("two"), town.sign))).toBe("message_pending");
    expect(chain.pending).toBe(sealed);
    const reopened = SenderChain.open(chain.state);
    expect(await code(reopened.seal(town.draft("two"), town.sign))).toBe("message_pending");
    expect(await code(() => chain.accepted(toHex(fixed("another header"))))).toBe("chain_broken");
    chain.accepted(sealed.header.hash);
    expect((await chain.seal(town.draft("two"), town.sign)).header.seq).toBe(2);
  });

  test("never gives one seq to two messages: refused while one is being sealed", async () => {
    const chain = SenderChain.first(town.conversationId);
    const attempts = ["one", "two", "three"].map((text) => chain.seal(town.draft(text), town.sign));
    const results = await Promise.allSettled(attempts);
    expect(results.map(({ status }) => status)).toEqual(["fulfilled", "rejected", "rejected"]);
    const sealed = chain.pending;
    if (sealed === null) throw new Error("nothing is pending");
    const change = { records: [], without: [], roster: town.roster };
    const resealing = chain.reseal(change, town.sign);
    expect(await code(() => chain.accepted(sealed.header.hash))).toBe("message_pending");
    await resealing;
  });

  test("a failed signature leaves the seq free", async () => {
    const chain = SenderChain.first(town.conversationId);
    const failing = () => Promise.reject(new Error("no key"));
    await expect(chain.seal(town.draft("one"), failing)).rejects.toThrow("no key");
    expect(chain.pending).toBeNull();
    expect((await chain.seal(town.draft("one"), town.sign)).header.seq).toBe(1);
  });

  test("state survives a restart with the very bytes", async () => {
    const chain = SenderChain.first(town.conversationId);
    const sealed = await chain.seal(town.draft("kept"), town.sign);
    const state = structuredClone(chain.state);
    const again = SenderChain.open(state);
    expect(again.pending).toEqual(sealed);
    expect(again.state).toEqual(state);
    expect(again.accepted(sealed.header.hash).key).toEqual(state.pending?.key);
    expect(again.state).toMatchObject({
      last: { seq: 1, hash: sealed.header.hash },
      pending: null,
    });
    const wrong: SenderState = { ...state, last: { seq: 4, hash: sealed.header.hash } };
    expect(await code(() => SenderChain.open(wrong))).toBe("malformed");
  });

  test("S7: reseals the named cells only: same id, key, body and seq", async () => {
    const chain = SenderChain.first(town.conversationId);
    const before = await chain.seal(town.draft("moved on"), town.sign);
    const key = chain.state.pending?.key;
    const stale = await town.cell("cell 1", 5);
    const roster = { epoch: 8, hash: toHex(fixed("roster head 8")) };
    const gone = at(town.cells, 2).cellId;
    const change = { records: [stale.record], without: [gone], roster };
    const after = await chain.reseal(change, town.sign);
    const { messageId, seq, prev, keyCommit, iv, bodyHash, sentMs } = before.header;
    expect(after.header).toMatchObject({ messageId, seq, prev, keyCommit, iv, bodyHash, sentMs });
    expect(after.header).toMatchObject({ rosterEpoch: 8, rosterHash: roster.hash });
    expect(after.body).toEqual(before.body);
    expect(chain.state.pending?.key).toEqual(key);
    expect(after.header.cellsDigest).toBe(cellsDigest(after.seals));
    expect(after.seals.map(({ cellId }) => cellId)).toEqual(
      [at(town.cells, 0).cellId, stale.cellId].sort(),
    );
    const kept = before.seals.find(({ cellId }) => cellId === at(town.cells, 0).cellId);
    expect(after.seals).toContainEqual(kept);
    const opened = await openMessage(
      deliveredTo(after, stale),
      await town.receiver(stale, {
        roster: () => Promise.resolve({ hash: roster.hash, supersededMs: null }),
      }),
    );
    expect(opened.plaintext).toEqual(utf8("moved on"));
    expect(await code(SenderChain.first(town.conversationId).reseal(change, town.sign))).toBe(
      "nothing_pending",
    );
  });

  test("S8: whatever is tried in whatever order, one seq is one body", async () => {
    const step = fc.constantFrom("seal", "reseal", "accept", "restart");
    const change = { records: [at(town.cells, 0).record], without: [], roster: town.roster };
    await fc.assert(
      fc.asyncProperty(fc.array(step, { maxLength: 12 }), async (steps) => {
        let chain = SenderChain.first(town.conversationId);
        const bodies = new Map<number, Set<string>>();
        const prevs = new Map<number, Set<string>>();
        for (const [i, name] of steps.entries()) {
          const pending = chain.pending;
          if (name === "restart") chain = SenderChain.open(structuredClone(chain.state));
          else if (name === "accept" && pending !== null) chain.accepted(pending.header.hash);
          else if (name === "seal" || name === "reseal") {
            const work =
              name === "seal"
                ? chain.seal(town.draft(String(i), town.cells.slice(0, 1)), town.sign)
                : chain.reseal(change, town.sign);
            await work.catch((error: unknown) => {
              if (!(error instanceof CellRefused)) throw error;
            });
          }
          const header = chain.pending?.header;
          if (header === undefined) continue;
          const { messageId, bodyHash, prev, seq } = header;
          bodies.set(seq, (bodies.get(seq) ?? new Set()).add(messageId + bodyHash));
          prevs.set(seq, (prevs.get(seq) ?? new Set()).add(prev));
        }
        for (const seen of [...bodies.values(), ...prevs.values()]) expect(seen.size).toBe(1);
        expect([...bodies.keys()]).toEqual([...bodies.keys()].map((_, i) => i + 1));
      }),
      { numRuns: 25 },
    );
  });
});

describe("sealing", () => {
  test("tells how far it is and gives other work its turn", async () => {
    const crowd = await CellTown.found(XWING, 40);
    const progress: number[] = [];
    let turns = 0;
    const timer = setInterval(() => turns++, 1);
    try {
      const key = fixed("key");
      const message = { ...crowd, messageId: fixedId("m") };
      const onProgress = (done: number, total: number): void => {
        expect(total).toBe(40);
        progress.push(done);
      };
      const seals = await sealFor(message, key, crowd.draft("").records, { onProgress });
      expect(seals.map(({ cellId }) => cellId)).toEqual(
        crowd.cells.map(({ cellId }) => cellId).sort(),
      );
    } finally {
      clearInterval(timer);
    }
    expect(progress).toEqual([4, 8, 12, 16, 20, 24, 28, 32, 36, 40]);
    expect(turns).toBeGreaterThan(0);
  });

  test("S3: two messages of the same words share nothing that can be compared", async () => {
    const chain = SenderChain.first(town.conversationId);
    const one = await chain.seal(town.draft("same"), town.sign);
    const key = chain.accepted(one.header.hash).key;
    const two = await chain.seal(town.draft("same"), town.sign);
    expect(chain.state.pending?.key).not.toEqual(key);
    for (const field of ["messageId", "keyCommit", "iv", "bodyHash"] as const)
      expect(two.header[field]).not.toEqual(one.header[field]);
  });

  test("refuses keys of another conversation or KEM, and a cell twice", async () => {
    const xwing = await CellTown.found(XWING, 1);
    const chain = SenderChain.first(town.conversationId);
    const mixed = town.draft("x", [...town.cells, ...xwing.cells]);
    expect(await code(chain.seal(mixed, town.sign))).toBe("wrong_cells");
    const elsewhere = SenderChain.first(fixedId("another conversation"));
    expect(await code(elsewhere.seal(town.draft("x"), town.sign))).toBe("wrong_cells");
    const twice = town.draft("x", [...town.cells, at(town.cells, 0)]);
    expect(await code(chain.seal(twice, town.sign))).toBe("malformed");
  });

  test("S5: the header is over exactly its seals", async () => {
    const [message] = await town.messages(1);
    expect(message?.header.cellsDigest).toBe(cellsDigest(message?.seals ?? []));
    expect(encodeSignedHeader(message?.header as never)).toHaveLength(327);
  });
});

describe("cell key records, judged by a sender", () => {
  async function judge(change: Partial<RecordJudge> = {}): Promise<RecordJudge> {
    const { verify } = await platformEd25519();
    return {
      conversationId: town.conversationId,
      cellId: at(town.cells, 0).cellId,
      kem: X25519,
      nowMs: SENT_MS,
      seen: null,
      signer: () => Promise.resolve(town.publicKey),
      verify,
      ...change,
    };
  }
  const judged = async (change: Partial<RecordJudge>): Promise<string> =>
    code(judgeRecord(at(town.cells, 0).record, await judge(change)));

  test("are accepted when everything fits", async () => {
    const { record } = at(town.cells, 0);
    const asked: string[] = [];
    const signer = (hash: string): Promise<Uint8Array> => {
      asked.push(hash);
      return Promise.resolve(town.publicKey);
    };
    await judgeRecord(record, await judge({ signer }));
    expect(asked).toEqual([town.sender]);
    await judgeRecord(record, await judge({ seen: { epoch: 4, publicKey: record.publicKey } }));
    await judgeRecord(record, await judge({ seen: { epoch: 3, publicKey: fixed("older") } }));
  });

  test("K4, K5, K6, K7, K8, K9: are refused with a code for each check", async () => {
    const week = 7 * 24 * 3_600_000;
    expect(await judged({ kem: XWING })).toBe("wrong_kem");
    expect(await judged({ conversationId: fixedId("another") })).toBe("wrong_conversation");
    expect(await judged({ cellId: fixedId("another") })).toBe("wrong_cell");
    expect(await judged({ signer: () => Promise.resolve("refused") })).toBe("signer_refused");
    expect(await judged({ signer: () => Promise.resolve("not_in_roster") })).toBe(
      "signer_not_in_roster",
    );
    expect(await judged({ signer: () => Promise.resolve(fixed("another key")) })).toBe(
      "bad_signature",
    );
    expect(await judged({ seen: { epoch: 5, publicKey: fixed("x") } })).toBe("cell_key_went_back");
    expect(await judged({ seen: { epoch: 4, publicKey: fixed("x") } })).toBe("cell_key_fork");
    expect(await judged({ nowMs: SENT_MS - 60_000 + week + 1 })).toBe("cell_key_age");
    expect(await judged({ nowMs: SENT_MS - 2 * 3_600_000 })).toBe("cell_key_age");
  });

  test("K3: are compared by members with the key they derive", async () => {
    const { record, seed } = at(town.cells, 0);
    await requireDerivedKey(record, seed);
    expect(await code(requireDerivedKey(record, at(town.cells, 1).seed))).toBe("cell_key_mismatch");
    const other = { ...record, publicKey: fromHex("01".repeat(32)) };
    expect(await code(requireDerivedKey(other, seed))).toBe("cell_key_mismatch");
  });
});

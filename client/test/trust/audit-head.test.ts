import "fake-indexeddb/auto";
import { beforeEach, describe, expect, test } from "vitest";
import { failure } from "#core/failure.ts";
import { appended, edgeRoot, leafHash } from "#core/keys/format/merkle.ts";
import { newId } from "#core/ids.ts";
import { hash } from "#core/keys/format/hashing.ts";
import { utf8, type Bytes } from "#core/octets.ts";
import { AuditHead, keptHead, type LogHead } from "#core/trust/audit-head.ts";
import { Vault } from "#core/vault/vault.ts";

let vault: Vault;
let incarnation: number;
let newest: number;
let broken: LogHead[];
let proof: (first: number, second: number) => Promise<readonly Bytes[]>;

beforeEach(async () => {
  vault = new Vault({ name: newId(), now: () => 0 });
  await vault.open();
  [incarnation, newest, broken] = [0, 0, []];
  proof = (first, second) => Promise.resolve(proofOf("", first, second));
});

function device(): AuditHead {
  return new AuditHead({
    vault,
    api: {
      logConsistency: async ({ first, second } = {}) => ({
        proof: [...(await proof(Number(first), Number(second)))],
      }),
    },
    incarnation: () => incarnation,
    learn: () => {
      incarnation = newest;
      return Promise.resolve();
    },
    onBroken: (shown) => {
      broken.push(shown);
      return Promise.resolve();
    },
  });
}

const leaves = (name: string, from: number, to: number): readonly Bytes[] =>
  Array.from({ length: to - from }, (_, at) => leafHash(utf8(`${name} ${String(from + at)}`)));

function rootOf(all: readonly Bytes[]): Bytes {
  return edgeRoot(all.reduce<readonly Bytes[]>((edge, one, size) => appended(edge, size, one), []));
}

/** RFC 6962, 2.1.2, word by word. */
function proofOf(name: string, first: number, second: number): readonly Bytes[] {
  const sub = (m: number, from: number, to: number, whole: boolean): readonly Bytes[] => {
    if (m === to - from) return whole ? [] : [rootOf(leaves(name, from, to))];
    const half = 2 ** (Math.ceil(Math.log2(to - from)) - 1);
    return m <= half
      ? [...sub(m, from, from + half, whole), rootOf(leaves(name, from + half, to))]
      : [...sub(m - half, from + half, to, false), rootOf(leaves(name, from, from + half))];
  };
  return sub(first, 0, second, true);
}

function head(size: number, name = "", authorityNumber = 0): LogHead {
  return { size, root: rootOf(leaves(name, 0, size)), authorityNumber };
}

const kept = async (): Promise<number> => (await keptHead(vault))?.size ?? 0;

describe("T1: the head of the audit log", () => {
  test("is kept, and continues with a proof, across starts", async () => {
    for (const size of [0, 1, 3, 3, 8, 21]) await device().takeHead(head(size));
    expect([await kept(), broken.length]).toEqual([21, 0]);
  });

  test("an entry that somebody with the database changed is an alarm, and the kept head stays", async () => {
    await device().takeHead(head(5));
    proof = (first, second) => Promise.resolve(proofOf("changed", first, second));
    await device().takeHead(head(9, "changed"));
    await device().takeHead(head(5, "changed"));
    expect([await kept(), broken.map(({ size }) => size)]).toEqual([5, [9, 5]]);
  });

  test("a log that was cut off is an alarm, but under a newer Incarnation", async () => {
    await device().takeHead(head(9));
    await device().takeHead(head(4));
    expect([await kept(), broken.length]).toEqual([9, 1]);
    newest = 7;
    await device().takeHead(head(4));
    expect([await kept(), broken.length]).toEqual([4, 1]);
    await device().takeHead(head(3)); // The same Incarnation serves once.
    expect([await kept(), broken.length]).toEqual([4, 2]);
  });

  test("a proof that the server refuses is an alarm; without the network the kept head stays", async () => {
    await device().takeHead(head(3));
    proof = () => Promise.reject(failure("network", { retry: true }));
    await expect(device().takeHead(head(6))).rejects.toMatchObject({ code: "network" });
    expect([await kept(), broken.length]).toEqual([3, 0]);
    proof = () => Promise.reject(failure("not_found"));
    await device().takeHead(head(6));
    expect([await kept(), broken.length]).toEqual([3, 1]);
  });

  test("begins anew with another roster authority", async () => {
    await device().takeHead(head(9));
    await device().takeHead(head(2, "other", 1));
    expect([await kept(), broken.length]).toEqual([2, 0]);
  });
});

test("a root is over hashes of hashes, as the server has it", () => {
  expect(rootOf([])).toEqual(hash());
});

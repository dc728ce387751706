import { readFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { Broken, LogChain, digestOf } from "#core/admin/log.ts";
import { Signatures, signerOf } from "#core/admin/signatures.ts";
import { ActFormat } from "#core/keys/trust/admin-act.ts";
import {
  appended,
  edgeRoot,
  isConsistent,
  leafHash,
  type TreeHead,
} from "#core/keys/format/merkle.ts";
import { fromHex, toHex, utf8, type Bytes } from "#core/octets.ts";
import type { AuditEntry } from "#core/wire.ts";

interface Line {
  readonly number: number;
  readonly madeMs: number;
  readonly hash: string;
  readonly digest: string;
  readonly salt: string;
  readonly by: string;
  readonly path: string;
  readonly act: string;
  readonly signedAs: "" | "act" | "endorsement" | "authenticator";
  readonly signed: string;
  readonly presence: string;
  readonly hidden: boolean;
}

/** Made by `python -m tests.records.make_log`: what the server takes for whole and for broken. */
const spec = JSON.parse(
  readFileSync(new URL("../../../spec/admin/log.json", import.meta.url), "utf8"),
) as {
  readonly keys: Readonly<Record<string, string>>;
  readonly act: Readonly<Record<"device" | "actId" | "body" | "record", string>> & {
    readonly created: number;
  };
  readonly log: readonly Line[];
  readonly trees: readonly {
    readonly first: { readonly size: number; readonly root: string };
    readonly second: { readonly size: number; readonly root: string };
    readonly proof: readonly string[];
  }[];
  readonly broken: readonly {
    readonly name: string;
    readonly number: number;
    readonly reason: string;
    readonly log: readonly Line[];
  }[];
};

function entryOf(line: Line): AuditEntry {
  const { number, madeMs, by, path, act, signedAs } = line;
  const content = { salt: fromHex(line.salt), by, path, act, signedAs };
  return {
    ...{ number, madeMs, hash: fromHex(line.hash), digest: fromHex(line.digest) },
    content: line.hidden
      ? null
      : { ...content, signed: fromHex(line.signed), presence: fromHex(line.presence) },
  };
}

async function verify(entries: readonly AuditEntry[]): Promise<Signatures> {
  const [chain, signatures] = [new LogChain(), new Signatures()];
  for (const entry of entries) {
    chain.follow(entry);
    const key = spec.keys[signerOf(entry.content?.by ?? "")?.device ?? ""];
    await signatures.follow(entry, key === undefined ? null : fromHex(key));
  }
  chain.end(entries.length, entries.at(-1)?.hash ?? new Uint8Array());
  signatures.end(entries.length);
  return signatures;
}

async function problemOf(
  entries: readonly AuditEntry[],
): Promise<Pick<Broken, "number" | "reason">> {
  const error = await verify(entries).catch((reason: unknown) => reason);
  if (!(error instanceof Broken)) throw new Error("it holds");
  return { number: error.number, reason: error.reason };
}

describe("the audit log, as the server makes it", () => {
  const log = spec.log.map(entryOf);

  test("holds, and every signature is counted", async () => {
    const { signed, unsigned } = await verify(log);
    expect({ signed, unsigned }).toEqual({ signed: 8, unsigned: 2 });
  });

  test("an act has the bytes that the server parses", async () => {
    const { device, actId, created, body, record } = spec.act;
    const values = { device: fromHex(device), actId: fromHex(actId), created, body: utf8(body) };
    const parsed = ActFormat.parse(fromHex(record));
    expect(toHex(ActFormat.encodeUnsigned(values))).toBe(toHex(parsed.unsigned));
    await ActFormat.verify(parsed, fromHex(spec.keys[device] ?? ""));
  });

  test("verifies without the content of entries about other parts", async () => {
    const partly = log.map((entry) => (entry.number < 4 ? { ...entry, content: null } : entry));
    expect((await verify(partly)).signed).toBe(6);
  });

  test("its tree continues from each of its beginnings, and from no other", () => {
    for (const { first, second, proof } of spec.trees) {
      const [before, after] = [first, second].map(({ size, root }) => ({
        ...{ size, root: fromHex(root) },
      })) as [TreeHead, TreeHead];
      const hashes = proof.map(fromHex);
      expect(isConsistent(before, after, hashes)).toBe(true);
      const edge = log
        .slice(0, after.size)
        .reduce<readonly Bytes[]>(
          (held, one, size) => appended(held, size, leafHash(one.hash)),
          [],
        );
      expect(toHex(edgeRoot(edge))).toBe(second.root);
      const wrong = { ...before, root: new Uint8Array(32) };
      expect(isConsistent(wrong, after, hashes)).toBe(false);
      expect(isConsistent(before, { ...after, root: wrong.root }, hashes)).toBe(false);
      expect(isConsistent(before, after, hashes.slice(1))).toBe(false);
      expect(isConsistent(before, after, [...hashes, wrong.root])).toBe(false);
      for (const at of hashes.keys()) {
        const others = hashes.map((one, index) => (index === at ? wrong.root : one));
        expect(isConsistent(before, after, others)).toBe(false);
      }
    }
  });

  test.each(spec.broken)("is broken: $name", async ({ log: broken, number, reason }) => {
    expect(await problemOf(broken.map(entryOf))).toEqual({ number, reason });
  });

  test.each([
    ["a changed time", (one: AuditEntry) => ({ ...one, madeMs: one.madeMs + 1 })],
    ["a changed digest", (one: AuditEntry) => ({ ...one, digest: new Uint8Array(32) })],
    [
      "content that is not the digest's",
      (one: AuditEntry) => ({
        ...one,
        content: one.content === null ? null : { ...one.content, path: "TG" },
      }),
    ],
  ])("is broken: %s", async (_, change) => {
    const changed = log.map((one) => (one.number === 5 ? change(one) : one));
    expect(await problemOf(changed)).toEqual({ number: 5, reason: "changed" });
  });

  test("is broken: an entry is missing, at the end too", async () => {
    const gap = log.filter(({ number }) => number !== 5);
    expect(await problemOf(gap)).toEqual({ number: 5, reason: "missing" });
    const chain = new LogChain();
    for (const entry of log.slice(0, 7)) chain.follow(entry);
    expect(() => chain.end(8, log[7]?.hash ?? new Uint8Array())).toThrow(Broken);
  });

  test("digests are the server's, in every script", () => {
    for (const { content, digest } of log)
      expect(content === null ? "" : toHex(digestOf(content))).toBe(toHex(digest));
  });
});

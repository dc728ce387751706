/** Weights and policies that are old, unsigned or truncated leave the former ones in force. */
import { readFileSync } from "node:fs";
import { expect, test } from "vitest";
import { ed25519PublicKey } from "../keys/format/ed25519.ts";
import { hash } from "../keys/format/hashing.ts";
import { concat, copy, type Bytes } from "../octets.ts";
import type { Change } from "../vault/vault.ts";
import { Guard } from "./guard.ts";
import { FORWARDING_BEFORE_POLICY } from "./forwarding.ts";
import { Model } from "./model.ts";
import { actOf, placeOf, readPolicy } from "./policy.ts";
import { GuardFormat } from "./record.ts";

const FOLDER = new URL("../../../src/copconnect/conduct/guard/", import.meta.url);
const WEIGHTS = copy(readFileSync(new URL("weights.bin", FOLDER)));
const POLICY = readFileSync(new URL("policy.json", FOLDER), "utf-8");
const KEY = new Uint8Array(32).fill(7);
const NUMBER = new Model(WEIGHTS).number;

async function signed(change: object = {}, key = KEY): Promise<Bytes> {
  const draft = { number: NUMBER, size: WEIGHTS.length, weights: hash(WEIGHTS), policyNumber: 1 };
  return (await GuardFormat.sign({ ...draft, policy: POLICY, ...change }, key)).bytes;
}

const GROUP = { kind: "group", members: 413, whoMayPost: "everyone" } as const;

async function device() {
  const rows = new Map<string, unknown>();
  const served = { record: await signed(), weights: WEIGHTS };
  let now = 0;
  const make = (): Guard => {
    const authority = ed25519PublicKey(KEY);
    const vault = {
      get: (_: string, key: string) => Promise.resolve(rows.get(key) ?? null),
      write: (changes: readonly Change[]) => {
        for (const one of changes) if (one.op === "put") rows.set(String(one.key), one.value);
        return Promise.resolve();
      },
    };
    const api = {
      guard: () => Promise.resolve({ record: served.record }),
      guardWeights: () => Promise.resolve({ weights: served.weights }),
    };
    return new Guard({
      context: { vault, api, now: () => now } as never,
      trust: { rosterAuthority: authority },
      rank: () => "SI",
    });
  };
  return { served, make, later: () => (now += 7 * 3_600_000) };
}

test("without weights everything is fine; with them a greeting is held in a large group", async () => {
  const { make } = await device();
  const guard = make();
  expect(await guard.verdict("good morning all", GROUP)).toMatchObject({ act: "fine" });
  await guard.refresh();
  const held = { act: "hold", claimed: "greeting", others: 412 };
  expect(await guard.verdict("good morning all", GROUP)).toEqual(held);
  const duty = "Good morning sir, accident at NH-44, two injured, sending ambulance";
  expect((await guard.verdict(duty, GROUP)).act).toBe("fine");
  // Another start reads them from the vault.
  expect(await make().verdict("good morning all", GROUP)).toEqual(held);
});

test("G1: what is old, unsigned, truncated or another's changes nothing", async () => {
  const { make, served, later } = await device();
  const guard = make();
  await guard.refresh();
  const truncated = WEIGHTS.slice(0, -1);
  const wrongs: [Bytes, Bytes][] = [
    [await signed({ number: NUMBER - 1 }, new Uint8Array(32).fill(9)), WEIGHTS],
    [await signed({ number: NUMBER, policyNumber: 0 }), WEIGHTS],
    [await signed({ policyNumber: 2 }), truncated],
    [await signed({ policyNumber: 2 }), WEIGHTS],
    [
      await signed({ number: NUMBER - 1, size: truncated.length, weights: hash(truncated) }),
      truncated,
    ],
    [await signed({ number: NUMBER - 1, policy: "{}" }), WEIGHTS],
    [copy((await signed()).subarray(0, 90)), WEIGHTS],
    [concat(await signed(), new Uint8Array(1)), WEIGHTS],
  ];
  for (const [record, weights] of wrongs) {
    later();
    Object.assign(served, { record, weights });
    await expect(guard.refresh()).rejects.toThrow();
    expect((await guard.verdict("good morning all", GROUP)).act).toBe("hold");
  }
  later();
  const policy = POLICY.replace('"number": 1', '"number": 2').replace("100", "1000");
  Object.assign(served, { record: await signed({ policyNumber: 2, policy }), weights: WEIGHTS });
  await guard.refresh();
  expect((await guard.verdict("good morning all", GROUP)).act).toBe("nudge");
});

test("hours, ranks and places decide what happens to a class", () => {
  const policy = { ...readPolicy(POLICY), hours: [22, 6] as const, exemptRanks: ["DGP"] };
  expect(actOf(policy, "joke", "large", "SI", 23)).toBe("hold");
  expect(actOf(policy, "joke", "large", "SI", 12)).toBe("fine");
  expect(actOf(policy, "joke", "large", "DGP", 23)).toBe("fine");
  expect(actOf(policy, "joke", "direct", null, 23)).toBe("fine");
  expect(placeOf(policy, { ...GROUP, whoMayPost: "admins" })).toBe("announcement");
  expect(placeOf(policy, { ...GROUP, members: 99 })).toBe("group");
});

test("limits of forwarding are read whole or the policy is refused", () => {
  expect(readPolicy(POLICY)).toMatchObject(FORWARDING_BEFORE_POLICY);
  for (const change of [
    { chats: 51 },
    { chats: 0 }, // One chat for what was forwarded often would be more.
    { often: 0 },
    { often_chats: -1 },
    { large: "no" },
    { announcement: undefined },
    { chats: 2.5 },
  ]) {
    const fields = JSON.parse(POLICY) as { forwarding: object };
    const forwarding = { ...fields.forwarding, ...change };
    expect(() => readPolicy(JSON.stringify({ ...fields, forwarding }))).toThrow();
  }
});

test("a verdict called wrong is kept on this device until its person deletes it", async () => {
  const guard = (await device()).make();
  for (let at = 0; at < 60; at++) await guard.wasWrong("joke", "x".repeat(9_000));
  const { mistakes } = await guard.view();
  expect(mistakes.length).toBe(50);
  expect(mistakes[0]?.text.length).toBe(2_000);
  await guard.forgetMistakes();
  expect((await guard.view()).mistakes).toEqual([]);
});

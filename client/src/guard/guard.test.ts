/** Weights, policies and pictures that are old, unsigned or truncated leave the former ones in force. */
import { readFileSync } from "node:fs";
import { deflateSync } from "node:zlib";
import { expect, test, vi } from "vitest";
import { ed25519PublicKey } from "../keys/format/ed25519.ts";
import { hash } from "../keys/format/hashing.ts";
import { concat, copy, type Bytes } from "../octets.ts";
import type { Change } from "../vault/vault.ts";
import type * as wire from "../wire.ts";
import { Guard } from "./guard.ts";
import { FORWARDING_BEFORE_POLICY } from "./forwarding.ts";
import { NEAR, Pictures } from "./pictures.ts";
import { Model } from "./model.ts";
import { actOf, placeOf, readPolicy } from "./policy.ts";
import { GuardFormat } from "./record.ts";

const FOLDER = new URL("../../../src/copconnect/conduct/guard/", import.meta.url);
const WEIGHTS = copy(readFileSync(new URL("weights.bin", FOLDER)));
const POLICY = readFileSync(new URL("policy.json", FOLDER), "utf-8");
const KEY = new Uint8Array(32).fill(7);
const NUMBER = (await Model.read(WEIGHTS)).number;

async function signed(change: object = {}, key = KEY): Promise<Bytes> {
  const draft = { number: NUMBER, size: WEIGHTS.length, weights: hash(WEIGHTS), policyNumber: 1 };
  const pictures = { picturesNumber: 0, pictures: hash(Pictures.NONE.bytes) };
  return (await GuardFormat.sign({ ...draft, policy: POLICY, ...pictures, ...change }, key)).bytes;
}

type Changes = wire.GuardPictures;

/** A hash in which the first `bits` differ from one of zeros. */
function picture(bits: number): Bytes {
  const octets = new Uint8Array(32);
  for (let bit = 0; bit < bits; bit++)
    octets[bit >> 3] = (octets[bit >> 3] ?? 0) | (1 << (bit & 7));
  return octets;
}

const GROUP = { kind: "group", members: 413, whoMaySend: "everyone" } as const;

async function device() {
  const rows = new Map<string, unknown>();
  const served = {
    ...{ record: await signed(), weights: WEIGHTS, pictures: [] as Changes[] },
    arriving: Promise.resolve(),
  };
  const asked: string[] = [];
  let now = 0;
  const department = { authority: ed25519PublicKey(KEY) };
  const make = (): Guard => {
    const vault = {
      get: (_: string, key: string) => Promise.resolve(rows.get(key) ?? null),
      write: (changes: readonly Change[]) => {
        for (const one of changes) if (one.op === "put") rows.set(String(one.key), one.value);
        return Promise.resolve();
      },
    };
    const api = {
      guard: () => Promise.resolve({ record: served.record }),
      guardWeights: async () => {
        asked.push("weights");
        await served.arriving;
        return { weights: served.weights };
      },
      guardPictures: ({ after, to }: { after: number; to: number }) => {
        asked.push(`pictures ${String(after)} to ${String(to)}`);
        const found = served.pictures.find((one) => one.after === after && one.number === to);
        return found === undefined ? Promise.reject(new Error("gone")) : Promise.resolve(found);
      },
    };
    return new Guard({
      context: { vault, api, now: () => now, emit: () => undefined } as never,
      trust: { department: department as never },
      rank: () => "SI",
    });
  };
  return { served, asked, department, make, later: () => (now += 7 * 3_600_000) };
}

test("K12: what a former roster authority signed is in force no more, whatever its numbers", async () => {
  const { make, served, department } = await device();
  const guard = make();
  const highest = {
    policyNumber: Number.MAX_SAFE_INTEGER,
    policy: POLICY.replace('"number": 1', `"number": ${String(Number.MAX_SAFE_INTEGER)}`),
  };
  served.record = await signed(highest);
  await guard.refresh();
  expect((await guard.verdict("good morning all", GROUP)).act).toBe("insist");
  const next = new Uint8Array(32).fill(8);
  department.authority = ed25519PublicKey(next);
  guard.reset(); // The account has another department record.
  expect((await guard.verdict("good morning all", GROUP)).act).toBe("fine");
  await expect(guard.refresh()).rejects.toThrow("G1");
  served.record = await signed({}, next);
  await guard.refresh();
  expect((await guard.verdict("good morning all", GROUP)).act).toBe("insist");
  expect((await guard.view()).policy?.number).toBe(1);
});

test("without weights everything is fine; with them a greeting is held in a large group", async () => {
  const { make } = await device();
  const guard = make();
  expect(await guard.verdict("good morning all", GROUP)).toMatchObject({ act: "fine" });
  await guard.refresh();
  const held = { act: "insist", claimed: "greeting", others: 412 };
  expect(await guard.verdict("good morning all", GROUP)).toEqual(held);
  const duty = "Good morning sir, accident at NH-44, two injured, sending ambulance";
  expect((await guard.verdict(duty, GROUP)).act).toBe("fine");
  // Another start reads them from the vault.
  expect(await make().verdict("good morning all", GROUP)).toEqual(held);
});

test("weights come once, for a conversation on screen in which the policy acts", async () => {
  const { make, asked } = await device();
  const guard = make();
  await guard.refresh();
  const direct = { kind: "direct", members: 2, whoMaySend: "everyone" } as const;
  await guard.prepare(direct);
  expect((await guard.verdict("good morning all", direct)).act).toBe("fine");
  expect(await guard.view()).toMatchObject({ policy: { number: 1 }, weights: NUMBER });
  expect(asked).toEqual([]);
  await Promise.all([guard.prepare(GROUP), guard.prepare(GROUP)]);
  expect((await guard.verdict("good morning all", GROUP)).act).toBe("insist");
  await make().prepare(GROUP);
  expect(asked).toEqual(["weights"]);
});

test("duty talk waits for weights that do not come once, and not for long", async () => {
  const { make, served } = await device();
  const guard = make();
  await guard.refresh();
  served.arriving = new Promise(() => undefined);
  vi.useFakeTimers();
  try {
    for (const [members, pressing] of [
      [20, false],
      [413, true],
    ] as const) {
      const first = guard.verdict("good morning all", { ...GROUP, members }, pressing);
      await vi.advanceTimersByTimeAsync(1_500);
      expect((await first).act).toBe("fine");
    }
    const large = guard.verdict("good morning all", GROUP);
    await vi.advanceTimersByTimeAsync(15_000);
    expect((await large).act).toBe("fine");
    expect((await guard.verdict("good morning all", GROUP)).act).toBe("fine");
  } finally {
    vi.useRealTimers();
  }
});

test("a greeting to a large group waits for weights that take some seconds", async () => {
  const { make, served } = await device();
  const guard = make();
  await guard.refresh();
  vi.useFakeTimers();
  try {
    served.arriving = new Promise((resolve) => setTimeout(resolve, 8_000));
    const said = guard.verdict("good morning all", GROUP);
    await vi.advanceTimersByTimeAsync(8_000);
    vi.useRealTimers(); // The weights are inflated off this thread.
    expect((await said).act).toBe("insist");
  } finally {
    vi.useRealTimers();
  }
});

test("weights come for a conversation that was on screen before the policy acted there", async () => {
  const { make, asked } = await device();
  const guard = make();
  await guard.prepare(GROUP);
  expect(asked).toEqual([]);
  await guard.refresh();
  await vi.waitFor(() => expect(asked).toEqual(["weights"]));
});

test("weights that could not be fetched are asked for again", async () => {
  const { make, served } = await device();
  const guard = make();
  await guard.refresh();
  served.arriving = Promise.reject(new Error("no network"));
  await expect(guard.prepare(GROUP)).rejects.toThrow("no network");
  expect((await guard.verdict("good morning all", GROUP)).act).toBe("fine");
  served.arriving = Promise.resolve();
  expect((await guard.verdict("good morning all", GROUP)).act).toBe("insist");
});

test("G1: what is old, unsigned, truncated or another's changes nothing", async () => {
  const { make, served, later } = await device();
  const guard = make();
  await guard.refresh();
  await guard.prepare(GROUP);
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
    expect((await guard.verdict("good morning all", GROUP)).act).toBe("insist");
  }
  later();
  const policy = POLICY.replace('"number": 1', '"number": 2').replace("100", "1000");
  Object.assign(served, { record: await signed({ policyNumber: 2, policy }), weights: WEIGHTS });
  await guard.refresh();
  expect((await guard.verdict("good morning all", GROUP)).act).toBe("nudge");
});

test("weights that inflate to more than any weights have are refused", async () => {
  const head = WEIGHTS.subarray(0, 21 + new DataView(WEIGHTS.buffer).getUint32(17));
  await expect(Model.read(concat(head, deflateSync(new Uint8Array(1 << 26))))).rejects.toThrow(
    "too long",
  );
  await expect(Model.read(concat(head, deflateSync(new Uint8Array(9))))).rejects.toThrow();
});

test("a copy of a marked picture is judged as its class, another picture is not", async () => {
  const { make, served, asked, later } = await device();
  const guard = make();
  await guard.refresh();
  expect(await guard.pictureVerdict(picture(0), GROUP)).toMatchObject({ act: "fine" });

  const one: Changes = {
    after: 0,
    number: 1,
    marked: [{ claimed: "greeting", hashes: picture(0) }],
    unmarked: new Uint8Array(),
  };
  const first = Pictures.NONE.changed(one);
  served.pictures = [one];
  served.record = await signed({ picturesNumber: 1, pictures: hash(first.bytes) });
  // The socket's first frame tells of a newer list.
  await guard.refresh(1, 1);
  const held = { act: "insist", claimed: "greeting", others: 412 };
  expect(await guard.pictureVerdict(picture(NEAR), GROUP)).toEqual(held);
  expect(await guard.pictureVerdict(picture(NEAR + 1), GROUP)).toMatchObject({ act: "fine" });
  expect(await guard.pictureVerdict(picture(3).subarray(1), GROUP)).toMatchObject({ act: "fine" });
  const direct = { kind: "direct", members: 2, whoMaySend: "everyone" } as const;
  expect((await guard.pictureVerdict(picture(0), direct)).act).toBe("fine");
  expect((await make().pictureVerdict(picture(1), GROUP)).act).toBe("insist");

  // Only what changed is fetched; the nearest of two pictures counts.
  const two: Changes = {
    after: 1,
    number: 3,
    marked: [{ claimed: "motivational", hashes: concat(picture(20), picture(256)) }],
    unmarked: new Uint8Array(),
  };
  const second = first.changed(two);
  served.pictures = [two];
  served.record = await signed({ picturesNumber: 3, pictures: hash(second.bytes) });
  asked.length = 0;
  later();
  await guard.refresh();
  expect(asked).toEqual(["pictures 1 to 3"]);
  expect(await guard.pictureVerdict(picture(12), GROUP)).toMatchObject({ claimed: "motivational" });
  expect((await guard.view()).pictures).toBe(3);

  // Changes that do not lead to the named list: the list is fetched whole; a wrong one is refused.
  const third = second.changed({ marked: [], unmarked: picture(20) });
  const whole = (number: number, list: Changes["marked"]): Changes => ({
    ...{ after: 0, number, marked: list, unmarked: new Uint8Array() },
  });
  const listed = [
    { claimed: "greeting", hashes: picture(0) },
    { claimed: "motivational", hashes: picture(256) },
  ];
  served.pictures = [{ ...two, after: 3, number: 4 }, whole(4, listed)];
  served.record = await signed({ picturesNumber: 4, pictures: hash(third.bytes) });
  later();
  await guard.refresh();
  expect(await guard.pictureVerdict(picture(20), GROUP)).toMatchObject({ claimed: "greeting" });
  for (const wrong of [
    await signed({ picturesNumber: 5, pictures: hash(first.bytes) }),
    await signed({ picturesNumber: 3, pictures: hash(second.bytes) }),
    await signed({ picturesNumber: 4, pictures: hash(second.bytes) }),
  ]) {
    served.pictures = [whole(5, listed), whole(3, listed), whole(4, listed)];
    served.record = wrong;
    later();
    await expect(guard.refresh()).rejects.toThrow();
    expect((await guard.view()).pictures).toBe(2);
  }
});

test("a list of pictures is read whole or refused", () => {
  const list = Pictures.NONE.changed({
    marked: [{ claimed: "joke", hashes: concat(picture(9), picture(4)) }],
    unmarked: new Uint8Array(),
  });
  expect(Pictures.read(list.bytes).bytes).toEqual(list.bytes);
  const { bytes } = list;
  const swapped = concat(bytes.subarray(0, 23), bytes.subarray(60), bytes.subarray(23, 60));
  for (const wrong of [bytes.subarray(0, -1), bytes.subarray(1), swapped, concat(bytes, bytes)])
    expect(() => Pictures.read(wrong)).toThrow();
  const short = { marked: [], unmarked: new Uint8Array(31) };
  expect(() => list.changed(short)).toThrow();
});

test("hours, ranks and places decide what happens to a class", () => {
  const policy = { ...readPolicy(POLICY), hours: [22, 6] as const, exemptRanks: ["DGP"] };
  expect(actOf(policy, "joke", "large", "SI", 23)).toBe("insist");
  expect(actOf(policy, "joke", "large", "SI", 12)).toBe("fine");
  expect(actOf(policy, "joke", "large", "DGP", 23)).toBe("fine");
  expect(actOf(policy, "joke", "direct", null, 23)).toBe("fine");
  expect(placeOf(policy, { ...GROUP, whoMaySend: "admins" })).toBe("announcement");
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

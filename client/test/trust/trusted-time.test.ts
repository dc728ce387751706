import { idOf, newId } from "#core/ids.ts";
import { beforeEach, describe, expect, test } from "vitest";
import { fromHex } from "#core/octets.ts";
import { ZEROS } from "#core/keys/format/hashing.ts";
import { X25519 } from "#core/keys/hpke.ts";
import { DAY_MS, HOUR_MS, MINUTE_MS } from "#core/keys/format/times.ts";
import { failure } from "#core/failure.ts";
import type { RosterHead } from "#core/keys/roster/head.ts";
import { firstNumber } from "#core/keys/trust/department.ts";
import { TimeFormat } from "#core/keys/trust/time.ts";
import { TrustedTime } from "#core/trust/trusted-time.ts";
import type { Vault } from "#core/vault/vault.ts";
import { Department } from "../support/department.ts";
import { NOW, openVault } from "./scene.ts";

let department: Department;
let vault: Vault;
/** The department's, and both of the device's. */
let serverMs = NOW;
let wallMs = 0;
let monotonicMs = 0;
let tripMs = 0;
let asked = 0;
let backMs = 0;

function passes(ms: number): void {
  serverMs += ms;
  wallMs += ms;
  monotonicMs += ms;
}

function newTime(
  answer: (nonce: string) => Promise<{ bytes: Uint8Array }> = honest,
  onWaiting: () => void = () => undefined,
): TrustedTime {
  return new TrustedTime({
    vault,
    onWaiting,
    onLog: () => undefined,
    onBack: (byMs) => {
      backMs += byMs;
      return Promise.resolve();
    },
    now: () => wallMs,
    monotonic: () => monotonicMs,
    department: () => department.newest,
    api: {
      time: async ({ nonce }) => {
        asked++;
        const { bytes } = await answer(nonce);
        passes(tripMs);
        return { time: bytes };
      },
    },
  });
}

function honest(nonce: string): Promise<{ bytes: Uint8Array }> {
  return department.time(nonce, serverMs);
}

function head(epoch = 1, conversation = newId()): Promise<RosterHead> {
  return department.head({
    ...{
      conversation: fromHex(conversation),
      epoch,
      previous: epoch === 1 ? ZEROS : fromHex("ab".repeat(32)),
    },
    ...{ kem: X25519, rekeyEpoch: 1, latestHistoryFrom: 0, created: NOW, devices: 1, root: ZEROS },
  });
}

beforeEach(async () => {
  department = await Department.found({ nowMs: NOW });
  vault = await openVault();
  serverMs = NOW;
  wallMs = NOW + 5 * HOUR_MS; // The device's own clock is wrong.
  monotonicMs = 1_000;
  tripMs = 0;
  asked = 0;
  backMs = 0;
});

describe("T1: the department's time", () => {
  test("is unknown before the first answer, then counts on the device's clocks", async () => {
    const time = newTime();
    expect(time.now()).toBeNull();
    expect(() => time.requireNow()).toThrow("T1");
    await time.anchor();
    expect(time.now()).toBe(NOW);
    passes(HOUR_MS);
    await time.anchor();
    expect(time.now()).toBe(NOW + HOUR_MS);
    expect(asked).toBe(1);
  });

  test("counts sleep, in which the monotonic clock does not run, and asks again after it", async () => {
    const time = newTime();
    await time.anchor();
    serverMs += HOUR_MS;
    wallMs += HOUR_MS;
    expect(time.now()).toBe(NOW + HOUR_MS);
    await time.anchor();
    expect(asked).toBe(2);
    expect(time.now()).toBe(NOW + HOUR_MS);
  });

  test("the earliest time counts by the clock that nobody sets, and a new one is asked for at will", async () => {
    const time = newTime();
    expect(time.earliest()).toBeNull();
    await time.anchor();
    wallMs += DAY_MS;
    monotonicMs += MINUTE_MS;
    serverMs += MINUTE_MS;
    expect(time.earliest()).toBe(NOW + MINUTE_MS);
    expect(await time.renew()).toBe(true);
    expect(time.now()).toBe(serverMs);
    expect(asked).toBe(2);
  });

  test("a clock that is set back makes nothing younger", async () => {
    const time = newTime();
    await time.anchor();
    passes(HOUR_MS);
    wallMs -= 24 * HOUR_MS;
    expect(time.now()).toBe(NOW + HOUR_MS);
  });

  test("an answer that was held back makes the time later, never earlier", async () => {
    tripMs = 12_000;
    const time = newTime();
    await time.anchor();
    expect(time.now()).toBe(NOW + 12_000);
  });

  test("an answer that came after a sleep is asked for once more, and then given up", async () => {
    const time = newTime();
    tripMs = 8 * 24 * HOUR_MS;
    await expect(time.anchor()).rejects.toMatchObject({ code: "network" });
    expect(asked).toBe(2);
    expect(time.now()).toBeNull();
    const slowOnce = newTime((nonce) => {
      tripMs = asked === 3 ? HOUR_MS : 1_000;
      return honest(nonce);
    });
    await slowOnce.anchor();
    expect(slowOnce.now()).toBe(serverMs);
  });

  test("a wrong clock that is set right while the app runs stops nothing", async () => {
    const time = newTime();
    await time.anchor();
    wallMs -= 5 * HOUR_MS;
    await time.anchor();
    wallMs += 2 * HOUR_MS;
    expect(time.now()).toBe(NOW + 2 * HOUR_MS);
    await time.anchor();
    expect(time.now()).toBe(NOW);
  });

  test("an answer to another nonce, or by another key, is refused", async () => {
    const replayed = newTime(() => department.time(newId(), serverMs));
    await expect(replayed.anchor()).rejects.toThrow("T1");
    const other = await Department.found({ nowMs: NOW });
    const forged = newTime((nonce) => other.time(nonce, serverMs));
    await expect(forged.anchor()).rejects.toThrow("T1");
    expect(forged.now()).toBeNull();
  });

  test("a server that freezes time is refused for ever, also over a restart", async () => {
    const frozen = (nonce: string) => department.time(nonce, NOW);
    const time = newTime(frozen);
    await time.anchor();
    for (let hour = 0; hour < 3; hour++) {
      passes(7 * HOUR_MS);
      await expect(time.anchor()).rejects.toThrow("T1: the department's time went back");
    }
    const later = newTime();
    await later.anchor();
    for (let day = 0; day < 3; day++) {
      await expect(newTime(frozen).anchor()).rejects.toThrow("went back");
      passes(24 * HOUR_MS);
    }
  });

  test("a server whose clock once ran ahead stops nothing once it is right again", async () => {
    const time = newTime();
    await time.anchor();
    passes(7 * HOUR_MS);
    serverMs += 48 * HOUR_MS;
    // One answer from far ahead changes nothing: the clock is right again before there is a second.
    await expect(time.anchor()).rejects.toThrow("T1: the department's time is far ahead");
    expect(time.waiting).toEqual({ kind: "ahead", untilMs: wallMs + 10 * MINUTE_MS });
    passes(5 * MINUTE_MS);
    serverMs -= 48 * HOUR_MS;
    await time.anchor();
    expect(time.waiting).toBeNull();
    expect(time.now()).toBe(serverMs);
  });

  test("a time far ahead is taken after a second one ten minutes later, over a restart", async () => {
    await newTime().anchor();
    serverMs += 48 * HOUR_MS;
    await expect(newTime().anchor()).rejects.toThrow("far ahead");
    passes(9 * MINUTE_MS);
    const early = newTime();
    await expect(early.anchor()).rejects.toThrow("far ahead");
    // The wait is from the first answer on.
    expect(early.waiting).toEqual({ kind: "ahead", untilMs: wallMs + MINUTE_MS });
    passes(MINUTE_MS);
    const time = newTime();
    await time.anchor();
    expect(time.now()).toBe(serverMs);
    expect(time.waiting).toBeNull();
  });

  test("a time that was taken and is far too high is left after two that agree", async () => {
    await newTime().anchor();
    serverMs += 48 * HOUR_MS;
    await newTime()
      .anchor()
      .catch(() => undefined);
    passes(10 * MINUTE_MS);
    const time = newTime();
    await time.anchor();
    const one = await head();
    const newest = await department.stamp(one, serverMs);
    await time.requireNewest(newest.bytes, one, 1);
    // The department's clock is right again, two days below what this device holds.
    passes(7 * HOUR_MS);
    serverMs -= 48 * HOUR_MS;
    await expect(time.anchor()).rejects.toThrow("went back");
    expect(time.waiting).toEqual({ kind: "behind", untilMs: wallMs + 10 * MINUTE_MS });
    expect(() => time.requireStillNewest(one, 1)).toThrow("S1");
    expect(await time.renew()).toBe(false);
    expect(backMs).toBe(0);
    passes(10 * MINUTE_MS);
    await time.anchor();
    expect(time.now()).toBe(serverMs);
    expect(backMs).toBe(48 * HOUR_MS);
    // A stamp of now serves, though one of the time ahead is held; a head below one held does not.
    const right = await department.stamp(one, serverMs);
    await time.requireNewest(right.bytes, one, 1);
    time.requireStillNewest(one, 1);
    const next = await head(2, idOf(one.conversation));
    await time.requireNewest((await department.stamp(next, serverMs)).bytes, next, 2);
    await expect(time.requireNewest(right.bytes, one, 2)).rejects.toThrow("S1");
    const restarted = newTime();
    await restarted.anchor();
    expect(restarted.now()).toBe(serverMs);
  });

  test("two answers that do not agree with what has passed begin the wait anew", async () => {
    await newTime().anchor();
    serverMs -= 24 * HOUR_MS;
    await expect(newTime().anchor()).rejects.toThrow("went back");
    passes(20 * MINUTE_MS);
    serverMs -= HOUR_MS;
    const time = newTime();
    await expect(time.anchor()).rejects.toThrow("went back");
    expect(time.waiting).toEqual({ kind: "behind", untilMs: wallMs + 10 * MINUTE_MS });
  });

  test("a phone that was off for a week takes the time at once", async () => {
    await newTime().anchor();
    passes(7 * 24 * HOUR_MS);
    monotonicMs = 0;
    const time = newTime();
    await time.anchor();
    expect(time.now()).toBe(serverMs);
  });

  test("says when what it waits for changes", async () => {
    await newTime().anchor();
    let changes = 0;
    const time = newTime(honest, () => changes++);
    serverMs += 48 * HOUR_MS;
    for (let tries = 0; tries < 3; tries++) await time.anchor().catch(() => undefined);
    expect(changes).toBe(1);
    passes(10 * MINUTE_MS);
    await time.anchor();
    expect(changes).toBe(2);
  });

  test("without network nothing is known, and the next try serves", async () => {
    let offline = true;
    const time = newTime((nonce) =>
      offline ? Promise.reject(failure("network", { retry: true })) : honest(nonce),
    );
    await expect(time.anchor()).rejects.toMatchObject({ code: "network" });
    offline = false;
    await Promise.all([time.anchor(), time.anchor()]);
    expect(asked).toBe(2);
  });
});

describe("K12: another roster authority", () => {
  test("times that the former one dated far ahead hold nothing back", async () => {
    const time = newTime();
    serverMs += 400 * DAY_MS;
    await time.anchor();
    serverMs = NOW + HOUR_MS;
    const thief = await department.nextAuthority(NOW);
    await time.anchor();
    expect(time.now()).toBe(NOW + HOUR_MS);
    const again = newTime(); // Another start.
    await again.anchor();
    expect(again.now()).toBe(NOW + HOUR_MS);
    const signed = (nonce: string) =>
      TimeFormat.sign(
        { nonce: fromHex(nonce), time: serverMs, logSize: 0, logRoot: new Uint8Array(32) },
        thief.keys.privateKey,
      );
    await expect(newTime(signed).anchor()).rejects.toThrow("T1");
  });

  test("the former one's heads and stamps are the newest no more", async () => {
    const time = newTime();
    const conversation = newId();
    const former = await head(firstNumber(1) - 1, conversation);
    const stamp = await department.stamp(former, NOW + MINUTE_MS);
    await time.requireNewest(stamp.bytes, former, 1);
    await department.nextAuthority(NOW);
    expect(() => time.requireStillNewest(former, 1)).toThrow("S1");
    await expect(time.requireNewest(stamp.bytes, former, 1)).rejects.toThrow("S1");
    const next = await head(firstNumber(1) + 1, conversation);
    await time.requireNewest((await department.stamp(next, NOW)).bytes, next, former.epoch);
    time.requireStillNewest(next, former.epoch);
  });
});

describe("S1: the newest head", () => {
  test("has a stamp of the last ten minutes by the department's time", async () => {
    const time = newTime();
    const one = await head();
    const stamp = await department.stamp(one, NOW);
    await time.requireNewest(stamp.bytes, one, 1);
    passes(10 * MINUTE_MS);
    time.requireStillNewest(one, 1);
    passes(1);
    expect(() => time.requireStillNewest(one, 1)).toThrow("S1");
    await expect(time.requireNewest(stamp.bytes, one, 1)).rejects.toThrow("S1");
  });

  test("is not below an epoch that was named, and the stamp is its own", async () => {
    const time = newTime();
    const one = await head();
    const stamp = await department.stamp(one, NOW);
    await expect(time.requireNewest(stamp.bytes, one, 2)).rejects.toThrow("S1");
    const other = await head(1, newId());
    await expect(time.requireNewest(stamp.bytes, other, 1)).rejects.toThrow("S1");
    expect(() => time.requireStillNewest(other, 1)).toThrow("no stamp");
  });

  test("heads never go back: a stamp of a lower one is refused", async () => {
    const time = newTime();
    const conversation = newId();
    const [former, newest] = [await head(1, conversation), await head(2, conversation)];
    const old = await department.stamp(former, NOW + MINUTE_MS);
    const stamp = await department.stamp(newest, NOW);
    await time.requireNewest(stamp.bytes, newest, 1);
    // The floor is the highest epoch that was taken, whatever the time.
    await expect(time.requireNewest(old.bytes, former, 2)).rejects.toThrow("S1");
    const earlier = await department.stamp(newest, NOW - MINUTE_MS);
    await time.requireNewest(earlier.bytes, newest, 1);
    time.requireStillNewest(newest, 1);
  });
});

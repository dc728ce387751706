/**
 * A person's own sanctions close conversations before the server refuses, and open them at their
 * end.
 */
import { afterEach, beforeEach, expect, it, vi } from "vitest";
import { failure } from "../failure.ts";
import type { ReportId } from "../ids.ts";
import type { Change } from "../vault/vault.ts";
import type { Sanction } from "../wire.ts";
import { OwnSanctions, barOf, type SanctionTarget } from "./own-sanctions.ts";

function sanction(kind: Sanction["kind"], untilMs: number, more: Partial<Sanction> = {}): Sanction {
  return {
    reportId: `${kind}${String(untilMs)}` as ReportId,
    ...{ personId: "p", kind, fromMs: 0, untilMs, clause: 1, reason: "A rumour." },
    ...{ appeal: "none", appealReason: "", acknowledgedMs: null, endedMs: null },
    ...more,
  } as Sanction;
}

function place(
  kind: SanctionTarget["kind"],
  members: number,
  more: Partial<SanctionTarget> = {},
): SanctionTarget {
  return { kind, members, whoMaySend: "everyone", admin: false, sendLostMs: null, ...more };
}

/** A server with sanctions, a vault and a clock; each of `made` is this device after a new start. */
function scene() {
  const rows = new Map<string, unknown>();
  const server = { sanctions: [] as Sanction[], online: true, asked: 0 };
  const heard = { closed: 0 };
  const vault = {
    get: (store: string, key: string) => Promise.resolve(rows.get(`${store} ${key}`) ?? null),
    write: (changes: readonly Change[]) => {
      for (const one of changes)
        if (one.op === "put") rows.set(`${one.store} ${one.key}`, one.value);
      return Promise.resolve();
    },
  };
  const sanctions = () => {
    server.asked += 1;
    return server.online
      ? Promise.resolve({ sanctions: server.sanctions })
      : Promise.reject(failure("network", { retry: true }));
  };
  const make = async (): Promise<OwnSanctions> => {
    const made = new OwnSanctions({
      context: { vault, api: { ownSanctions: sanctions } } as never,
      now: () => Date.now(),
      largeFrom: () => Promise.resolve(100),
      onClosed: () => heard.closed++,
    });
    await made.load();
    return made;
  };
  return { server, heard, make };
}

beforeEach(() => void vi.useFakeTimers({ now: 1_000 }));
afterEach(() => void vi.useRealTimers());

it("closes what the server refuses, for longest, and nothing else", () => {
  const [warned, muted, suspended] = [
    sanction("warning", 0),
    sanction("muted", 9),
    sanction("suspended", 5),
  ];
  const bar = (where: SanctionTarget, held = [warned, muted, suspended], now = 1) =>
    barOf(held, where, 100, now)?.kind ?? null;
  expect(bar(place("direct", 2))).toBeNull();
  expect(bar(place("group", 99))).toBe("suspended");
  expect(bar(place("unit", 100))).toBe("muted");
  expect(bar(place("announcement", 12), [muted])).toBe("muted");
  expect(bar(place("group", 12, { whoMaySend: "admins", admin: true }), [muted])).toBe("muted");
  expect(bar(place("group", 99), [warned, muted])).toBeNull();
  expect(bar(place("group", 99), [suspended], 5)).toBeNull();
  expect(bar(place("group", 99), [sanction("suspended", 5, { endedMs: 1 })])).toBeNull();
});

it("says until when, also after a start without network, and opens by itself", async () => {
  const { server, heard, make } = scene();
  const day = 86_400_000;
  server.sanctions = [sanction("muted", 1_000 + day)];
  const first = await make();
  const [large, small] = [place("unit", 400), place("group", 9)];
  expect(first.barred(large)).toBeNull();
  await first.current();
  await first.current();
  expect([server.asked, heard.closed]).toEqual([1, 1]);
  server.online = false;
  const again = await make();
  await expect(again.current()).rejects.toMatchObject({ code: "network" });
  expect(again.barred(large)).toMatchObject({ kind: "muted", untilMs: 1_000 + day });
  expect(again.barred(small)).toBeNull();
  const before = heard.closed;
  await vi.advanceTimersByTimeAsync(day - 1);
  expect([heard.closed, again.barred(large)?.kind]).toEqual([before, "muted"]);
  await vi.advanceTimersByTimeAsync(120_000);
  expect([heard.closed > before, again.barred(large)]).toEqual([true, null]);
});

it("believes a leaf without the right to send until the server has said why", async () => {
  const { server, make } = scene();
  const own = await make();
  const group = place("group", 9, { sendLostMs: 2_000 });
  expect(own.barred(group)).toMatchObject({ kind: "unknown", untilMs: null });
  // A person who could not send there anyway learns of no sanction.
  expect(own.barred({ ...group, whoMaySend: "admins" })).toBeNull();
  await own.current(); // Before the leaf lost it.
  expect(own.barred(group)?.kind).toBe("unknown");
  vi.setSystemTime(2_001);
  server.sanctions = [sanction("suspended", 9_000)];
  own.outdated();
  await own.current();
  expect(own.barred(group)).toMatchObject({ kind: "suspended", untilMs: 9_000 });
  // The sanction is over and the leaf is behind: the person may try.
  vi.setSystemTime(9_000);
  expect(own.barred(group)).toBeNull();
});

it("asks a server that has nothing to tell only about what is in force here", async () => {
  const { server, make } = scene();
  const own = await make();
  const group = place("group", 9, { sendLostMs: 2_000 });
  await own.onReady({ sanctioned: false, serverTimeMs: 1_999 });
  expect([server.asked, own.barred(group)?.kind]).toEqual([0, "unknown"]);
  await own.onReady({ sanctioned: false, serverTimeMs: 2_000 });
  expect([server.asked, own.barred(group)]).toEqual([0, null]);
  server.sanctions = [sanction("suspended", 9_000)];
  await own.onReady({ sanctioned: true, serverTimeMs: 2_001 });
  expect([server.asked, own.barred(group)?.kind]).toEqual([1, "suspended"]);
  // An appeal was upheld meanwhile.
  server.sanctions = [sanction("suspended", 9_000, { endedMs: 3_000 })];
  await own.onReady({ sanctioned: false, serverTimeMs: 3_001 });
  expect([server.asked, own.barred(place("group", 9))]).toEqual([2, null]);
});

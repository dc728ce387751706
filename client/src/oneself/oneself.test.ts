/** A device in other hands says little about its person's items, and nothing that lasts. */
import "fake-indexeddb/auto";
import { afterEach, beforeEach, expect, it } from "vitest";
import { newId, type ConversationId } from "../ids.ts";
import type { OwnItem } from "../kinds/own.ts";
import { Vault } from "../vault/vault.ts";
import { Oneself } from "./oneself.ts";

const NOW_MS = 1_800_000_000_000;
const UNDO_MS = 8_000;
const of: ConversationId = newId();

let now: number;
let vault: Vault;
let oneself: Oneself;

beforeEach(async () => {
  now = NOW_MS;
  vault = new Vault({ name: `own-${newId()}`, now: () => now });
  await vault.open();
  oneself = new Oneself({ vault, now: () => now });
});

afterEach(() => vault.close());

/** A device that hears what this one sends. */
async function hears(other: Oneself, sentMs: number): Promise<void> {
  const rows = oneself.unsent();
  await other.take(rows, sentMs);
  await oneself.sent(rows);
}

async function another(): Promise<Oneself> {
  const own = new Vault({ name: `own-${newId()}`, now: () => now });
  await own.open();
  return new Oneself({ vault: own, now: () => now });
}

it("counts on from the highest count that another device can have said", async () => {
  const pinned: OwnItem = {
    name: "pinned",
    of,
    part: null,
    saidMs: null,
    changes: NOW_MS / 1_000,
    value: 1,
  };
  const other = await another();
  for (const changes of [1e9 * 1_000, Number.MAX_SAFE_INTEGER]) {
    await oneself.take([{ ...pinned, changes }], NOW_MS);
    expect(oneself.value("pinned", of)).toBeNull();
  }
  for (const one of [oneself, other]) await one.take([pinned], NOW_MS);
  expect(oneself.value("pinned", of)).toBe(1);
  await oneself.set([{ name: "pinned", of, part: null, value: null }]);
  await hears(other, NOW_MS + 1_000);
  expect(other.value("pinned", of)).toBeNull();
});

it("clears and archives nothing that came after the item, however far it reaches", async () => {
  const about = { of, part: null, saidMs: null, changes: 1, value: Number.MAX_SAFE_INTEGER };
  const items: readonly OwnItem[] = [
    { ...about, name: "cleared" },
    { ...about, name: "archived", saidMs: NOW_MS + 9_000 },
  ];
  await oneself.take(items, NOW_MS);
  await oneself.done(oneself.due());
  const third = await another();
  // The device that sent it is revoked; an honest one repeats it.
  now += 100 * 86_400_000;
  await oneself.again(true);
  await hears(third, now);
  await third.cut(of, 8);
  expect(third.cleared(of).seq).toBe(8);
  for (const one of [oneself, third]) {
    const before = { order: 7, sentMs: NOW_MS };
    const after = { order: 8, sentMs: NOW_MS + 1 };
    expect([one.clears(of, before), one.isArchived(of, before)]).toEqual([true, true]);
    expect([one.clears(of, after), one.isArchived(of, after)]).toEqual([false, false]);
  }
});

it("undoes two changes within the time of the undo, back to what counted before both", async () => {
  const cleared = { name: "cleared", of, part: null } as const;
  await oneself.take([{ ...cleared, saidMs: null, changes: 1, value: 7 }], NOW_MS);
  await oneself.done(oneself.due());
  await oneself.set([{ ...cleared, value: 8 }], UNDO_MS);
  await oneself.set([{ ...cleared, value: 9 }], UNDO_MS);
  expect(oneself.isClearing(of, 9)).toBe(true);
  await oneself.undo([cleared]);
  expect(oneself.cleared(of)).toEqual({ seq: 7, untilMs: NOW_MS });
  expect([oneself.isClearing(of, 7), oneself.due()]).toEqual([false, []]);
});

/** What a device in other hands can say about its person's items, and what it cannot. */
import "fake-indexeddb/auto";
import { afterEach, beforeEach, expect, it } from "vitest";
import { newId } from "../ids.ts";
import type { ConversationId } from "../ids.ts";
import type { OwnItem } from "../kinds/own.ts";
import { Vault } from "../vault/vault.ts";
import { Oneself } from "./oneself.ts";

const NOW_MS = 1_800_000_000_000;
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
  const pinned: OwnItem = { name: "pinned", of, part: null, changes: NOW_MS / 1_000, value: 1 };
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

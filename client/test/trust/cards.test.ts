/** E4: which cards of a person a device takes, by when the server answered without them. */
import { beforeEach, describe, expect, test } from "vitest";
import type { PeopleTrust } from "#core/trust/people-trust.ts";
import { DAY_MS, HOUR_MS, MINUTE_MS } from "#core/keys/format/times.ts";
import type { Vault } from "#core/vault/vault.ts";
import { endorse, grant, type Signer } from "../support/department.ts";
import { NOW, Scene, openVault, type Officer, type SceneTime } from "./scene.ts";

const NORTH = "TG/WGL/KAZI";

let scene: Scene;
let vault: Vault;
let time: SceneTime;
let people: PeopleTrust;
let asha: Officer;
/** Names on the cards that were refused and told. */
let told: string[];

async function start(): Promise<void> {
  people = await scene.people(vault, time);
  people.onRefusedCards(({ card }) => told.push(card.path));
}

async function ask(): Promise<void> {
  await people.ensure([asha.personId], { fresh: true });
}

async function pathNow(): Promise<string | undefined> {
  return (await people.card(asha.personId))?.path;
}

beforeEach(async () => {
  scene = await Scene.found();
  vault = await openVault();
  time = { nowMs: NOW };
  told = [];
  asha = await scene.officer("Asha");
  await start();
});

describe("E4: a card that an answer lacked", () => {
  test("is refused where it is dated over ten minutes before, with one alarm, and later ones are taken", async () => {
    await ask();
    time.nowMs += 11 * MINUTE_MS;
    await asha.card({ name: "Asha", path: NORTH, createdMs: NOW - 11 * MINUTE_MS });
    await ask();
    await ask();
    expect(await pathNow()).toBe("TG/HYD/CHAR");
    expect(told).toEqual([NORTH]);
    await asha.card({ name: "Asha", path: "TG/NLG", createdMs: time.nowMs });
    await ask();
    expect(await pathNow()).toBe("TG/NLG");
    expect(told).toEqual([NORTH]);
  });

  test("is refused where the answer was that nothing is new, also after a restart", async () => {
    await ask();
    time.nowMs += 9 * DAY_MS;
    await ask();
    await start();
    await asha.card({ name: "Asha", path: NORTH, createdMs: NOW + DAY_MS });
    await ask();
    expect(await pathNow()).toBe("TG/HYD/CHAR");
    expect(told).toEqual([NORTH]);
  });

  test("is refused where it comes with a message, unasked", async () => {
    await ask();
    await asha.card({ name: "Asha", path: NORTH, createdMs: NOW - HOUR_MS });
    await people.learn([asha.bundle]);
    expect(await pathNow()).toBe("TG/HYD/CHAR");
    expect(told).toEqual([NORTH]);
  });

  test("gives the admin of another unit no right over the person at once", async () => {
    const thief = await scene.officer("Thief");
    const admin = await thief.register();
    const up = await endorse(scene.deskSigner, admin.deviceBytes, "admin", NOW - 29 * DAY_MS);
    thief.add({ endorsements: up.bytes });
    const right = await grant(scene.deskSigner, thief.personId, NORTH, NOW - 20 * DAY_MS);
    thief.add({ grants: right.bytes });
    await ask();
    await asha.card({ name: "Asha", path: NORTH, createdMs: NOW - 9 * DAY_MS });
    const ghost: Signer = await asha.register(NOW - MINUTE_MS);
    const made = await endorse(admin, ghost.deviceBytes, "admin", NOW - 1);
    asha.add({ endorsements: made.bytes });
    await people.ensure([asha.personId, thief.personId], { fresh: true });
    const verdict = await people.verdict(asha.personId, ghost.device, NOW);
    expect(verdict.confirmed).toBe("no");
    // A device that was answered nothing before has only the server's word.
    const other = await scene.people(await openVault(), time);
    await other.ensure([asha.personId, thief.personId]);
    expect((await other.verdict(asha.personId, ghost.device, NOW)).confirmed).toBe("admin");
  });

  test("is taken from a server that was slow, and from one that is asked for the first time", async () => {
    await asha.card({ name: "Asha", path: NORTH, createdMs: NOW - 8 * DAY_MS });
    await ask();
    expect(await pathNow()).toBe(NORTH);
    await asha.card({ name: "Asha", path: "TG/NLG", createdMs: NOW - 4 * MINUTE_MS });
    await ask();
    expect(await pathNow()).toBe("TG/NLG");
    expect(told).toEqual([]);
  });

  test("is taken where the server told nothing about the person, as to a device that is not confirmed", async () => {
    await ask();
    time.nowMs += HOUR_MS;
    scene.untold.add(asha.personId);
    await ask();
    scene.untold.clear();
    await asha.card({ name: "Asha", path: NORTH, createdMs: time.nowMs - 20 * MINUTE_MS });
    await ask();
    expect(await pathNow()).toBe(NORTH);
    expect(told).toEqual([]);
  });
});

describe("E4: a card that does not follow the one before", () => {
  test.each([
    ["a second one of its number", { number: 2, createdMs: NOW - 2 * MINUTE_MS }],
    ["a higher number with an earlier date", { number: 3, createdMs: NOW - 4 * MINUTE_MS }],
    ["a lower number", { number: 1, createdMs: NOW }],
  ])("%s is refused, with one alarm", async (_, values) => {
    await asha.card({ name: "Asha", createdMs: NOW - 3 * MINUTE_MS });
    await ask();
    await asha.card({ name: "Asha", path: NORTH, ...values });
    await ask();
    await ask();
    expect(await pathNow()).toBe("TG/HYD/CHAR");
    expect(told).toEqual([NORTH]);
  });
});

describe("E4 and T1: the department's time was wrong", () => {
  /** The server's clock ran an hour ahead, and is put right. */
  async function ranAhead(): Promise<void> {
    time.nowMs += HOUR_MS;
    await ask();
    await asha.card({ name: "Asha", path: NORTH, createdMs: NOW + 20 * MINUTE_MS });
  }

  test("a person who moved meanwhile is not taken for dated back", async () => {
    await ranAhead();
    time.renew = async () => {
      if (time.nowMs < NOW + HOUR_MS) return true;
      time.nowMs = NOW + 30 * MINUTE_MS;
      await people.timeWentBack(HOUR_MS);
      return true;
    };
    await ask();
    expect(await pathNow()).toBe(NORTH);
    expect(told).toEqual([]);
  });

  test("a card is neither taken nor announced while the time waits for a second answer", async () => {
    await ranAhead();
    time.renew = () => Promise.resolve(false);
    await ask();
    expect(await pathNow()).toBe("TG/HYD/CHAR");
    expect(told).toEqual([]);
    time.renew = () => Promise.resolve(true);
    await ask();
    expect(told).toEqual([NORTH]);
  });

  test("rows that are not in memory are corrected too", async () => {
    await ranAhead();
    await start();
    await people.timeWentBack(HOUR_MS);
    await start();
    time.nowMs = NOW + 30 * MINUTE_MS;
    await ask();
    expect(await pathNow()).toBe(NORTH);
    expect(told).toEqual([]);
  });
});

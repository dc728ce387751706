/** The roster authority's key was stolen and is replaced: what the thief signed counts no more. */
import { beforeEach, describe, expect, test } from "vitest";
import { idOf, type DeviceId } from "#core/ids.ts";
import { ZEROS } from "#core/keys/format/hashing.ts";
import { DAY_MS } from "#core/keys/format/times.ts";
import { firstNumber } from "#core/keys/trust/department.ts";
import { IncarnationFormat } from "#core/keys/trust/incarnation.ts";
import { PersonCardFormat } from "#core/keys/trust/person-card.ts";
import { PersonDevicesFormat } from "#core/keys/trust/person-devices.ts";
import { RevocationFormat, isByAuthority } from "#core/keys/trust/revocation.ts";
import type { PeopleTrust } from "#core/trust/people-trust.ts";
import type { Vault } from "#core/vault/vault.ts";
import { deviceHex, endorse, newSigner, type Signer } from "../support/department.ts";
import { NOW, Scene, openVault, type Officer } from "./scene.ts";

/** The highest number that the first roster authority can sign. */
const LAST = firstNumber(1) - 1;

let scene: Scene;
let vault: Vault;
let people: PeopleTrust;
let officer: Officer;
let phone: Signer;
let device: DeviceId;

const verdict = () => people.verdict(officer.personId, device, NOW);
const authorityKey = () => scene.department.authority.keys.privateKey;

beforeEach(async () => {
  scene = await Scene.found();
  vault = await openVault();
  officer = await scene.officer("Asha");
  phone = await officer.register();
  device = deviceHex(phone.deviceBytes);
  const endorsed = await endorse(scene.deskSigner, phone.deviceBytes, "admin", NOW - DAY_MS);
  officer.add({ endorsements: endorsed.bytes });
  people = await scene.people(vault);
  await people.ensure([officer.personId]);
});

async function revokeAs(key: Uint8Array, of: Uint8Array, atMs = NOW - 1): Promise<Uint8Array> {
  const values = { device: of, lostAt: atMs, created: atMs, signer: ZEROS, standing: [] };
  return (await RevocationFormat.sign(values, key)).bytes;
}

/** As the server's command does it: a new key, and everything that the former signed signed again. */
async function replaceAuthority(keepRevocations = true): Promise<Uint8Array> {
  const former = await scene.department.nextAuthority(NOW);
  const first = firstNumber(1);
  for (const one of [scene.desk, officer]) {
    const { bundle } = one;
    const list = PersonDevicesFormat.parse(bundle.devices.at(-1) as Uint8Array);
    const values = { ...list, number: first + 1, previous: list.hash };
    bundle.devices = [(await PersonDevicesFormat.sign(values, authorityKey())).bytes];
    const cards = bundle.cards.map((bytes) => PersonCardFormat.parse(bytes));
    bundle.cards = [];
    for (const [at, card] of cards.entries()) {
      const again = await PersonCardFormat.sign(
        { ...card, number: first + 1 + at },
        authorityKey(),
      );
      bundle.cards = [...bundle.cards, again.bytes];
    }
    const revocations = bundle.revocations.map((bytes) => RevocationFormat.parse(bytes));
    bundle.revocations = [];
    for (const revocation of revocations) {
      if (!isByAuthority(revocation) || !keepRevocations) continue;
      const again = await RevocationFormat.sign(revocation, authorityKey());
      bundle.revocations = [...bundle.revocations, again.bytes];
    }
  }
  return former.keys.privateKey;
}

async function follow(): Promise<void> {
  const { root } = scene.department;
  scene.trust = await scene.trust.follow(scene.department.trust(2), root.certificate);
  await people.departmentChanged();
}

describe("K12: another roster authority", () => {
  test("a device stays confirmed once its list and card are signed anew", async () => {
    expect(await verdict()).toMatchObject({ confirmed: "admin" });
    await replaceAuthority();
    await follow();
    await people.ensure([officer.personId]);
    expect(await verdict()).toMatchObject({ confirmed: "admin" });
    expect((await people.card(officer.personId))?.number).toBe(firstNumber(1) + 1);
  });

  test("that is heard of twice, while records are read, is followed all the same", async () => {
    await replaceAuthority();
    const { root } = scene.department;
    scene.trust = await scene.trust.follow(scene.department.trust(2), root.certificate);
    const refused: unknown[] = [];
    people.onRefusedCards((one) => refused.push(one));
    const first = people.departmentChanged();
    for (let turn = 0; turn < 400; turn++) {
      await Promise.resolve();
      if (turn % 8 === 0) void people.ensure([officer.personId]);
      if (turn % 100 === 0) void people.departmentChanged();
    }
    await first;
    await people.departmentChanged();
    await people.ensure([officer.personId], { fresh: true });
    expect(refused).toEqual([]);
    expect(await verdict()).toMatchObject({ confirmed: "admin" });
    expect((await people.card(officer.personId))?.number).toBe(firstNumber(1) + 1);
  });

  test("a phone that was off meanwhile reads what it kept by the new authority", async () => {
    await replaceAuthority();
    const { root } = scene.department;
    scene.trust = await scene.trust.follow(scene.department.trust(2), root.certificate);
    people = await scene.people(vault); // Started again, with the former authority's rows.
    scene.offline = true;
    expect(await verdict()).toMatchObject({ confirmed: "no" });
    expect(await people.card(officer.personId)).toBeNull();
    scene.offline = false;
    await people.ensure([officer.personId]);
    expect(await verdict()).toMatchObject({ confirmed: "admin" });
  });

  test("a revocation that the thief signed is lifted, and a lock with it (E6)", async () => {
    officer.add({ revocations: await revokeAs(authorityKey(), phone.deviceBytes) });
    await people.ensure([officer.personId], { fresh: true });
    expect(people.judge.reaction(device)).toBe("lock");
    const thief = await replaceAuthority(false);
    await follow();
    await people.ensure([officer.personId]);
    expect(people.judge.reaction(device)).toBe("none");
    expect(await verdict()).toMatchObject({ confirmed: "admin" });
    // Nor does the server bring it back, or another.
    officer.add({ revocations: await revokeAs(thief, phone.deviceBytes, NOW - DAY_MS / 2) });
    await people.ensure([officer.personId], { fresh: true });
    expect(people.judge.reaction(device)).toBe("none");
    expect(await verdict()).toMatchObject({ confirmed: "admin" });
  });

  test("a revocation that was signed anew still counts", async () => {
    officer.add({ revocations: await revokeAs(authorityKey(), phone.deviceBytes) });
    await people.ensure([officer.personId], { fresh: true });
    await replaceAuthority();
    await follow();
    await people.ensure([officer.personId]);
    expect(people.judge.reaction(device)).toBe("lock");
    expect(await verdict()).toMatchObject({ confirmed: "no" });
  });

  test("numbers that the thief used up block neither list nor card nor Incarnation", async () => {
    const key = authorityKey();
    const list = PersonDevicesFormat.parse(officer.bundle.devices.at(-1) as Uint8Array);
    const ghost = newSigner(officer.personId);
    const devices = [...list.devices, ghost.deviceBytes];
    const high = { ...list, number: LAST, previous: list.hash, devices };
    officer.add({ devices: (await PersonDevicesFormat.sign(high, key)).bytes });
    await officer.card({ name: "Not Asha", number: LAST, createdMs: NOW });
    await people.ensure([officer.personId], { fresh: true });
    expect(people.records.card(officer.personId)?.names[0]?.text).toBe("Not Asha");
    const { root } = scene.department;
    const used = await IncarnationFormat.sign({ created: NOW, number: LAST }, key);
    scene.trust = await scene.trust.follow(scene.department.trust(2, used), root.certificate);

    officer.bundle.devices = [list.bytes];
    officer.bundle.cards = officer.bundle.cards.slice(0, 1);
    await replaceAuthority();
    const next = await scene.department.incarnation(firstNumber(1) + NOW, NOW);
    scene.trust = await scene.trust.follow(scene.department.trust(3, next), root.certificate);
    expect(scene.trust.incarnation?.number).toBe(firstNumber(1) + NOW);
    await people.departmentChanged();
    await people.ensure([officer.personId]);
    expect(await people.devicesOf(officer.personId)).toEqual([device]);
    expect((await people.card(officer.personId))?.names[0]?.text).toBe("Asha");
    expect(await verdict()).toMatchObject({ confirmed: "admin" });
  });

  test("no authority signs with numbers of another, earlier or later", async () => {
    const key = authorityKey();
    const beyond = await IncarnationFormat.sign({ created: NOW, number: LAST + 1 }, key);
    const { root } = scene.department;
    const served = scene.department.trust(2, beyond);
    await expect(scene.trust.follow(served, root.certificate)).rejects.toThrow("S8");
    await officer.card({ name: "Beyond", number: LAST + 1 });
    await people.ensure([officer.personId], { fresh: true });
    expect((await people.card(officer.personId))?.names[0]?.text).toBe("Asha");
  });

  test("a device that is new in the list of the new authority is among the person's", async () => {
    const other = await officer.register();
    await replaceAuthority();
    await follow();
    await people.ensure([officer.personId]);
    const added = idOf<DeviceId>(other.deviceBytes);
    expect(await people.devicesOf(officer.personId)).toEqual([device, added]);
  });
});

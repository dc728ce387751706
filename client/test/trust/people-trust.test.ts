import type { PersonId } from "#core/ids.ts";
import { beforeEach, describe, expect, test } from "vitest";
import { equalBytes } from "#core/octets.ts";
import { X25519 } from "#core/keys/hpke.ts";
import { DAY_MS, HOUR_MS } from "#core/keys/format/times.ts";
import { NO_ANSWER, nameOfAnswer } from "#core/trust/naming.ts";
import type { PeopleTrust } from "#core/trust/people-trust.ts";
import { DepartmentTrust } from "#core/trust/department-trust.ts";
import type { Vault } from "#core/vault/vault.ts";
import {
  Department,
  endorse,
  grant,
  newSigner,
  revoke,
  type Signer,
} from "../support/department.ts";
import { NOW, Scene, UNIT, openVault, type Officer } from "./scene.ts";

let scene: Scene;
let vault: Vault;
let people: PeopleTrust;
let asha: Officer;
let phone: Signer;

/** Asha's phone, endorsed by the desk. */
beforeEach(async () => {
  scene = await Scene.found();
  vault = await openVault();
  people = await scene.people(vault);
  [asha, phone] = await scene.endorsedOfficer("Asha");
});

describe("what the server says about people", () => {
  test("E0: an endorsed device is confirmed, with who endorsed it and since when", async () => {
    await people.ensure([asha.personId]);
    expect(await people.verdict(asha.personId, phone.device, NOW)).toEqual({
      ...{ device: phone.device, personId: asha.personId, confirmed: "admin" },
      ...{ by: scene.desk.personId, byDevice: scene.deskSigner.device },
      ...{ sinceMs: NOW - 29 * DAY_MS, refusal: null },
    });
    expect((await people.card(asha.personId))?.names[0]?.text).toBe("Asha");
  });

  test("is kept over a restart and needs no network then", async () => {
    await people.ensure([asha.personId], { keys: true });
    scene.offline = true;
    const again = await scene.people(vault);
    await again.ensure([asha.personId], { keys: true });
    const verdict = await again.verdict(asha.personId, phone.device, NOW);
    expect(verdict.confirmed).toBe("admin");
    expect(verdict.by).toBe(scene.desk.personId);
  });

  test("is asked for in one request by all who ask at once, 500 people at a time", async () => {
    const others = Array.from({ length: 600 }, (_, at) => String(at).padStart(32, "b") as PersonId);
    await Promise.all([
      people.ensure([asha.personId]),
      people.ensure(others),
      people.ensure([asha.personId, scene.desk.personId]),
    ]);
    const asked = scene.asked.flatMap((body) => body.people.map(({ personId }) => personId));
    expect(new Set(asked).size).toBe(602);
    expect(asked.length).toBe(602);
    expect(scene.asked.length).toBeLessThanOrEqual(3);
    expect(Math.max(...scene.asked.map((body) => body.people.length))).toBe(500);
    await people.ensure([asha.personId, ...others]);
    expect(scene.asked.length).toBeLessThanOrEqual(3);
  });

  test("fresh asks with the name of the answer that is held; keys with their own", async () => {
    await people.ensure([asha.personId]);
    const name = nameOfAnswer(asha.bundle, false);
    const key = await asha.key(phone, 1);
    asha.add({ keys: key.bytes });
    await people.ensure([asha.personId], { fresh: true });
    await people.ensure([asha.personId], { keys: true });
    const names = scene.asked.map((body) => body.people[0]?.held);
    expect(names).toEqual([NO_ANSWER, name, NO_ANSWER]);
    const held = await people.deviceKey(asha.personId, phone.device, X25519);
    expect(equalBytes(held.bytes, key.bytes)).toBe(true);
  });

  test("what comes again with messages is not written again", async () => {
    await people.ensure([asha.personId]);
    let writes = 0;
    const write = vault.write.bind(vault);
    vault.write = (changes, strict) => {
      writes += changes.length;
      return write(changes, strict);
    };
    await people.learn([asha.bundle]);
    expect(writes).toBe(0);
    await asha.card({ name: "Asha", rank: "SI", createdMs: NOW });
    await people.learn([asha.bundle]);
    expect(writes).toBe(1);
  });

  test("an answer that comes while the app is locked and unlocked again is asked for again", async () => {
    scene.department.nextIssuing(NOW);
    const other = await scene.officer("Bala");
    await other.register(NOW - HOUR_MS);
    scene.refreshDepartment = async () => {
      await people.load();
      return false;
    };
    await people.ensure([asha.personId, other.personId]);
    scene.refreshDepartment = () => Promise.resolve(false);
    await people.ensure([asha.personId], { fresh: true });
    expect((await people.verdict(asha.personId, phone.device, NOW)).confirmed).toBe("admin");
  });

  test("a certificate of an issuing CA that is new: the department is asked, and no answer is lost", async () => {
    const { department } = scene;
    department.nextIssuing(NOW);
    await department.declare({
      ...{ createdMs: NOW, policy: "approval", lowestKem: X25519 },
      admins: [scene.deskSigner.deviceBytes],
    });
    const tablet = await asha.register(NOW - HOUR_MS);
    const made = await endorse(phone, tablet.deviceBytes, "own device", NOW - HOUR_MS / 2);
    asha.add({ endorsements: made.bytes });
    // The word about the CA is late, once.
    await people.ensure([asha.personId]);
    expect((await people.verdict(asha.personId, tablet.device, NOW)).confirmed).toBe("no");
    scene.refreshDepartment = async () => {
      const next = await scene.trust.follow(department.trust(9), department.root.certificate);
      scene.trust = next;
      return true;
    };
    await people.ensure([asha.personId], { fresh: true });
    const verdict = await people.verdict(asha.personId, tablet.device, NOW + 1);
    expect(verdict).toMatchObject({ confirmed: "own_device", byDevice: phone.device });
  });

  test("an offline device keeps judging by what it has", async () => {
    await people.ensure([asha.personId]);
    scene.offline = true;
    await expect(people.ensure([asha.personId], { fresh: true })).rejects.toThrow("offline");
    expect((await people.verdict(asha.personId, phone.device, NOW)).confirmed).toBe("admin");
    const stranger = newSigner();
    const unknown = await people.verdict(stranger.personId, stranger.device, NOW);
    expect(unknown.confirmed).toBe("no");
  });
});

describe("a server that lies", () => {
  test("E0: a second certificate for a member is not confirmed, whatever lists it", async () => {
    await people.ensure([asha.personId]);
    const ghost = await asha.register(NOW - HOUR_MS);
    await people.ensure([asha.personId], { fresh: true });
    const verdict = await people.verdict(asha.personId, ghost.device, NOW);
    expect(verdict).toMatchObject({ confirmed: "no", by: null });
    expect((await people.verdict(asha.personId, phone.device, NOW)).confirmed).toBe("admin");
  });

  test("E0: a forged endorsement counts for nothing", async () => {
    const ghost = await asha.register(NOW - HOUR_MS);
    const honest = await endorse(phone, ghost.deviceBytes, "own device", NOW - HOUR_MS / 2);
    const forged = honest.bytes.slice();
    forged[forged.length - 1] = (forged.at(-1) ?? 0) ^ 1;
    asha.add({ endorsements: forged });
    await people.ensure([asha.personId]);
    expect((await people.verdict(asha.personId, ghost.device, NOW)).confirmed).toBe("no");
    asha.add({ endorsements: honest.bytes });
    await people.ensure([asha.personId], { fresh: true });
    const verdict = await people.verdict(asha.personId, ghost.device, NOW);
    expect(verdict).toMatchObject({ confirmed: "own_device", byDevice: phone.device });
  });

  test("an endorsement by somebody without a grant counts once the grant is there", async () => {
    const chief = await scene.officer("Chief");
    const desk = await chief.register();
    const up = await endorse(scene.deskSigner, desk.deviceBytes, "admin", NOW - 29 * DAY_MS);
    chief.add({ endorsements: up.bytes });
    const ravi = await scene.officer("Ravi");
    const first = await ravi.register(NOW - 2 * DAY_MS);
    const made = await endorse(desk, first.deviceBytes, "admin", NOW - DAY_MS);
    ravi.add({ endorsements: made.bytes });
    await people.ensure([ravi.personId, chief.personId]);
    expect((await people.verdict(ravi.personId, first.device, NOW)).confirmed).toBe("no");
    const right = await grant(scene.deskSigner, chief.personId, UNIT, NOW - 20 * DAY_MS);
    chief.add({ grants: right.bytes });
    const changed: string[] = [];
    people.onChanged((ids) => changed.push(...ids));
    await people.ensure([chief.personId], { fresh: true });
    // Ravi's verdict rests on the chief's grant, so Ravi is another too.
    expect(changed).toEqual(expect.arrayContaining([chief.personId, ravi.personId]));
    const verdict = await people.verdict(ravi.personId, first.device, NOW);
    expect(verdict).toMatchObject({ confirmed: "admin", by: chief.personId });
  });

  test("names: a card that the roster authority did not sign is not shown", async () => {
    const other = await Department.found({ nowMs: NOW });
    const forged = await other.card(asha.personId, {
      ...{ number: 9, createdMs: NOW, names: "Commissioner" },
      ...{ rank: "CP", post: "Commissioner", unit: "TG", path: "TG" },
    });
    asha.add({ cards: forged.bytes });
    await people.ensure([asha.personId]);
    expect((await people.card(asha.personId))?.names[0]?.text).toBe("Asha");
  });

  test("names: a newer card is shown, also after a restart", async () => {
    await people.ensure([asha.personId]);
    await asha.card({ name: "Asha", rank: "CP", createdMs: NOW });
    await people.ensure([asha.personId], { fresh: true });
    expect((await people.card(asha.personId))?.rank[0]?.text).toBe("CP");
    const again = await scene.people(vault);
    expect((await again.card(asha.personId))?.rank[0]?.text).toBe("CP");
  });

  test("a card of another person does not become this one's", async () => {
    const ravi = await scene.officer("Ravi");
    ravi.bundle.cards.length = 0;
    ravi.add({ cards: asha.bundle.cards[0] as Uint8Array });
    await people.ensure([ravi.personId]);
    expect(await people.card(ravi.personId)).toBeNull();
  });

  test("E1: an old list of devices replayed takes no device back", async () => {
    const tablet = await asha.register(NOW - 10 * DAY_MS);
    await people.ensure([asha.personId]);
    expect(await people.devicesOf(asha.personId)).toEqual([phone.device, tablet.device]);
    scene.bundles.set(asha.personId, {
      ...asha.bundle,
      devices: [asha.bundle.devices[0] as Uint8Array],
    });
    await people.ensure([asha.personId], { fresh: true });
    expect(await people.devicesOf(asha.personId)).toEqual([phone.device, tablet.device]);
    const again = await scene.people(vault);
    expect(await again.devicesOf(asha.personId)).toEqual([phone.device, tablet.device]);
  });

  test("records that the server leaves out later stay", async () => {
    await people.ensure([asha.personId]);
    const nothing = { devices: [], certificates: [], cards: [], endorsements: [] };
    scene.bundles.set(asha.personId, { ...asha.bundle, ...nothing });
    await people.ensure([asha.personId], { fresh: true });
    expect((await people.verdict(asha.personId, phone.device, NOW)).confirmed).toBe("admin");
  });

  test("a leaf that names another person's device is refused", async () => {
    const ravi = await scene.officer("Ravi");
    await ravi.register();
    await people.ensure([asha.personId, ravi.personId]);
    const verdict = await people.verdict(ravi.personId, phone.device, NOW);
    expect(verdict).toMatchObject({ confirmed: "no" });
    expect(verdict.refusal).toMatch("another person's device");
    const certificate = people.confirmedCertificate(ravi.personId, phone.device, NOW, "R2");
    await expect(certificate).rejects.toThrow("R2");
  });
});

describe("device keys", () => {
  test("S3: generations never go back, also over a restart", async () => {
    const old = await asha.key(phone, 1);
    const newer = await asha.key(phone, 2);
    asha.add({ keys: newer.bytes });
    await people.ensure([asha.personId], { keys: true });
    asha.bundle.keys.length = 0;
    asha.add({ keys: old.bytes });
    await people.ensure([asha.personId], { keys: true, fresh: true });
    const again = await scene.people(vault);
    for (const one of [people, again]) {
      await one.learnKeys(asha.personId, [old.bytes]);
      const held = await one.deviceKey(asha.personId, phone.device, X25519);
      expect(held.generation).toBe(2);
    }
  });

  test("S3: one that is over 14 days old is refused until it is renewed", async () => {
    const old = await asha.key(phone, 1, NOW - 15 * DAY_MS);
    asha.add({ keys: old.bytes });
    await people.ensure([asha.personId], { keys: true });
    const held = people.deviceKey(asha.personId, phone.device, X25519);
    await expect(held).rejects.toThrow("S3: older than 14 days");
    await people.learnKeys(asha.personId, [(await asha.key(phone, 2)).bytes]);
    expect((await people.deviceKey(asha.personId, phone.device, X25519)).generation).toBe(2);
  });

  test("H2: a key that another device signed is not taken", async () => {
    const thief = newSigner(asha.personId);
    const forged = await asha.key({ ...phone, keys: thief.keys }, 1);
    asha.add({ keys: forged.bytes });
    await people.ensure([asha.personId], { keys: true });
    const held = people.deviceKey(asha.personId, phone.device, X25519);
    await expect(held).rejects.toThrow("S3: device key is unknown");
  });
});

describe("E1: changes of people's devices", () => {
  test("are announced once", async () => {
    await people.ensure([asha.personId]);
    const changed: (readonly PersonId[])[] = [];
    people.onChanged((some) => changed.push(some));
    const tablet = await asha.register(NOW - HOUR_MS);
    await people.learn([asha.bundle]);
    await people.learn([asha.bundle]);
    expect(changed).toEqual([[asha.personId]]);
    expect(await people.devicesOf(asha.personId)).toEqual([phone.device, tablet.device]);
  });

  test("E4: a revoked device is confirmed no longer, and only one whose signer may revoke", async () => {
    await people.ensure([asha.personId]);
    const stranger = newSigner();
    const wrong = await revoke(stranger, phone.deviceBytes, NOW - HOUR_MS, NOW);
    asha.add({ revocations: wrong.bytes });
    await people.ensure([asha.personId], { fresh: true });
    expect((await people.verdict(asha.personId, phone.device, NOW)).confirmed).toBe("admin");
    const right = await revoke(scene.deskSigner, phone.deviceBytes, NOW - HOUR_MS, NOW);
    asha.add({ revocations: right.bytes });
    await people.ensure([asha.personId], { fresh: true });
    const { refusal } = await people.verdict(asha.personId, phone.device, NOW);
    expect(refusal).toBe("E0: not confirmed: revoked");
    // It stays in the list of her devices.
    expect(await people.devicesOf(asha.personId)).toEqual([phone.device]);
    const before = await people.verdict(asha.personId, phone.device, NOW - DAY_MS);
    expect(before.confirmed).toBe("admin");
  });
});

describe("the department", () => {
  const root = (): Uint8Array => scene.department.root.certificate;

  test("E0: its record never goes back, and a fork of it is refused", async () => {
    const served = scene.department.trust(7);
    const old = { ...served, departments: served.departments.slice(0, 1) };
    await expect(scene.trust.follow(old, root())).rejects.toThrow("went back");
    const other = await Department.found({ nowMs: NOW });
    const wrongRoot = scene.trust.follow(other.trust(8), root());
    await expect(wrongRoot).rejects.toThrow("not the pinned one");
    const forked = scene.department;
    const second = forked.records.pop();
    await forked.declare({
      ...{ createdMs: NOW, policy: "none", lowestKem: X25519, admins: [phone.deviceBytes] },
    });
    const fork = scene.trust.follow(forked.trust(9), root());
    await expect(fork).rejects.toThrow("one number");
    expect(second?.number).toBe(2);
  });

  test("E0: a higher record replaces it, and keeps the former ones for what is older", async () => {
    await scene.department.declare({
      ...{ createdMs: NOW, policy: "approval", lowestKem: X25519, admins: [phone.deviceBytes] },
    });
    const { departments } = scene.department.trust(8);
    const newest = { ...scene.department.trust(8), departments: departments.slice(2) };
    const next = await scene.trust.follow(newest, root());
    expect(next.departments.map(({ number }) => number)).toEqual([1, 2, 3]);
    await people.ensure([asha.personId, scene.desk.personId]);
    scene.trust = next;
    await people.departmentChanged();
    const verdict = await people.verdict(asha.personId, phone.device, NOW + 1);
    expect(verdict.confirmed).toBe("root_admin");
    // The desk is no root admin's any more and nobody endorsed it.
    const desk = await people.verdict(scene.desk.personId, scene.deskSigner.device, NOW + 1);
    expect(desk.confirmed).toBe("no");
  });

  test("E0: CAs and roster authority must be the root's, in their roles", async () => {
    const served = scene.department.trust(1);
    const other = await Department.found({ nowMs: NOW });
    for (const wrong of [
      { ...served, issuing: [] },
      { ...served, issuing: [other.issuing.certificate] },
      { ...served, issuing: [served.rosterAuthority] },
      { ...served, rosterAuthority: other.authority.certificate },
      { ...served, rosterAuthority: served.issuing[0] as Uint8Array },
      { ...served, departments: [] },
      { ...served, departments: other.records.map(({ bytes }) => bytes) },
    ])
      await expect(DepartmentTrust.open(wrong, root())).rejects.toThrow("E0");
    await DepartmentTrust.open(served, root());
  });
});

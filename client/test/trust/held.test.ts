/** K10: what a device holds of a person, by which it asks for more. */
import { beforeEach, describe, expect, test } from "vitest";
import { toHex, utf8 } from "#core/octets.ts";
import { DAY_MS, HOUR_MS } from "#core/keys/format/times.ts";
import { NO_ANSWER, nameOf } from "#core/trust/naming.ts";
import type { PeopleTrust } from "#core/trust/people-trust.ts";
import { PERSON_TRUST_STORE, type PersonTrustRow } from "#core/trust/person-row.ts";
import type { Vault } from "#core/vault/vault.ts";
import { endorse, grant, newSigner, revoke, type Signer } from "../support/department.ts";
import { NOW, Scene, UNIT, openVault, type Officer } from "./scene.ts";

let scene: Scene;
let vault: Vault;
let people: PeopleTrust;
let asha: Officer;
let phone: Signer;

const refusal = async (by: PeopleTrust) =>
  (await by.verdict(asha.personId, phone.device, NOW)).refusal;
const REVOKED = "E0: not confirmed: revoked";

/** Asha's phone, endorsed by the desk. */
beforeEach(async () => {
  scene = await Scene.found();
  vault = await openVault();
  people = await scene.people(vault);
  [asha, phone] = await scene.endorsedOfficer("Asha");
});

describe("K10: one answer of a lying server", () => {
  const loss = async (signer = scene.deskSigner, atMs = NOW) =>
    (await revoke(signer, phone.deviceBytes, NOW - HOUR_MS, atMs)).bytes;

  /** The honest server answers with the revocation, and the phone counts no longer. */
  async function takesRevocation(again: PeopleTrust): Promise<void> {
    asha.add({ revocations: await loss() });
    scene.serve(asha);
    await again.ensure([asha.personId], { fresh: true });
    expect(await refusal(again)).toBe(REVOKED);
    scene.offline = true;
    const restarted = await scene.people(vault);
    expect(await refusal(restarted)).toBe(REVOKED);
  }

  test("a name is that of the records, whatever number or order comes with them", async () => {
    const [a, b] = [utf8("a"), utf8("b")];
    // tests/records/test_naming.py has the same one.
    const name = "18d79cb747ea174c59f3a3b41768672526d56fecc58360a99d283d0f9b0a3cc0";
    expect(toHex(nameOf([b, a, b]))).toBe(name);
    const numbered = { ...asha.bundle, version: Number.MAX_SAFE_INTEGER };
    scene.bundles.set(asha.personId, numbered);
    await people.ensure([asha.personId]);
    await takesRevocation(people);
  });

  test("that leaves records out is not held in place of the whole one", async () => {
    scene.bundles.set(asha.personId, { ...asha.bundle, endorsements: [] });
    await people.ensure([asha.personId]);
    expect((await people.verdict(asha.personId, phone.device, NOW)).confirmed).toBe("no");
    scene.serve(asha);
    await people.ensure([asha.personId], { fresh: true });
    expect((await people.verdict(asha.personId, phone.device, NOW)).confirmed).toBe("admin");
    await takesRevocation(people);
  });

  test("with 600 records of unknown signers takes no place of a real one", async () => {
    const strangers = [newSigner(), newSigner()];
    const unknown = await Promise.all(
      Array.from({ length: 600 }, (_, at) => loss(strangers[at % 2], NOW - at)),
    );
    scene.bundles.set(asha.personId, { ...asha.bundle, revocations: unknown });
    await people.ensure([asha.personId]);
    await people.ensure([asha.personId], { fresh: true });
    // None of them is held: no name says so, and the vault has none.
    expect(scene.asked.at(-1)?.people[0]?.held).toEqual(NO_ANSWER);
    const row = await vault.get<PersonTrustRow>(PERSON_TRUST_STORE, asha.personId);
    expect(row?.revocations).toEqual([]);
    await takesRevocation(people);
  });

  test("with records of signers who are known later: they count then, and are kept", async () => {
    const chief = await scene.officer("Chief");
    const desk = await chief.register();
    const up = await endorse(scene.deskSigner, desk.deviceBytes, "admin", NOW - 29 * DAY_MS);
    const right = await grant(scene.deskSigner, chief.personId, UNIT, NOW - 20 * DAY_MS);
    chief.add({ endorsements: up.bytes, grants: right.bytes });
    asha.add({ revocations: await loss(desk) });
    await people.ensure([asha.personId]);
    expect(await refusal(people)).toBeNull();
    await people.ensure([chief.personId]);
    expect(await refusal(people)).toBe(REVOKED);
    scene.offline = true;
    const restarted = await scene.people(vault);
    expect(await refusal(restarted)).toBe(REVOKED);
  });
});

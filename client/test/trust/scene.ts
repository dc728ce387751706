/**
 * A department with people for tests of the trust stores: real records, a real vault, and a server
 * that answers with whatever the test puts into `bundles`, right or wrong.
 */
import "fake-indexeddb/auto";
import { newId, type PersonId } from "#core/ids.ts";
import { equalBytes } from "#core/octets.ts";
import { DeviceKeyFormat } from "#core/keys/device-key.ts";
import { X25519, publicKeyOf, type Kem } from "#core/keys/hpke.ts";
import { DAY_MS } from "#core/keys/format/times.ts";
import { DepartmentTrust } from "#core/trust/department-trust.ts";
import { NO_ANSWER, nameOfAnswer } from "#core/trust/naming.ts";
import { PeopleTrust } from "#core/trust/people-trust.ts";
import { Vault } from "#core/vault/vault.ts";
import type { LookUpTrust, PersonTrust } from "#core/wire.ts";
import {
  Department,
  endorse,
  following,
  newSigner,
  type CardValues,
  type Policy,
  type Signer,
} from "../support/department.ts";

export const NOW = Date.UTC(2026, 10, 26, 12);
export const UNIT = "TG/HYD/CHAR";

export async function openVault(name = `trust-${newId()}`): Promise<Vault> {
  const vault = new Vault({ name, now: () => NOW });
  await vault.open();
  return vault;
}

/** One person's signed records, as the server keeps them. */
export class Officer {
  readonly personId: PersonId = newId();
  readonly signers: Signer[] = [];
  readonly bundle: { -readonly [Name in keyof PersonTrust]: PersonTrust[Name] };
  readonly #department: Department;
  #former: { readonly number: number; readonly hash: Uint8Array } | null = null;

  constructor(department: Department) {
    this.#department = department;
    this.bundle = {
      personId: this.personId,
      ...{ devices: [], certificates: [], cards: [], endorsements: [] },
      ...{ grants: [], revocations: [], keys: [] },
    };
  }

  add(more: Partial<Record<keyof PersonTrust, Uint8Array>>): void {
    for (const [kind, bytes] of Object.entries(more))
      (this.bundle[kind as "cards"] as Uint8Array[]).push(bytes);
  }

  async register(createdMs = NOW - 30 * DAY_MS, signer = newSigner(this.personId)) {
    this.signers.push(signer);
    const devices = this.signers.map(({ deviceBytes }) => deviceBytes);
    const list = await this.#department.personDevices(
      this.personId,
      devices,
      following(this.#former),
      createdMs,
    );
    this.#former = list;
    const { publicKey } = signer.keys;
    this.add({ devices: list.bytes });
    this.add({ certificates: this.#department.certify(signer, publicKey, createdMs) });
    return signer;
  }

  async card(values: Partial<CardValues> & { readonly name: string }): Promise<void> {
    const { name, ...rest } = values;
    const card = await this.#department.card(this.personId, {
      ...{
        number: this.bundle.cards.length + 1,
        createdMs: NOW - 40 * DAY_MS + this.bundle.cards.length,
      },
      ...{ names: name, rank: "PC", post: "Constable" },
      ...{ unit: "CHAR", path: UNIT },
      ...rest,
    });
    this.add({ cards: card.bytes });
  }

  async key(signer: Signer, generation: number, createdMs = NOW, kem: Kem = X25519) {
    const privateKey = new Uint8Array(32).fill(generation);
    const publicKey = await publicKeyOf(kem, privateKey);
    const values = { kem, device: signer.deviceBytes, generation, created: createdMs, publicKey };
    return DeviceKeyFormat.sign(values, signer.keys.privateKey);
  }
}

export interface SceneTime {
  nowMs: number;
  renew?: () => Promise<boolean>;
}

export interface SceneOptions {
  readonly policy?: Policy;
}

export class Scene {
  readonly department: Department;
  readonly desk: Officer;
  /** The bundles that the server answers with. */
  readonly bundles = new Map<PersonId, PersonTrust>();
  readonly asked: LookUpTrust[] = [];
  /** People about whom the server tells nothing. */
  readonly untold = new Set<PersonId>();
  offline = false;
  trust: DepartmentTrust;
  version = 1;

  private constructor(department: Department, desk: Officer, trust: DepartmentTrust) {
    this.department = department;
    this.desk = desk;
    this.trust = trust;
  }

  /** With a root admin's device (the desk) in the department record. */
  static async found({ policy = "approval" }: SceneOptions = {}): Promise<Scene> {
    const createdMs = NOW - 100 * DAY_MS;
    const founded = await Department.found({ nowMs: createdMs, policy, admins: [] });
    const desk = new Officer(founded);
    const signer = await desk.register(createdMs);
    await founded.declare({
      createdMs: createdMs + 1,
      policy,
      lowestKem: X25519,
      admins: [signer.deviceBytes],
    });
    // Certificates of a year: the desk is older than everybody.
    const { publicKey } = signer.keys;
    const notAfterMs = NOW + 300 * DAY_MS;
    desk.add({ certificates: founded.certify(signer, publicKey, createdMs, { notAfterMs }) });
    await desk.card({ name: "Desk" });
    const trust = await DepartmentTrust.open(founded.trust(1), founded.root.certificate);
    const scene = new Scene(founded, desk, trust);
    scene.serve(desk);
    return scene;
  }

  /** An officer whose phone the desk endorsed. */
  async endorsedOfficer(name: string): Promise<readonly [Officer, Signer]> {
    const officer = await this.officer(name);
    const phone = await officer.register();
    const by = await endorse(this.deskSigner, phone.deviceBytes, "admin", NOW - 29 * DAY_MS);
    officer.add({ endorsements: by.bytes });
    return [officer, phone];
  }

  get deskSigner(): Signer {
    return this.desk.signers[0] as Signer;
  }

  async officer(name: string): Promise<Officer> {
    const officer = new Officer(this.department);
    await officer.card({ name });
    this.serve(officer);
    return officer;
  }

  serve(officer: Officer): void {
    this.bundles.set(officer.personId, officer.bundle);
  }

  /** The honest answer: all that is not held already, and the desk behind everybody. */
  readonly lookUpTrust = (body: LookUpTrust) => {
    this.asked.push(body);
    if (this.offline) return Promise.reject(new Error("offline"));
    const known = new Map(body.people.map(({ personId, held }) => [personId, held]));
    if (!known.has(this.desk.personId)) known.set(this.desk.personId, NO_ANSWER);
    const people = [...known].flatMap(([personId, held]) => {
      const bundle = this.bundles.get(personId);
      if (bundle === undefined || this.untold.has(personId)) return [];
      if (equalBytes(held, nameOfAnswer(bundle, body.keys))) return [];
      // Decoded from the wire, each answer has its own bytes.
      return [structuredClone({ ...bundle, keys: body.keys ? bundle.keys : [] })];
    });
    return Promise.resolve({ people, untold: [...this.untold] });
  };

  /** The function that {@link people} calls when it asks for a newer department. */
  refreshDepartment: () => Promise<boolean> = () => Promise.resolve(false);

  /** `time`: the device's, by its own clock and by the department's time. */
  async people(vault: Vault, time: SceneTime = { nowMs: NOW }): Promise<PeopleTrust> {
    const people = new PeopleTrust({
      vault,
      api: { lookUpTrust: this.lookUpTrust },
      time: {
        requireNow: () => time.nowMs,
        earliest: () => time.nowMs,
        renew: () => time.renew?.() ?? Promise.resolve(true),
      },
      now: () => time.nowMs,
      department: () => this.trust,
      refreshDepartment: () => this.refreshDepartment(),
    });
    await people.load();
    return people;
  }
}

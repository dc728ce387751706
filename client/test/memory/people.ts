/**
 * Accounts of the server in memory: people of a data bank that holds everybody who is asked for,
 * their devices, certificates and device keys. The records about a person are one bundle.
 */
import { inEnglish } from "../../src/names.ts";
import { concat, copy, equalBytes, fromHex, toHex, u64, utf8 } from "../../src/octets.ts";
import { DeviceKeyFormat, sealKeyId } from "../../src/keys/device-key.ts";
import { requirePublicKey, type Kem } from "../../src/keys/hpke.ts";
import { idOf, newId } from "../../src/ids.ts";
import type { ClientId, DeviceId, PersonId, PostId, SealKeyId, UnitId } from "../../src/ids.ts";
import { DAY_MS, HOUR_MS } from "../../src/keys/format/times.ts";
import { hash } from "../../src/keys/format/hashing.ts";
import { requireSigningKey, verifySignature } from "../../src/keys/format/signature.ts";
import { parseCertificate } from "../../src/keys/trust/certificate.ts";
import { deviceIdBytes } from "../../src/keys/trust/device-certificate.ts";
import { PersonCardFormat } from "../../src/keys/trust/person-card.ts";
import type * as wire from "../../src/wire.ts";
import { nameOf, numberOf } from "../support/people.ts";
import { following } from "../support/department.ts";
import { Refusal, checked } from "./refusal.ts";
import type { ServerPorts } from "./ports.ts";
import { isOut, type ClientState, type PersonState } from "./state.ts";

/** The version of the code of conduct of a person who has accepted none. */
const NONE = 0;
const LIVES_MS = 90 * DAY_MS;
const TOKEN_LIVES_MS = DAY_MS;
const RENEWED_BEFORE_MS = 30 * DAY_MS;
const MOST_DEVICES = 8;
export const UNIT = "CHAR" as UnitId;
export const UNIT_PATH = "TG/CHAR";

/** The people of the data bank whom a text finds: known ones, and the one whose name it is. */
export function findPeople(known: Iterable<PersonId>, text: string): readonly PersonId[] {
  const index = /^Officer [A-Z](\d+)$/u.exec(text)?.[1];
  const named = index === undefined ? [] : [personIdOf(numberOf(Number(index)))];
  const ids = new Set([...known, ...named]);
  return [...ids].filter((personId) => nameOfPerson(personId).includes(text));
}

function hashOf(token: string): string {
  return toHex(hash(utf8(token)));
}

function nameOfPerson(personId: PersonId): string {
  const index = Number(personId.slice(-5));
  return Number.isNaN(index) ? "Desk" : nameOf(index);
}

/** The person with a number of the data bank (support/people.ts). */
export function personIdOf(number: string): PersonId {
  return number.slice(-5).padStart(32, "a") as PersonId;
}

export class People {
  /** The newest version of the code of conduct; it asks everybody. */
  conduct = 1;
  readonly #server: ServerPorts;

  constructor(server: ServerPorts) {
    this.#server = server;
  }

  get #state() {
    return this.#server.state;
  }

  client(clientId: ClientId): ClientState {
    const found = this.#state.clients.get(clientId);
    if (found === undefined) throw new Error(`no client ${clientId}`);
    return found;
  }

  clientByToken(token: string): ClientState | null {
    const hash = hashOf(token);
    for (const client of this.#state.clients.values()) {
      const expiresMs = client.tokens.get(hash) ?? 0;
      if (expiresMs > this.#server.now()) return client;
    }
    return null;
  }

  clientOf(device: DeviceId): ClientState | null {
    for (const client of this.#state.clients.values()) if (client.device === device) return client;
    return null;
  }

  /** All devices that a person ever had, in the order of registration. */
  /** Whether a person has accepted the version that asks. */
  hasAccepted(personId: PersonId): boolean {
    return (this.#state.people.get(personId)?.accepted ?? NONE) >= this.conduct;
  }

  clientsOf(personId: PersonId): readonly ClientState[] {
    return [...this.#state.clients.values()].filter((one) => one.personId === personId);
  }

  /** The state kept of a person; the first caller makes the card. */
  async person(personId: PersonId): Promise<PersonState> {
    const known = this.#state.people.get(personId);
    if (known !== undefined) return known;
    const person: PersonState = {
      ...{ personId, version: 1, accepted: NONE },
      ...{ lists: [], cards: [], endorsements: [], grants: [], revocations: [] },
    };
    await this.addCard(person, {});
    this.#state.people.set(personId, person);
    return person;
  }

  /** The roster authority signs another card; absent values are those of everybody. */
  async addCard(
    person: PersonState,
    values: {
      readonly name?: string;
      readonly rank?: string;
      readonly post?: string;
      readonly path?: string;
      readonly createdMs?: number;
    },
  ): Promise<void> {
    const newest = person.cards.at(-1);
    const former = newest === undefined ? null : PersonCardFormat.parse(newest);
    const { number } = following(former, this.#state.incarnation);
    const path = values.path ?? UNIT_PATH;
    const card = await this.#server.department.card(person.personId, {
      number,
      createdMs: values.createdMs ?? Math.max(this.#server.now(), (former?.created ?? 0) + 1),
      names: values.name ?? nameOfPerson(person.personId),
      ...{
        rank: values.rank ?? "PC",
        post: values.post ?? "Constable",
        unit: path.split("/").at(-1) ?? "",
        path,
      },
    });
    person.cards.push(card.bytes);
    await this.#server.judge.records.addCard(card.bytes);
    this.changed(person);
  }

  changed(person: PersonState): void {
    person.version += 1;
  }

  // --- Registration ---------------------------------------------------------------------------

  async register(body: wire.RegisterClient): Promise<wire.ClientRegistered> {
    const number = this.#state.tickets.get(body.ticket);
    if (number === undefined) throw new Refusal("ticket_invalid");
    return this.enlist(personIdOf(number), body.clientId, body.signaturePublicKey, body.label);
  }

  /** A device gets its certificate and is in its person's list. A repeat changes nothing. */
  async enlist(
    personId: PersonId,
    clientId: ClientId,
    publicKey: Uint8Array,
    label: string,
  ): Promise<wire.ClientRegistered> {
    const known = this.#state.clients.get(clientId);
    if (known !== undefined) {
      if (known.personId !== personId || !equalBytes(known.publicKey, publicKey))
        throw new Refusal("client_known");
      return this.#registered(known);
    }
    await checked("key_invalid", () => requireSigningKey(publicKey, "E0"));
    const person = await this.person(personId);
    if (this.clientsOf(personId).filter((one) => !one.revoked).length >= MOST_DEVICES)
      throw new Refusal("too_many_devices");
    const deviceBytes = deviceIdBytes(fromHex(personId), fromHex(clientId), publicKey);
    const client: ClientState = {
      ...{ clientId, personId, label, revoked: false, locked: null, tokens: new Map(), keys: [] },
      ...{ device: idOf<DeviceId>(deviceBytes), publicKey: copy(publicKey) },
      ...{ createdMs: this.#server.now(), certificates: [] },
    };
    await this.#certify(client);
    const devices = [...this.clientsOf(personId), client].map(({ device }) => fromHex(device));
    const next = following(person.lists.at(-1) ?? null, this.#state.incarnation);
    const now = this.#server.now();
    const list = await this.#server.department.personDevices(personId, devices, next, now);
    await this.#server.judge.records.addPersonDevices(list.bytes);
    person.lists.push(list);
    this.#state.clients.set(clientId, client);
    this.changed(person);
    await this.#server.devicesChanged(personId);
    return this.#registered(client);
  }

  async #certify(client: ClientState): Promise<void> {
    const now = this.#server.now();
    const lives = { notAfterMs: now + LIVES_MS };
    const der = this.#server.department.certify(client, client.publicKey, now, lives);
    await this.#server.judge.records.addCertificate(der);
    client.certificates.push(der);
  }

  #registered(client: ClientState): wire.ClientRegistered {
    const { personId, clientId, device } = client;
    const accessToken = newId();
    const tokenExpiresMs = this.#server.now() + TOKEN_LIVES_MS;
    client.tokens.set(hashOf(accessToken), tokenExpiresMs);
    const certificate = client.certificates.at(-1) as Uint8Array;
    const trust = this.#server.department.trust(this.#state.version, this.#state.incarnation);
    return { personId, clientId, device, certificate, accessToken, tokenExpiresMs, trust };
  }

  /** The client whose key signed something for itself. */
  async proven(label: string, asked: wire.SignOut, rest: Uint8Array): Promise<ClientState> {
    const { clientId, createdMs, proof } = asked;
    const client = this.#state.clients.get(clientId);
    if (client === undefined) throw new Refusal("unauthenticated");
    const signed = concat(utf8(`copconnect ${label}\0`), fromHex(clientId), u64(createdMs), rest);
    if (!(await verifySignature(client.publicKey, signed, proof)))
      throw new Refusal("proof_invalid");
    if (Math.abs(createdMs - this.#server.now()) > 600_000)
      throw new Refusal("clock_wrong", { server_ms: this.#server.now() });
    if (isOut(client)) throw this.#server.signedOut(client);
    return client;
  }

  async renew(asked: wire.RenewCertificate): Promise<wire.CertificateRenewed> {
    const client = await this.proven("renew v2", asked, asked.tokenHash);
    const tokenExpiresMs = asked.createdMs + TOKEN_LIVES_MS;
    client.tokens.set(toHex(asked.tokenHash), tokenExpiresMs);
    const newest = client.certificates.at(-1) as Uint8Array;
    if (parseCertificate(newest).notAfterMs - this.#server.now() <= RENEWED_BEFORE_MS) {
      await this.#certify(client);
      this.changed(await this.person(client.personId));
      await this.#server.devicesChanged(client.personId);
    }
    return { certificate: client.certificates.at(-1) as Uint8Array, tokenExpiresMs };
  }

  // --- Device keys ----------------------------------------------------------------------------

  async putKeys(client: ClientState, records: readonly Uint8Array[]): Promise<void> {
    const keys = await checked("record_invalid", async () => {
      const parsed = records.map((bytes) => DeviceKeyFormat.parse(bytes));
      for (const key of parsed) {
        await DeviceKeyFormat.verify(key, client.publicKey);
        requirePublicKey(key.kem, key.publicKey, "D3");
      }
      return parsed;
    });
    const added = keys.filter((key) => {
      if (toHex(key.device) !== client.device) throw new Refusal("record_invalid", { rule: "H2" });
      const newest = client.keys.findLast(({ kem }) => kem === key.kem);
      if (newest !== undefined && equalBytes(newest.record, key.bytes)) return false;
      if (newest !== undefined && key.generation <= newest.generation)
        throw new Refusal("record_invalid", { rule: "S3" });
      return true;
    });
    if (added.length === 0) return;
    const storedMs = this.#server.now();
    for (const key of added) {
      const { kem, generation, bytes } = key;
      client.keys.push({ kem, generation, record: bytes, keyId: sealKeyId(key), storedMs });
    }
    this.changed(await this.person(client.personId));
  }

  /** Ids of keys that a seal to a device may name: the newest, and the former one for an hour. */
  sealable(client: ClientState, kem: Kem): readonly SealKeyId[] {
    const own = client.keys.filter((key) => key.kem === kem);
    const [newest, former] = [own.at(-1), own.at(-2)];
    if (newest === undefined) return [];
    const grace = this.#server.now() - newest.storedMs <= HOUR_MS;
    return former !== undefined && grace ? [newest.keyId, former.keyId] : [newest.keyId];
  }

  newestKeys(client: ClientState): readonly Uint8Array[] {
    const newest = new Map(client.keys.map((key) => [key.kem, key.record]));
    return [...newest.values()];
  }

  // --- Bundles --------------------------------------------------------------------------------

  bundle(person: PersonState, keys: boolean): wire.PersonTrust {
    const clients = this.clientsOf(person.personId);
    return {
      personId: person.personId,
      devices: person.lists.map(({ bytes }) => bytes),
      certificates: clients.flatMap(({ certificates }) => certificates),
      cards: [...person.cards],
      endorsements: [...person.endorsements],
      grants: [...person.grants],
      revocations: [...person.revocations],
      keys: keys ? clients.flatMap((client) => this.newestKeys(client)) : [],
    };
  }

  async me(client: ClientState): Promise<wire.Me> {
    const { personId } = client;
    const person = await this.person(personId);
    const verdicts = this.#server.judge.verdicts(personId);
    const confirmed = (one: ClientState): wire.Confirmed => verdicts.get(one.device) ?? "no";
    return {
      version: await this.meVersion(client),
      person: this.plate(personId),
      clientId: client.clientId,
      device: client.device,
      confirmed: confirmed(client),
      confirmers:
        confirmed(client) === "no"
          ? this.#server.judge.confirmers(personId).map((one) => ({
              personId: one,
              number: this.plate(one).number,
            }))
          : [],
      clients: this.clientsOf(personId).map((one) => ({
        ...{ clientId: one.clientId, device: one.device, label: one.label },
        ...{ createdMs: one.createdMs, lastSeenMs: null, revoked: one.revoked },
        lockedMs: one.locked?.sinceMs ?? null,
        certificateExpiresMs: parseCertificate(one.certificates.at(-1) as Uint8Array).notAfterMs,
        confirmed: confirmed(one),
      })),
      conductVersion: person.accepted === NONE ? null : person.accepted,
      conductAcceptedMs: person.accepted === NONE ? null : 1,
      conductRequired: this.conduct,
      unitAdmin: person.grants.length > 0,
    };
  }

  /** Another one whenever {@link me} may be another. */
  async meVersion(client: ClientState): Promise<string> {
    const { version, accepted } = await this.person(client.personId);
    return `${String(version)}.${String(accepted)}.${String(this.#state.version)}`;
  }

  plate(personId: PersonId): wire.Person {
    return {
      ...{ personId, names: inEnglish(nameOfPerson(personId)), number: "", rank: "PC" },
      ...{
        postId: "9".repeat(32) as PostId,
        post: inEnglish("Constable"),
        roles: [],
        unitId: UNIT,
        status: "active",
      },
      charges: [],
      registered: this.clientsOf(personId).length > 0,
    };
  }
}

/**
 * The server in memory judges who is confirmed (E0, E2, E4) by the client's own pure code on the
 * records that the server holds. A server that lies about it is {@link ServerJudge.pretends}.
 */
import type { Kem } from "../../src/keys/hpke.ts";
import type { DeviceId, PersonId } from "../../src/ids.ts";
import { Judge } from "../../src/keys/trust/confirmed.ts";
import { TrustRecords } from "../../src/keys/trust/trust-records.ts";
import type * as wire from "../../src/wire.ts";
import { Refusal } from "./refusal.ts";
import { leafOf } from "./rosters.ts";
import type { Recipient } from "./seals.ts";
import type { ServerPorts } from "./ports.ts";
import { isOut, type ClientState, type ConversationState, type ListedLeaf } from "./state.ts";

const MOST_CONFIRMERS = 5;

export class ServerJudge {
  readonly #server: ServerPorts;
  records: TrustRecords;
  judge: Judge;
  /** Devices that the server lists though nobody confirmed them: it was taken over. */
  pretends: (device: DeviceId) => boolean = () => false;

  constructor(server: ServerPorts) {
    this.#server = server;
    this.records = new TrustRecords(server.department.root.keys.publicKey);
    this.judge = new Judge(this.records);
  }

  /** The records of a state that was restored, or of a department that has declared another record. */
  async rebuild(): Promise<void> {
    const { department, state } = this.#server;
    this.records = new TrustRecords(department.root.keys.publicKey);
    this.judge = new Judge(this.records);
    await this.learnDepartment();
    for (const client of state.clients.values())
      for (const der of client.certificates) await this.records.addCertificate(der);
    for (const person of state.people.values()) {
      for (const card of person.cards) await this.records.addCard(card);
      for (const { bytes } of person.lists) await this.records.addPersonDevices(bytes);
      for (const one of person.endorsements) await this.records.addEndorsement(one);
      for (const one of person.grants) await this.records.addGrant(one);
      for (const one of person.revocations) await this.records.addRevocation(one);
    }
  }

  async learnDepartment(): Promise<void> {
    const { department } = this.#server;
    for (const key of department.issuingKeys) this.records.addIssuingKey(key);
    for (const { bytes } of department.records) await this.records.addDepartment(bytes);
  }

  verdict(device: DeviceId): wire.Confirmed {
    return this.judge.confirmedOrNull(device, this.#server.now())?.how ?? "no";
  }

  verdicts(personId: PersonId): ReadonlyMap<DeviceId, wire.Confirmed> {
    const clients = this.#server.people.clientsOf(personId);
    return new Map(clients.map(({ device }) => [device, this.verdict(device)]));
  }

  confirmed(client: ClientState): boolean {
    if (this.pretends(client.device)) return true;
    return !isOut(client) && this.verdict(client.device) !== "no";
  }

  requireConfirmed(client: ClientState): void {
    if (!this.confirmed(client)) throw new Refusal("device_unconfirmed");
  }

  /** The devices of a person that rosters list (E2). */
  listable(personId: PersonId): readonly ClientState[] {
    const clients = this.#server.people.clientsOf(personId);
    return clients.filter((client) => this.confirmed(client));
  }

  /** The confirmed devices among these leaves, with the key ids that seals to them may name. */
  recipients(leaves: Iterable<ListedLeaf>, kem: Kem): readonly Recipient[] {
    const { people } = this.#server;
    return [...leaves].flatMap(({ device, cell }) => {
      const client = people.clientOf(device);
      if (client === null || !this.confirmed(client)) return [];
      return { device, cell, keyIds: people.sealable(client, kem) };
    });
  }

  confirmedOf(conversation: ConversationState, devices: Iterable<DeviceId>): ReadonlySet<DeviceId> {
    const { people } = this.#server;
    const found = [...devices].filter((device) => {
      const client = people.clientOf(device);
      return leafOf(conversation, device) !== null && client !== null && this.confirmed(client);
    });
    return new Set(found);
  }

  /** People who can confirm a device of a person: the person itself first, then admins. */
  confirmers(personId: PersonId): PersonId[] {
    const now = this.#server.now();
    const { people, state } = this.#server;
    const own = this.listable(personId).length > 0 ? [personId] : [];
    const admins = [...state.people.keys()].filter(
      (other) =>
        other !== personId &&
        people
          .clientsOf(other)
          .some(({ device }) => this.judge.mayAdminister(device, personId, now)),
    );
    return [...own, ...admins].slice(0, MOST_CONFIRMERS);
  }
}

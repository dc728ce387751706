/**
 * The server in memory takes and serves records about who is confirmed: endorsements, grants,
 * revocations, bundles of records, and the halves of E3's comparison, which it only passes on.
 */
import { equalBytes, fromHex, toHex } from "../../src/octets.ts";
import { idOf } from "../../src/ids.ts";
import type { ClientId, ConfirmationId, DeviceId, PersonId } from "../../src/ids.ts";
import { CLOCKS_MS, HOUR_MS } from "../../src/keys/format/times.ts";
import { CLOSE_SIGNED_OUT } from "../../src/wire.ts";
import { EndorsementFormat } from "../../src/keys/trust/endorsement.ts";
import { GrantFormat, requireGrantValues } from "../../src/keys/trust/grant.ts";
import { RevocationFormat, requireRevocationValues } from "../../src/keys/trust/revocation.ts";
import { nameOfAnswer } from "../../src/trust/naming.ts";
import type * as wire from "../../src/wire.ts";
import { Refusal, checked } from "./refusal.ts";
import type { ServerPorts } from "./ports.ts";
import { isOut, type ClientState, type PersonState } from "./state.ts";

const CONFIRMATION_MS = HOUR_MS / 6;

export class TrustRole {
  readonly #server: ServerPorts;

  constructor(server: ServerPorts) {
    this.#server = server;
  }

  // --- Bundles --------------------------------------------------------------------------------

  async lookUp({ people, keys }: wire.LookUpTrust): Promise<wire.PeopleTrust> {
    const known = new Map(people.map(({ personId, held }) => [personId, held]));
    const all = await this.bundles([...known.keys()], keys);
    const isNews = (bundle: wire.PersonTrust): boolean => {
      const held = known.get(bundle.personId);
      return held === undefined || !equalBytes(held, nameOfAnswer(bundle, keys));
    };
    return { people: all.filter(isNews), untold: [] };
  }

  /** The records of these people, and of everybody by whose word their devices count. */
  async bundles(personIds: readonly PersonId[], keys: boolean): Promise<wire.PersonTrust[]> {
    const found = new Map<PersonId, wire.PersonTrust>();
    const wanted = [...personIds];
    for (let id = wanted.pop(); id !== undefined; id = wanted.pop()) {
      if (found.has(id)) continue;
      const person = await this.#server.people.person(id);
      found.set(id, this.#server.people.bundle(person, keys && personIds.includes(id)));
      wanted.push(...this.#signersOf(person));
    }
    return [...found.values()];
  }

  #signersOf({ endorsements, grants, revocations }: PersonState): readonly PersonId[] {
    const signers = [
      ...endorsements.map((bytes) => EndorsementFormat.parse(bytes).endorser),
      ...grants.map((bytes) => GrantFormat.parse(bytes).grantor),
      ...revocations.map((bytes) => RevocationFormat.parse(bytes).signer),
    ];
    return signers.flatMap((device) => {
      const client = this.#server.people.clientOf(idOf<DeviceId>(device));
      return client === null ? [] : [client.personId];
    });
  }

  // --- Records --------------------------------------------------------------------------------

  async endorse(
    caller: ClientState,
    { endorsement: bytes, revocations }: wire.SubmitEndorsement,
  ): Promise<void> {
    const { judge, people } = this.#server;
    const record = await checked("endorsement_invalid", () => EndorsementFormat.parse(bytes));
    const endorsed = people.clientOf(idOf<DeviceId>(record.endorsed));
    if (endorsed === null) throw new Refusal("endorsement_invalid", { reason: "unknown device" });
    const person = await people.person(endorsed.personId);
    if (person.endorsements.some((one) => equalBytes(one, bytes))) return;
    this.#requireBy(caller, record.endorser, record.created, "endorsement_invalid");
    await checked("endorsement_invalid", () => EndorsementFormat.verify(record, caller.publicKey));
    await judge.records.addEndorsement(bytes);
    try {
      for (const one of revocations) await judge.records.addRevocation(one);
      await checked("endorsement_invalid", () => judge.judge.requireEndorsement(record));
    } catch (error) {
      // It is not kept.
      await judge.rebuild();
      throw error;
    }
    person.endorsements.push(bytes);
    person.revocations.push(...revocations);
    await this.#changed(person);
  }

  async grant(caller: ClientState, bytes: Uint8Array): Promise<void> {
    const { judge, people } = this.#server;
    const record = await checked("grant_invalid", () => GrantFormat.parse(bytes));
    const person = await people.person(idOf<PersonId>(record.person));
    if (person.grants.some((one) => equalBytes(one, bytes))) return;
    this.#requireBy(caller, record.grantor, record.created, "grant_invalid");
    judge.requireConfirmed(caller);
    await checked("grant_invalid", async () => {
      requireGrantValues(record);
      await GrantFormat.verify(record, caller.publicKey);
    });
    await judge.records.addGrant(bytes);
    person.grants.push(bytes);
    await this.#changed(person);
  }

  /** A lost device's endorsements and grants, for the person who revokes it (E4). */
  async made(device: DeviceId): Promise<wire.MadeRecords> {
    const { people, state } = this.#server;
    const all = [...state.people.values()];
    const endorsements = all.flatMap((person) =>
      person.endorsements.filter(
        (bytes) => toHex(EndorsementFormat.parse(bytes).endorser) === device,
      ),
    );
    const grants = all.flatMap((person) =>
      person.grants.filter((bytes) => toHex(GrantFormat.parse(bytes).grantor) === device),
    );
    const about = endorsements.flatMap((bytes) => {
      const endorsed = idOf<DeviceId>(EndorsementFormat.parse(bytes).endorsed);
      return people.clientOf(endorsed)?.personId ?? [];
    });
    const granted = grants.map((bytes) => idOf<PersonId>(GrantFormat.parse(bytes).person));
    const bundles = await this.bundles([...new Set([...about, ...granted])], false);
    return { endorsements, grants, people: bundles };
  }

  /** The newest revocation of a device, as its own refusals carry it (E6). */
  revocationOf(client: ClientState): Uint8Array | null {
    const person = this.#server.state.people.get(client.personId);
    const own = person?.revocations.filter(
      (bytes) => toHex(RevocationFormat.parse(bytes).device) === client.device,
    );
    return own?.at(-1) ?? null;
  }

  grants(personId: PersonId): wire.Grants {
    const { people, state } = this.#server;
    const own = people.clientsOf(personId).map(({ device }) => device);
    const grants = [...state.people.values()].flatMap((person) =>
      person.grants.filter((bytes) => {
        const grantor = idOf<DeviceId>(GrantFormat.parse(bytes).grantor);
        return person.personId === personId || own.includes(grantor);
      }),
    );
    return { grants };
  }

  async revoke(caller: ClientState, bytes: Uint8Array): Promise<void> {
    const { judge } = this.#server;
    const record = await checked("revocation_invalid", () => RevocationFormat.parse(bytes));
    this.#requireBy(caller, record.signer, record.created, "revocation_invalid");
    await checked("revocation_invalid", async () => {
      requireRevocationValues(record);
      await RevocationFormat.verify(record, caller.publicKey);
    });
    judge.requireConfirmed(caller);
    if (!judge.judge.counts(record)) throw new Refusal("revocation_invalid", { rule: "E4" });
    await this.#revoked(record.device, bytes);
  }

  /** The roster authority revokes one's own device: what counted before still counts (sign-out). */
  async revokeByAuthority(clientId: ClientId): Promise<void> {
    const { department, people } = this.#server;
    const { device } = people.client(clientId);
    const now = this.#server.now();
    const record = await department.revokeByAuthority(fromHex(device), now, now);
    await this.#revoked(record.device, record.bytes);
  }

  async #revoked(device: Uint8Array, bytes: Uint8Array): Promise<void> {
    const { judge, live, people } = this.#server;
    const client = people.clientOf(idOf<DeviceId>(device));
    if (client === null) throw new Refusal("revocation_invalid", { reason: "unknown device" });
    const person = await people.person(client.personId);
    if (person.revocations.some((one) => equalBytes(one, bytes))) return;
    await judge.records.addRevocation(bytes);
    person.revocations.push(bytes);
    client.revoked = true;
    await this.#changed(person);
    live.push(client.device, { t: "account", event: "signed_out" });
    live.close(client.device, CLOSE_SIGNED_OUT);
  }

  /** All devices of a person are turned away, and keep what they hold. */
  async lock(caller: ClientState, personId: PersonId): Promise<void> {
    const { live, now, people } = this.#server;
    const open = people.clientsOf(personId).filter((one) => !isOut(one));
    if (open.length === 0) throw new Refusal("act_invalid");
    for (const one of open) one.locked = { by: caller.personId, sinceMs: now() };
    await this.#changed(await people.person(personId));
    for (const { device } of open) {
      live.push(device, { t: "account", event: "signed_out" });
      live.close(device, CLOSE_SIGNED_OUT);
    }
  }

  async unlock(personId: PersonId): Promise<void> {
    const { people } = this.#server;
    for (const one of people.clientsOf(personId)) one.locked = null;
    await this.#changed(await people.person(personId));
  }

  lockOf(personId: PersonId): wire.PhoneLock {
    const clients = this.#server.people.clientsOf(personId);
    const locked = clients.find((one) => one.locked !== null && !one.revoked)?.locked ?? null;
    const may = { mayLock: clients.some((one) => !isOut(one)), mayUnlock: locked !== null };
    return { lockedMs: locked?.sinceMs ?? null, by: locked?.by ?? null, ...may };
  }

  /** Devices that count by this person's word may be confirmed now, or no longer be. */
  async #changed(person: PersonState): Promise<void> {
    this.#server.people.changed(person);
    await this.#server.devicesChanged(null);
    this.#server.live.pushPeople([person.personId], "clients");
  }

  #requireBy(
    caller: ClientState,
    signer: Uint8Array,
    createdMs: number,
    code: "endorsement_invalid" | "grant_invalid" | "revocation_invalid",
  ): void {
    if (toHex(signer) !== caller.device) throw new Refusal(code, { reason: "signer" });
    if (Math.abs(this.#server.now() - createdMs) > CLOCKS_MS)
      throw new Refusal(code, { reason: "date" });
  }

  // --- E3 -------------------------------------------------------------------------------------

  begin(caller: ClientState, body: wire.BeginConfirmation): wire.Confirmation {
    const { confirmations } = this.#server.state;
    const known = confirmations.get(body.confirmationId);
    if (known !== undefined) return known;
    this.#server.judge.requireConfirmed(caller);
    const other = this.#server.people.clientOf(body.newDevice);
    if (other === null) throw new Refusal("not_found");
    const createdMs = this.#server.now();
    const confirmation: wire.Confirmation = {
      ...{ confirmationId: body.confirmationId, commitment: body.commitment },
      ...{ endorserPersonId: caller.personId, endorserDevice: caller.device },
      ...{ newDevice: other.device, answer: null, secret: null },
      ...{ createdMs, expiresMs: createdMs + CONFIRMATION_MS },
    };
    return this.#store(confirmation);
  }

  answer(
    caller: ClientState,
    id: ConfirmationId,
    { answer }: wire.AnswerConfirmation,
  ): wire.Confirmation {
    const one = this.#open(id);
    if (one.newDevice !== caller.device) throw new Refusal("not_found");
    if (one.answer !== null && !equalBytes(one.answer, answer)) throw new Refusal("answered");
    return this.#store({ ...one, answer });
  }

  reveal(
    caller: ClientState,
    id: ConfirmationId,
    { secret }: wire.RevealConfirmation,
  ): wire.Confirmation {
    const one = this.#open(id);
    if (one.endorserDevice !== caller.device || one.answer === null) throw new Refusal("not_found");
    return this.#store({ ...one, secret });
  }

  list(caller: ClientState): wire.Confirmations {
    const confirmations = [...this.#server.state.confirmations.values()].filter(
      (one) =>
        [one.endorserDevice, one.newDevice].includes(caller.device) &&
        one.expiresMs > this.#server.now(),
    );
    return { confirmations };
  }

  end(caller: ClientState, id: ConfirmationId): void {
    const one = this.#server.state.confirmations.get(id);
    if (one === undefined) return;
    if (![one.endorserDevice, one.newDevice].includes(caller.device))
      throw new Refusal("not_found");
    this.#server.state.confirmations.delete(id);
    this.#tell(one);
  }

  #open(id: ConfirmationId): wire.Confirmation {
    const one = this.#server.state.confirmations.get(id);
    if (one === undefined || one.expiresMs <= this.#server.now())
      throw new Refusal("confirmation_over");
    return one;
  }

  #store(confirmation: wire.Confirmation): wire.Confirmation {
    this.#server.state.confirmations.set(confirmation.confirmationId, confirmation);
    this.#tell(confirmation);
    return confirmation;
  }

  #tell({ endorserDevice, newDevice }: wire.Confirmation): void {
    for (const device of [endorserDevice, newDevice])
      this.#server.live.push(device, { t: "account", event: "confirmation" });
  }

  /** The devices of the caller's own person, and of people whom the caller may confirm. */
  unconfirmed(caller: ClientState): wire.UnconfirmedDevices {
    const { judge, people, state } = this.#server;
    const devices = [...state.clients.values()]
      .filter((client) => !client.revoked && !judge.confirmed(client))
      .filter(
        ({ personId }) =>
          personId === caller.personId || judge.confirmers(personId).includes(caller.personId),
      )
      .map(({ personId, device, clientId, label, createdMs }) => ({
        ...{ person: people.plate(personId), device, clientId, label },
        registeredMs: createdMs,
      }));
    return { devices };
  }
}

/**
 * The calls of core.ts about registration, devices, and who vouches for whom, over the account's
 * services. Each makes views of what those keep; plates come from signed cards alone.
 */
import type {
  AlarmView,
  AuthenticatorsView,
  ConfirmationView,
  GrantGiven,
  GrantView,
  MadeCredential,
  MadeView,
  MemberDevice,
  PhoneLockView,
  Plate,
  UnconfirmedItem,
} from "../seam.ts";
import type { Context } from "../context.ts";
import { failure } from "../failure.ts";
import type { AlarmId, ClientId, ConfirmationId, DeviceId, PersonId } from "../ids.ts";
import type { PeopleDirectory } from "../people/people.ts";
import { clientNamedBy, parseCertificate } from "../keys/trust/certificate.ts";
import type { ClientInfo, Confirmation, UnconfirmedDevice } from "../wire.ts";
import { isOpen, type ConfirmationRow } from "./confirmation.ts";
import type { AccountServices } from "./services.ts";

export interface DeviceCallsOptions {
  readonly context: Pick<Context, "api" | "emit">;
  readonly services: AccountServices;
  readonly people: Pick<PeopleDirectory, "plate" | "plates" | "prefetch">;
}

export class DeviceCalls {
  readonly #options: DeviceCallsOptions;
  /** Devices that waited when last asked, for {@link beginConfirmation} to know whose they are. */
  #waiting: readonly UnconfirmedDevice[] = [];

  constructor(options: DeviceCallsOptions) {
    this.#options = options;
  }

  // --- Presence ---------------------------------------------------------------------------------

  authenticators(): Promise<AuthenticatorsView> {
    return this.#options.services.presences.authenticators();
  }

  /** A credential that was made on this device for {@link AuthenticatorsView.challenge}. */
  addAuthenticator(made: MadeCredential): Promise<AuthenticatorsView> {
    return this.#options.services.presences.add(made);
  }

  // --- This person's devices --------------------------------------------------------------------

  async own(): Promise<readonly ClientInfo[]> {
    return (await this.#services.account.refreshMe()).clients;
  }

  async rename(clientId: ClientId, label: string): Promise<readonly ClientInfo[]> {
    const me = await this.#api.renameClient(clientId, { label: label.trim().slice(0, 64) });
    await this.#services.account.storeMe(me);
    this.#options.context.emit({ type: "clients" });
    return me.clients;
  }

  /** Anybody's devices that are not revoked, as this device has verified them. */
  async of(personId: PersonId): Promise<readonly MemberDevice[]> {
    const { account, trust } = this.#services;
    await trust.ensure([personId], { fresh: true });
    const clients = account.require().me?.clients ?? [];
    const devices = (await trust.devicesOf(personId)).filter(
      (device) => trust.judge.lostFrom(device) === null,
    );
    const found = await Promise.all(
      devices.map(async (device): Promise<MemberDevice | null> => {
        const certificate = await trust.certificateOf(personId, device);
        if (certificate === null) return null;
        const { clientId } = clientNamedBy(parseCertificate(certificate.der));
        const { confirmed, by } = await trust.verdict(personId, device, this.#services.now());
        const label = clients.find((one) => one.device === device)?.label ?? null;
        const expiresMs = certificate.notAfter;
        return { device, clientId, label, confirmed, by: await this.#plate(by), expiresMs };
      }),
    );
    return found.filter((device) => device !== null);
  }

  async alarms(): Promise<readonly AlarmView[]> {
    const alarms = await this.#services.alarms.list();
    return Promise.all(
      alarms.map(async ({ id, kind, device, person, sinceMs }) => {
        return { id, kind, device, person: await this.#plate(person), sinceMs };
      }),
    );
  }

  acknowledgeAlarm(id: AlarmId): Promise<void> {
    return this.#services.alarms.acknowledge(id);
  }

  // --- Who vouches for whose device -------------------------------------------------------------

  /** Devices that wait for this person to confirm them. */
  async unconfirmed(): Promise<readonly UnconfirmedItem[]> {
    const { devices } = await this.#api.unconfirmed();
    this.#waiting = devices;
    await this.#options.people.prefetch(devices.map(({ person }) => person.personId));
    const own = this.#services.account.require();
    const items = await Promise.all(
      devices.map(async ({ person, device, clientId, label, registeredMs }) => {
        const plate = await this.#plate(person.personId);
        if (plate === null || device === own.device) return null;
        const isOwn = person.personId === own.personId;
        return { plate, device, clientId, label, registeredMs, own: isOwn };
      }),
    );
    return items.filter((item) => item !== null);
  }

  /** Begin to compare digits with the person who holds the new device. */
  async beginConfirmation(device: DeviceId): Promise<ConfirmationView> {
    const personId = await this.#personOf(device);
    if (personId === null) throw failure("not_found");
    return this.#view(await this.#services.confirmations.begin(device, personId));
  }

  /** The comparisons of digits in which this device takes part. */
  async confirmations(): Promise<readonly ConfirmationView[]> {
    const { offers, rows } = this.#services.confirmations;
    // Somebody who became an admin since this device asked who can confirm it is unknown here.
    await this.#options.people.prefetch(offers.map(({ endorserPersonId }) => endorserPersonId));
    const asked = await Promise.all(offers.map((offer) => this.#offer(offer)));
    const views = await Promise.all(rows.map((row) => this.#view(row)));
    return [...asked.filter((one) => one !== null), ...views];
  }

  /** On the new device: its person knows the one who wants to confirm it. */
  async answerConfirmation(confirmationId: ConfirmationId): Promise<ConfirmationView> {
    return this.#view(await this.#services.confirmations.answer(confirmationId));
  }

  /** The digits that the new device shows, typed here, or its code, scanned. */
  async confirmDigits(confirmationId: ConfirmationId, digits: string): Promise<ConfirmationView> {
    return this.#view(await this.#services.confirmations.confirm(confirmationId, digits));
  }

  cancelConfirmation(confirmationId: ConfirmationId): Promise<void> {
    return this.#services.confirmations.cancel(confirmationId);
  }

  // --- Grants and lost devices ------------------------------------------------------------------

  async grants(personId: PersonId): Promise<readonly GrantView[]> {
    const held = await this.#services.granting.list(personId);
    return Promise.all(
      held.map(async ({ by, ...grant }) => ({ ...grant, by: await this.#plate(by) })),
    );
  }

  async grant(personId: PersonId, unitPath: string, days: number): Promise<GrantGiven> {
    const state = await this.#services.granting.grant(personId, unitPath, days);
    return { grants: await this.grants(personId), waiting: state === "waiting" };
  }

  async withdrawGrant(personId: PersonId, unitPath: string): Promise<readonly GrantView[]> {
    await this.#services.granting.withdraw(personId, unitPath);
    return this.grants(personId);
  }

  /** A device's endorsements and grants, for the person who is about to revoke it. */
  async madeBy(device: DeviceId): Promise<MadeView> {
    const { confirmed, granted } = await this.#services.revoking.made(device);
    return {
      confirmed: await Promise.all(
        confirmed.map(async ({ personId, createdMs }) => ({
          ...{ plate: await this.#plate(personId), createdMs },
        })),
      ),
      granted: await Promise.all(
        granted.map(async ({ personId, unitPath, createdMs }) => ({
          ...{ plate: await this.#plate(personId), unitPath, createdMs },
        })),
      ),
    };
  }

  /**
   * A lost device: it is locked and taken off every roster; signed by this device. `lostMs`: since
   * when it is lost; what it vouched for before still counts.
   */
  async revoke(device: DeviceId, lostMs?: number): Promise<void> {
    await this.#services.revoking.revoke(device, lostMs);
    this.#options.context.emit({ type: "clients" });
  }

  // --- A colleague's lost phone -----------------------------------------------------------------

  /** Whether a person's phone is locked as lost, and what this person may do about it. */
  async phoneLock(personId: PersonId): Promise<PhoneLockView> {
    const { lockedMs, by, mayLock, mayUnlock } = await this.#api.phoneLock(personId);
    if (by !== null) await this.#options.people.prefetch([by]);
    return { sinceMs: lockedMs, by: await this.#plate(by), mayLock, mayUnlock };
  }

  /** A colleague's phone is lost: the server turns away all devices that the person has now. */
  async lockPhone(personId: PersonId): Promise<PhoneLockView> {
    await this.#services.acts.perform({ act: "lock_devices", personId });
    return this.phoneLock(personId);
  }

  async unlockPhone(personId: PersonId): Promise<PhoneLockView> {
    await this.#services.acts.perform({ act: "unlock_devices", personId });
    return this.phoneLock(personId);
  }

  // --- Views ------------------------------------------------------------------------------------

  get #api() {
    return this.#options.context.api;
  }

  get #services(): AccountServices {
    return this.#options.services;
  }

  #plate(personId: PersonId | null): Promise<Plate | null> {
    return this.#options.people.plate(personId);
  }

  async #personOf(device: DeviceId): Promise<PersonId | null> {
    const find = (): PersonId | undefined =>
      this.#waiting.find((one) => one.device === device)?.person.personId;
    const known = find() ?? (await this.#services.trust.personOf(device));
    if (known !== null) return known;
    this.#waiting = (await this.#api.unconfirmed()).devices;
    return find() ?? null;
  }

  /** Null where no signed card names the person: a tap is for a name. */
  async #offer(offer: Confirmation): Promise<ConfirmationView | null> {
    const plate = await this.#plate(offer.endorserPersonId);
    if (plate === null) return null;
    const { confirmationId, endorserDevice: device, expiresMs } = offer;
    const code = this.#services.confirmations.code(device);
    return {
      ...{ confirmationId, role: "new", state: "asked", plate, device, code, expiresMs },
      ...{ digits: null, triesLeft: null },
    };
  }

  async #view(row: ConfirmationRow): Promise<ConfirmationView> {
    const { confirmations } = this.#services;
    const { confirmationId, device, expiresMs, personId, role, state } = row;
    const shows = role === "new" && isOpen(row);
    return {
      ...{ confirmationId, role, device, state, expiresMs },
      plate: await this.#plate(personId),
      digits: shows ? confirmations.digits(row) : null,
      code: shows ? confirmations.code(device) : null,
      triesLeft: role === "new" ? null : await confirmations.triesLeft(device),
    };
  }
}

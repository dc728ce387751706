/** The scripted core's devices of other people, comparisons of digits, rights and alarms. */
import type { AlarmId, ConfirmationId, DeviceId, PersonId } from "@copconnect/client/wire";
import type {
  AlarmView,
  AuthenticatorsView,
  ConfirmationView,
  GrantGiven,
  GrantView,
  MadeView,
  MemberDevice,
  OrderView,
  PhoneLockView,
  Plate,
  PresenceGiven,
  UnconfirmedItem,
} from "@copconnect/client/core";
import { id, refusal } from "#practice/items.ts";
import { type Talk } from "#practice/station.ts";
import { ScriptedAccount } from "./account.ts";
import { ME, PEOPLE, deviceId, pathOf, plate } from "./organisation.ts";
import type { Scenario } from "./scenario.ts";

const DIGITS = "481902";
const CODE = "copconnect:confirm:";
const DAY_MS = 86_400_000;

export abstract class ScriptedTrust extends ScriptedAccount {
  #waiting: UnconfirmedItem[];
  #confirmations: ConfirmationView[];
  #asked: string | null = null;
  #blocked = new Set<PersonId>();
  #alarms: AlarmView[];
  readonly #grants = new Map<PersonId, GrantView[]>();
  readonly #revoked = new Set<DeviceId>();
  readonly #locked = new Map<PersonId, number>();
  #proven: (given: boolean) => void = () => undefined;

  constructor(scenario: Scenario, talks: readonly Talk[], issued: readonly OrderView[]) {
    super(scenario, talks, issued);
    const station = PEOPLE.filter((person) => person.unitId === ME.unitId);
    this.#waiting = [ME, ...station.filter(({ rank }) => rank === "PC").slice(0, 2)].map(
      (person, index) => ({
        plate: plate(person),
        device: index === 0 ? deviceId(3) : deviceId(40 + index),
        clientId: id(9, index === 0 ? 3 : 40 + index),
        label: index === 1 ? "Firefox, Android" : "Chrome, Android",
        registeredMs: Date.now() - (index + 1) * 400_000,
        own: index === 0,
      }),
    );
    const [, , , asi = ME] = station;
    this.#confirmations =
      scenario.compare === "none" ? [] : [this.#comparison("new", scenario.compare, plate(asi))];
    const notice = scenario.device === "admin" ? "device" : scenario.notice;
    this.#alarms =
      notice !== "none"
        ? [
            {
              id: deviceId(2),
              kind: notice,
              device: deviceId(2),
              person: plate(asi),
              sinceMs: Date.now() - 400_000,
            },
          ]
        : [];
    if (asi !== ME) {
      this.#grants.set(asi.personId, [
        {
          unitPath: pathOf(ME.unitId),
          by: plate(ME),
          createdMs: Date.now() - 10 * DAY_MS,
          notAfterMs: Date.now() + 80 * DAY_MS,
        },
      ]);
    }
  }

  #comparison(
    role: ConfirmationView["role"],
    state: ConfirmationView["state"],
    other: Plate,
    device = deviceId(1),
  ): ConfirmationView {
    const isNew = role === "new";
    const shows = isNew && (state === "asked" || state === "begun" || state === "digits");
    return {
      confirmationId: device.slice(0, 32) as ConfirmationId,
      role,
      plate: other,
      device,
      state,
      digits: isNew && state === "digits" ? DIGITS : null,
      code: shows ? `${CODE}${"vE0b".repeat(32)}` : null,
      triesLeft: isNew ? null : 5,
      expiresMs: Date.now() + 600_000,
    };
  }

  // --- Devices that wait -------------------------------------------------------------------------

  readonly devices = {
    ...this.accountDevices,
    unconfirmed: async (): Promise<readonly UnconfirmedItem[]> => {
      return this.#waiting;
    },
    beginConfirmation: async (device: DeviceId): Promise<ConfirmationView> => {
      const item = this.#waiting.find((one) => one.device === device);
      if (item === undefined) throw refusal("not_found");
      if (item.label.startsWith("Firefox")) throw refusal("other_device");
      const begun = this.#comparison("confirming", "begun", item.plate, device);
      this.#put(begun);
      setTimeout(() => this.#put({ ...begun, state: "digits" }), 700);
      return begun;
    },
    confirmations: async (): Promise<readonly ConfirmationView[]> => {
      return this.#confirmations;
    },
    answerConfirmation: async (confirmationId: ConfirmationId): Promise<ConfirmationView> => {
      const view = this.#confirmations.find((one) => one.confirmationId === confirmationId);
      if (view === undefined) throw refusal("not_found");
      return this.#put({ ...view, state: "digits", digits: DIGITS });
    },
    confirmDigits: async (
      confirmationId: ConfirmationId,
      digits: string,
    ): Promise<ConfirmationView> => {
      const view = this.#confirmations.find((one) => one.confirmationId === confirmationId);
      if (view === undefined) throw refusal("not_found");
      if (digits !== DIGITS && !digits.startsWith(CODE)) {
        const triesLeft = (view.triesLeft ?? 1) - 1;
        this.#put({ ...view, triesLeft, state: triesLeft === 0 ? "refused" : view.state });
        throw refusal("digits_wrong", { triesLeft });
      }
      this.#waiting = this.#waiting.filter((one) => one.device !== view.device);
      this.emit({ type: "unconfirmed" });
      return this.#put({ ...view, state: "confirmed" });
    },
    cancelConfirmation: async (confirmationId: ConfirmationId): Promise<void> => {
      this.#confirmations = this.#confirmations.filter(
        (one) => one.confirmationId !== confirmationId,
      );
    },
    of: async (personId: PersonId): Promise<readonly MemberDevice[]> => {
      if (personId === ME.personId) {
        return this.own.map(({ device, clientId, label, confirmed, certificateExpiresMs }) => ({
          ...{ device, clientId, label, confirmed },
          by: confirmed === "own_device" ? plate(ME) : null,
          expiresMs: certificateExpiresMs,
        }));
      }
      const number = PEOPLE.findIndex((person) => person.personId === personId);
      const [, , , asi = ME] = PEOPLE.filter((person) => person.unitId === ME.unitId);
      const waits = this.#waiting.find((one) => one.plate.personId === personId);
      const devices: readonly MemberDevice[] = [
        {
          device: waits?.device ?? deviceId(100 + number),
          clientId: id(9, 100 + number),
          label: null,
          confirmed: waits === undefined ? "admin" : "no",
          by: waits === undefined ? plate(asi) : null,
          expiresMs: Date.now() + 60 * DAY_MS,
        },
      ];
      return devices.filter(({ device }) => !this.#revoked.has(device));
    },
    grants: async (personId: PersonId): Promise<readonly GrantView[]> => {
      return this.#grants.get(personId) ?? [];
    },
    grant: async (personId: PersonId, unitPath: string, days: number): Promise<GrantGiven> => {
      await this.askPerson();
      const others = (this.#grants.get(personId) ?? []).filter((one) => one.unitPath !== unitPath);
      const now = Date.now();
      const grant = { unitPath, by: plate(ME), createdMs: now, notAfterMs: now + days * DAY_MS };
      this.#grants.set(personId, [...others, grant]);
      return { grants: await this.devices.grants(personId), waiting: false };
    },
    withdrawGrant: async (personId: PersonId, unitPath: string): Promise<readonly GrantView[]> => {
      const kept = (this.#grants.get(personId) ?? []).filter((one) => one.unitPath !== unitPath);
      this.#grants.set(personId, kept);
      return kept;
    },
    madeBy: async (): Promise<MadeView> => {
      const [one = ME, other = ME] = PEOPLE;
      return {
        confirmed: [
          { plate: plate(one), createdMs: Date.now() - DAY_MS },
          { plate: plate(other), createdMs: Date.now() - 20 * DAY_MS },
        ],
        granted: [],
      };
    },
    revoke: async (device: DeviceId): Promise<void> => {
      this.#revoked.add(device);
      this.dropDevice(device);
    },
    phoneLock: async (personId: PersonId): Promise<PhoneLockView> => {
      return this.#lockOf(personId);
    },
    lockPhone: async (personId: PersonId): Promise<PhoneLockView> => {
      this.#locked.set(personId, Date.now());
      return this.#lockOf(personId);
    },
    unlockPhone: async (personId: PersonId): Promise<PhoneLockView> => {
      this.#locked.delete(personId);
      return this.#lockOf(personId);
    },
    authenticators: async (): Promise<AuthenticatorsView> => {
      return {
        ...{ host: location.hostname, challenge: new Uint8Array(32), credentials: [] },
        ...{ ever: false, asked: this.#asked, enrols: false },
      };
    },
    addAuthenticator: async (): Promise<AuthenticatorsView> => {
      this.#asked = "481 902";
      return this.devices.authenticators();
    },
    alarms: async (): Promise<readonly AlarmView[]> => {
      return this.#alarms;
    },
    acknowledgeAlarm: async (alarmId: AlarmId): Promise<void> => {
      this.#alarms = this.#alarms.filter((one) => one.id !== alarmId);
    },
  };

  #put(view: ConfirmationView): ConfirmationView {
    const others = this.#confirmations.filter((one) => one.confirmationId !== view.confirmationId);
    this.#confirmations = [view, ...others];
    this.emit({ type: "confirmation" });
    return view;
  }

  // --- Rights and lost devices -------------------------------------------------------------------

  #lockOf(personId: PersonId): PhoneLockView {
    const sinceMs = this.#locked.get(personId) ?? null;
    const locked = sinceMs !== null;
    return { sinceMs, by: locked ? plate(ME) : null, mayLock: !locked, mayUnlock: locked };
  }
  /** Ask for the person, as the scenario says. Rejects with `cancelled`. */
  protected askPerson(): Promise<unknown> {
    const { presence: way } = this.scenario;
    if (way === "none") return Promise.resolve();
    const { promise, resolve, reject } = Promise.withResolvers<unknown>();
    this.#proven = (given) => (given ? resolve(null) : reject(refusal("cancelled")));
    const { hostname: host } = location;
    const request = { number: 1, way, host, challenge: new Uint8Array(32), credentials: [] };
    this.emit({ type: "presence", request });
    return promise;
  }
  readonly app = {
    ...this.accountApp,
    givePresence: async (_number: number, given: PresenceGiven | null): Promise<void> => {
      if (given !== null && "pin" in given && given.pin === "000000") {
        throw refusal("pin_wrong", { triesLeft: 9 });
      }
      this.emit({ type: "presence", request: null });
      this.#proven(given !== null);
    },
  };

  // --- Blocked people ----------------------------------------------------------------------------

  readonly people = {
    ...this.accountPeople,
    block: async (personId: PersonId, on: boolean): Promise<void> => {
      if (on) this.#blocked.add(personId);
      else this.#blocked.delete(personId);
    },
    blocked: async (): Promise<readonly Plate[]> => {
      return PEOPLE.filter((person) => this.#blocked.has(person.personId)).map(plate);
    },
  };
}

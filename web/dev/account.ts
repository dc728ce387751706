/** The scripted core's account: the device's state, registration, lock, people. */
import {
  spellings,
  type AppState,
  type ConductView,
  type OrderView,
  type PeopleQuery,
  type PostQuery,
} from "@copconnect/client/core";
import type {
  ChainOfCommand,
  ChallengeId,
  ClientId,
  ClientInfo,
  CodeRequested,
  ConductCode,
  DeviceId,
  Directory,
  Language,
  People,
  Person,
  PersonId,
  Post,
  PostId,
  RegistrationStep,
  UnitId,
} from "@copconnect/client/wire";
import { id, refusal } from "#practice/items.ts";
import { Station, type Talk } from "#practice/station.ts";
import { codeOfConduct, conductView } from "./conduct.ts";
import { DIRECTORY, ME, PEOPLE, UNITS, deviceId, plate } from "./organisation.ts";
import { chainOf, postOf, postsFound, postsOf } from "./posts.ts";
import type { Scenario } from "./scenario.ts";

const HOUR_MS = 3_600_000;

export abstract class ScriptedAccount extends Station {
  protected readonly scenario: Scenario;
  protected now: AppState;
  #pin: string | null = null;
  #clients: ClientInfo[];

  constructor(scenario: Scenario, talks: readonly Talk[], issued: readonly OrderView[]) {
    super(plate(ME), talks, issued);
    this.scenario = scenario;
    this.#pin = scenario.lock || scenario.phase === "locked" ? "1234" : null;
    const known = !["register", "signed_out", "storage_failed"].includes(scenario.phase);
    this.now = {
      phase: scenario.phase,
      reason: scenario.phase === "signed_out" ? (scenario.reason ?? "device_removed") : null,
      me: known ? ME : null,
      clientId: known ? id<ClientId>(9, 1) : null,
      kept: scenario.kept,
      lostLock:
        scenario.reason === "locked"
          ? {
              by: plate(PEOPLE[4] ?? ME),
              sinceMs: Date.now() - 20 * 60_000,
              admins: PEOPLE.slice(5, 7).map((one) => ({ plate: plate(one), number: one.number })),
            }
          : null,
      unitAdmin: true,
      ownAlarm: false,
      device: {
        confirmed: scenario.device,
        confirmers:
          scenario.device === "no"
            ? PEOPLE.filter(({ unitId, rank }) => unitId === ME.unitId && rank !== "PC")
                .slice(3, 6)
                .map((person, index) => ({
                  ...plate(person),
                  number: index === 1 ? "" : person.number,
                }))
            : [],
        sinceMs: Date.now() - 3_900_000,
      },
      history: scenario.filling ? { done: 3, total: 12 } : null,
      lock: {
        ...{ enabled: this.#pin !== null, passphrase: scenario.passphrase },
        ...{ autoLockMs: 300_000, triesLeft: null },
      },
      connection: scenario.connection,
      outbox: scenario.connection === "offline" ? 2 : 0,
      catchingUp: false,
      updateRequired: scenario.update,
      sanctioned: true,
      clockSkewMs: scenario.skewMs,
      timeWaitMs: scenario.timeWait ? Date.now() + 7 * 60_000 : null,
    };
    this.#clients = ["Redmi 9A, Chrome", "Chrome, Android", "Chrome, Android"].map(
      (label, index) => ({
        clientId: id(9, index + 1),
        label,
        createdMs: Date.now() - (index + 1) * 20 * 86_400_000,
        lastSeenMs: Date.now() - index * 7_200_000,
        device: deviceId(index + 1),
        confirmed: (["root_admin", "own_device", "no"] as const)[index] ?? "no",
        certificateExpiresMs: Date.now() + (70 - 20 * index) * 86_400_000,
        revoked: false,
        lockedMs: null,
      }),
    );
  }

  protected become(change: Partial<AppState>): AppState {
    this.now = { ...this.now, ...change };
    this.emit({ type: "app", state: this.now });
    return this.now;
  }

  // --- Application and registration ------------------------------------------------------------

  protected readonly accountApp = {
    networkChanged: async (): Promise<void> => {
      // The scenario decides.
    },
    setVisible: async (): Promise<void> => {
      // Nothing notifies here.
    },
    start: async (): Promise<AppState> => {
      return this.now;
    },
    state: async (): Promise<AppState> => {
      return this.now;
    },
    register: async (): Promise<AppState> => {
      return this.become({ phase: "conduct", me: ME, clientId: id<ClientId>(9, 1) });
    },
    acceptConduct: async (): Promise<AppState> => {
      return this.become({ phase: "ready" });
    },
    setPin: async (pin: string | null, currentPin: string | null): Promise<AppState> => {
      if (this.#pin !== null && currentPin !== this.#pin) throw refusal("pin_wrong");
      this.#pin = pin;
      const passphrase = pin !== null && !/^\d+$/.test(pin);
      return this.become({ lock: { ...this.now.lock, enabled: pin !== null, passphrase } });
    },
    setAutoLock: async (ms: number): Promise<AppState> => {
      return this.become({ lock: { ...this.now.lock, autoLockMs: ms } });
    },
    unlock: async (pin: string): Promise<AppState> => {
      if (pin !== this.#pin) {
        const triesLeft = (this.now.lock.triesLeft ?? 10) - 1;
        this.become({ lock: { ...this.now.lock, triesLeft } });
        throw refusal("pin_wrong");
      }
      return this.become({ phase: "ready", lock: { ...this.now.lock, triesLeft: null } });
    },
    lock: async (): Promise<AppState> => {
      return this.become({ phase: "locked" });
    },
    signOut: async (): Promise<AppState> => {
      return this.become({ phase: "signed_out", reason: "signed_out", kept: false, me: null });
    },
    startOver: async (): Promise<AppState> => {
      return this.become({ phase: "register", reason: null });
    },
  };

  readonly registration = {
    requestCode: async (number: string): Promise<CodeRequested> => {
      if (!/\d{10}$/.test(number.replace(/\D/g, ""))) throw refusal("number_invalid");
      if (this.scenario.texts !== "sent") {
        throw { ...refusal("texts_used_up"), retryAfterMs: 9 * HOUR_MS };
      }
      return { challengeId: id(7, 1), codeLength: 6, expiresInMs: 300_000, resendAfterMs: 30_000 };
    },
    submitCode: async (_challengeId: ChallengeId, code: string): Promise<RegistrationStep> => {
      if (code === "000000") throw refusal("code_wrong");
      return this.#step(this.scenario.factor === "none" ? "device" : this.scenario.factor);
    },
    submitEnrolmentCode: async (
      _ticket: string,
      enrolmentCode: string,
    ): Promise<RegistrationStep> => {
      if (enrolmentCode.length < 6) throw refusal("enrolment_code_wrong");
      return this.#step("device");
    },
    registerWithoutText: async (
      number: string,
      enrolmentCode: string,
    ): Promise<RegistrationStep> => {
      const { texts } = this.scenario;
      if (texts === "tries") {
        const details = { limit: "enrolment_code_tries" };
        throw { ...refusal("rate_limited", details), retryAfterMs: 20 * HOUR_MS };
      }
      if (texts === "possible") throw refusal("text_possible");
      return this.registration.submitEnrolmentCode(number, enrolmentCode);
    },
    check: async (): Promise<RegistrationStep> => {
      return this.#step("device");
    },
  };

  #step(next: RegistrationStep["next"]): RegistrationStep {
    return { ticket: "ticket", next, names: ME.names, expiresInMs: 600_000 };
  }

  readonly conduct = {
    code: async (language: Language): Promise<ConductCode> => {
      return codeOfConduct(language);
    },
    view: async (language: Language): Promise<ConductView> => {
      return conductView(await this.conduct.code(language), this.now.phase === "conduct");
    },
  };

  protected readonly accountDevices = {
    own: async (): Promise<readonly ClientInfo[]> => {
      return this.#clients;
    },
    rename: async (clientId: ClientId, label: string): Promise<readonly ClientInfo[]> => {
      this.#clients = this.#clients.map((one) =>
        one.clientId === clientId ? { ...one, label } : one,
      );
      this.emit({ type: "clients" });
      return this.#clients;
    },
  };

  protected get own(): readonly ClientInfo[] {
    return this.#clients;
  }
  protected dropDevice(device: DeviceId): void {
    this.#clients = this.#clients.filter((one) => one.device !== device);
    this.emit({ type: "clients" });
  }

  // --- People --------------------------------------------------------------------------------

  protected readonly accountPeople = {
    directory: async (): Promise<Directory> => {
      return DIRECTORY;
    },
    search: async (query: PeopleQuery): Promise<People> => {
      const seen = this.scenario.connection === "offline" ? PEOPLE.slice(4, 12) : PEOPLE;
      const text = query.text?.toLocaleLowerCase() ?? "";
      const units =
        query.unitId === undefined
          ? null
          : query.deep === true
            ? this.#under(query.unitId)
            : new Set([query.unitId]);
      const found = seen.filter(
        (person) =>
          (units === null ||
            units.has(person.unitId) ||
            person.charges.some((held) => units.has(held.unitId))) &&
          (query.rank === undefined || person.rank === query.rank) &&
          (query.role === undefined || person.roles.includes(query.role)) &&
          [...spellings(person.names), person.number, ...spellings(person.post), person.rank]
            .join(" ")
            .toLocaleLowerCase()
            .includes(text),
      );
      const from = Number(query.after ?? "0");
      const upTo = from + (query.limit ?? 50);
      return {
        people: found.slice(from, upTo),
        next: upTo < found.length ? String(upTo) : null,
        total: found.length,
      };
    },
    get: async (personId: PersonId): Promise<Person> => {
      const person = PEOPLE.find((one) => one.personId === personId);
      if (person === undefined) throw refusal("not_found");
      return person;
    },
  };
  #under(unitId: UnitId): ReadonlySet<string> {
    const found = new Set([unitId]);
    for (const unit of UNITS) if (unit.parentId && found.has(unit.parentId)) found.add(unit.unitId);
    return found;
  }

  readonly posts = {
    chain: async (unitId: UnitId): Promise<ChainOfCommand> => {
      return { units: [...chainOf(unitId)] };
    },
    ofUnit: async (unitId: UnitId): Promise<readonly Post[]> => {
      return postsOf(unitId);
    },
    find: async ({ text, limit }: PostQuery): Promise<readonly Post[]> => {
      return postsFound(text, limit ?? 20);
    },
    get: async (postId: PostId): Promise<Post> => {
      const post = postOf(postId);
      if (post === undefined) throw refusal("not_found");
      return post;
    },
  };

  // Nobody pushes here.
  readonly pushes = {
    // Nobody pushes here.
    key: async (): Promise<Uint8Array<ArrayBuffer>> => new Uint8Array(65),
    subscribe: async (): Promise<void> => undefined,
    unsubscribe: async (): Promise<void> => undefined,
  };
}

/**
 * This device's knowledge of people: their devices, names, endorsements, grants and keys, verified.
 *
 * One row of the vault for each person, read when somebody asks about them, together with the rows
 * of everybody whose devices endorsed, granted or revoked (`device_people` finds them). Judging is
 * `Judge`'s; this store feeds it and asks the server.
 *
 * Invariants: a record that is refused is neither kept nor judged; a record once kept stays, so what
 * the server leaves out later takes nothing back; DeviceKey generations never go back (S3); a row is
 * written before listeners run. Concurrency: answers are taken in one after another; questions
 * wait only for the rows that they need. A device sends the server the name of the answer that it
 * holds (naming.ts), so that the server sends any other one: a crash loses at most an answer that comes again.
 */
import { checkDeviceKey, type DeviceKey } from "../keys/device-key.ts";
import type { Kem } from "../keys/hpke.ts";
import type { DeviceId, PersonId } from "../ids.ts";
import { SerialQueue } from "../serial-queue.ts";
import { Refused } from "../keys/format/refused.ts";
import type { Api } from "../transport/api.ts";
import type { Change, Vault } from "../vault/vault.ts";
import type { PersonTrust as PersonBundle } from "../wire.ts";
import { Judge } from "../keys/trust/confirmed.ts";
import type { Department } from "../keys/trust/department.ts";
import type { DepartmentTrust } from "./department-trust.ts";
import type { Certificate } from "../keys/trust/device-certificate.ts";
import { Fetching } from "./fetching.ts";
import { HeldKeys } from "./held-keys.ts";
import { NO_ANSWER } from "./naming.ts";
import type { PersonCard } from "../keys/trust/person-card.ts";
import { PERSON_TRUST_STORE, emptyRow, type PersonTrustRow } from "./person-row.ts";
import type { DeviceTrust, EnsureOptions, RefusedCard, TimeAnchor, Verdict } from "./ports.ts";
import { Signers } from "./signers.ts";
import { TrustUpdate, type TrustAnswer } from "./trust-update.ts";
import { TrustRecords } from "../keys/trust/trust-records.ts";
import { WaitingRecords } from "./waiting.ts";

/** So long the server is not asked again about somebody whom it did not know or could not mend. */
const ASK_AGAIN_MS = 60_000;

export interface PeopleTrustOptions {
  readonly vault: Pick<Vault, "all" | "get" | "write">;
  readonly api: Pick<Api, "lookUpTrust">;
  readonly time: Pick<TimeAnchor, "requireNow" | "earliest" | "renew">;
  /** The device's clock, for how often to ask. */
  readonly now: () => number;
  readonly department: () => DepartmentTrust;
  /** Ask whether there is a newer department record or issuing CA. True if there is. */
  readonly refreshDepartment: () => Promise<boolean>;
}

export class PeopleTrust implements DeviceTrust {
  readonly #options: PeopleTrustOptions;
  #records = new TrustRecords(new Uint8Array(32));
  #judge = new Judge(this.#records);
  #keys = new HeldKeys();
  #waiting = new WaitingRecords();
  #signers: Signers;
  readonly #rows = new Map<PersonId, PersonTrustRow>();
  readonly #loading = new Map<PersonId, Promise<void>>();
  /** People whose records, and those of everybody behind them, are in. */
  readonly #complete = new Set<PersonId>();
  /** When the server was asked last, without and with DeviceKeys. */
  readonly #askedMs = { false: new Map<PersonId, number>(), true: new Map<PersonId, number>() };
  readonly #fetching: Fetching;
  readonly #queue = new SerialQueue();
  readonly #changed = new Set<(people: readonly PersonId[]) => void>();
  readonly #cards = new Set<(refused: RefusedCard) => void>();
  /** Hashes of refused cards that listeners have had. */
  readonly #refused = new Set<string>();
  /** By how much the department's time went back while the app runs. */
  #backMs = 0;

  constructor(options: PeopleTrustOptions) {
    this.#options = options;
    this.#signers = new Signers(options.vault, this.#records);
    this.#fetching = new Fetching({
      api: options.api,
      known: (personId, keys) => {
        const row = this.#rows.get(personId);
        return { personId, held: (keys ? row?.answerWithKeys : row?.answer) ?? NO_ANSWER };
      },
      earliest: () => {
        const earliest = options.time.earliest();
        return earliest === null ? null : earliest + this.#backMs;
      },
      take: (answer) => this.#takeAnswer(answer),
    });
  }

  /** Begin with the account's department. */
  async load(): Promise<void> {
    const records = new TrustRecords(this.#options.department().rootKey);
    await this.#addDepartment(records);
    this.#begin(records);
  }

  /** Forget everything that memory holds: the vault is locked, or the account is another. */
  reset(): void {
    this.#begin(new TrustRecords(new Uint8Array(32)));
  }

  #begin(records: TrustRecords): void {
    this.#records = records;
    this.#judge = new Judge(this.#records);
    this.#keys = new HeldKeys();
    this.#waiting = new WaitingRecords();
    this.#signers = new Signers(this.#options.vault, this.#records);
    this.#rows.clear();
    this.#loading.clear();
    this.#complete.clear();
    this.#askedMs.false.clear();
    this.#askedMs.true.clear();
    this.#refused.clear();
  }

  /** The account has a newer department record or issuing CA. */
  async departmentChanged(): Promise<void> {
    const people = [...this.#rows.keys()];
    await this.#queue.run(() => this.#followDepartment());
    await this.#have(people);
    this.#tell(this.#changed, people);
  }

  /**
   * Take in the account's department record. Under another roster authority, every row is read and
   * verified again. Runs in the queue.
   */
  async #followDepartment(): Promise<void> {
    const former = this.#records;
    const { department, rootKey } = this.#options.department();
    const same = department.authorityNumber === this.department.authorityNumber;
    // They hold the new authority before a row is read into them: no row is verified under a former one.
    const records = same ? former : new TrustRecords(rootKey);
    await this.#addDepartment(records);
    if (!same && this.#records === former) this.#begin(records);
  }

  async #addDepartment(records: TrustRecords): Promise<void> {
    const { departments, issuingKeys } = this.#options.department();
    for (const { bytes } of departments) await records.addDepartment(bytes);
    for (const key of issuingKeys) records.addIssuingKey(key);
  }

  // --- Asking the server ------------------------------------------------------------------------

  async ensure(personIds: Iterable<PersonId>, options: EnsureOptions = {}): Promise<void> {
    const people = [...new Set(personIds)];
    await this.#have(people);
    const keys = options.keys === true;
    const wanted = people.filter((personId) => {
      if (options.fresh === true) return true;
      const row = this.#rows.get(personId);
      const known = row !== undefined && (keys ? row.answerWithKeys : row.answer).length > 0;
      return !known && !this.#wasAsked(personId, keys);
    });
    if (wanted.length === 0) return;
    await this.#fetching.fetch(wanted, keys, options.fresh === true);
    const now = this.#options.now();
    for (const personId of wanted) this.#askedMs[`${keys}`].set(personId, now);
    await this.#have(people);
  }

  #wasAsked(personId: PersonId, keys: boolean): boolean {
    const askedMs = this.#askedMs[`${keys}`].get(personId) ?? -Infinity;
    return Math.abs(this.#options.now() - askedMs) < ASK_AGAIN_MS;
  }

  learn(bundles: readonly PersonBundle[]): Promise<void> {
    if (bundles.length === 0) return Promise.resolve();
    return this.#takeAnswer({ people: bundles, keys: false, unchanged: [], askedMs: null });
  }

  learnKeys(personId: PersonId, keys: readonly Uint8Array[]): Promise<void> {
    if (keys.length === 0) return Promise.resolve();
    return this.#queue.run(async () => {
      await this.#have([personId]);
      const row = this.#rows.get(personId);
      if (row === undefined) return;
      const accepted = await this.#keys.accept(keys, personId, this.#records);
      if (accepted) await this.#store({ ...row, keys: this.#keys.of(row, this.#records) });
    });
  }

  /**
   * The department's time goes back (T1): the server was asked earlier than the rows say, by as much,
   * or people who moved meanwhile would seem to be dated back.
   */
  timeWentBack(byMs: number): Promise<void> {
    this.#backMs += byMs;
    return this.#queue.run(async () => {
      const earlier = (row: PersonTrustRow): PersonTrustRow =>
        row.answeredMs === null ? row : { ...row, answeredMs: row.answeredMs - byMs };
      const rows = await this.#options.vault.all<PersonTrustRow>(PERSON_TRUST_STORE);
      await this.#write(rows.map(earlier));
      for (const [personId, row] of this.#rows) this.#rows.set(personId, earlier(row));
    });
  }

  async #takeAnswer(answer: TrustAnswer): Promise<void> {
    const isNews = ([hash]: readonly [string, RefusedCard]): boolean => !this.#refused.has(hash);
    // The department's time may have been wrong when the server was asked before.
    if (![...(await this.#takeRecords(answer))].some(isNews) || !(await this.#options.time.renew()))
      return;
    for (const [hash, refused] of [...(await this.#takeRecords(answer))].filter(isNews)) {
      this.#refused.add(hash);
      this.#tell(this.#cards, refused);
    }
  }

  /**
   * Take in answers, one after another: two at once would each miss what the other merges. Returns
   * the cards that E4 refuses, by hash.
   */
  async #takeRecords(answer: TrustAnswer): Promise<ReadonlyMap<string, RefusedCard>> {
    let refused: ReadonlyMap<string, RefusedCard> = new Map();
    await this.#queue.run(async () => {
      let update = await this.#verified(answer);
      if (update.unknownIssuers.size > 0 && (await this.#options.refreshDepartment())) {
        await this.#followDepartment();
        update = await this.#verified(answer);
      }
      // After a reset meanwhile, the records that judge have nothing of it, and the server is asked again.
      if (update.records !== this.#records) return;
      refused = update.refusedCards;
      if (update.rows.size === 0) return;
      await this.#options.vault.write(update.changes);
      for (const row of update.rows.values()) this.#rows.set(row.personId, row);
      // Other people may stand behind them now.
      for (const personId of update.rows.keys()) this.#complete.delete(personId);
      const changed = this.#signers.dependentsOf(update.changed);
      if (changed.length > 0) this.#tell(this.#changed, changed);
    });
    return refused;
  }

  /** Verify an answer, and store nothing of it yet. */
  async #verified(answer: TrustAnswer): Promise<TrustUpdate> {
    const people = answer.people.map(({ personId }) => personId);
    await this.#have([...people, ...(await this.#signers.peopleBehind(answer.people))]);
    const update = new TrustUpdate(this.#records, this.#keys, this.#waiting);
    const rowOf = (personId: PersonId): PersonTrustRow =>
      this.#rows.get(personId) ?? emptyRow(personId);
    const askedMs = answer.askedMs === null ? null : answer.askedMs - this.#backMs;
    await update.apply({ ...answer, askedMs }, rowOf);
    return update;
  }

  async #store(row: PersonTrustRow): Promise<void> {
    await this.#write([row]);
    this.#rows.set(row.personId, row);
  }

  #write(rows: readonly PersonTrustRow[]): Promise<void> {
    const put = (value: PersonTrustRow): Change => ({
      ...{ op: "put", store: PERSON_TRUST_STORE, key: value.personId, value },
    });
    return this.#options.vault.write(rows.map(put));
  }

  // --- Reading the vault ------------------------------------------------------------------------

  /** Have the rows of these people in memory, and of everybody whose word about them may count. */
  async #have(people: readonly PersonId[]): Promise<void> {
    let wanted = people.filter((personId) => !this.#complete.has(personId));
    const seen = new Set<PersonId>();
    while (wanted.length > 0) {
      await Promise.all(wanted.map((personId) => this.#load(personId)));
      for (const personId of wanted) seen.add(personId);
      const rows = wanted.flatMap((personId) => this.#rows.get(personId) ?? []);
      const behind = await this.#signers.peopleBehind(rows);
      wanted = behind.filter((personId) => !seen.has(personId) && !this.#complete.has(personId));
    }
    for (const personId of seen) if (this.#rows.has(personId)) this.#complete.add(personId);
  }

  #load(personId: PersonId): Promise<void> {
    if (this.#rows.has(personId)) return Promise.resolve();
    let loading = this.#loading.get(personId);
    if (loading === undefined) {
      loading = this.#read(personId).finally(() => this.#loading.delete(personId));
      this.#loading.set(personId, loading);
    }
    return loading;
  }

  async #read(personId: PersonId): Promise<void> {
    const row = await this.#options.vault.get<PersonTrustRow>(PERSON_TRUST_STORE, personId);
    if (row === null || this.#rows.has(personId)) return;
    const records = this.#records;
    const update = new TrustUpdate(records, this.#keys, this.#waiting);
    const restored = await update.restore(row);
    // Another roster authority came meanwhile: what counted under the former one is verified again.
    if (this.#records !== records) return this.#read(personId);
    this.#rows.set(personId, restored);
  }

  async recordsOf(people: Iterable<PersonId>): Promise<readonly PersonTrustRow[]> {
    const found = new Map<PersonId, PersonTrustRow>();
    let wanted: readonly PersonId[] = [...new Set(people)];
    await this.#have(wanted);
    while (wanted.length > 0) {
      const rows = wanted.flatMap((personId) => this.#rows.get(personId) ?? []);
      for (const row of rows) found.set(row.personId, row);
      wanted = (await this.#signers.peopleBehind(rows)).filter((one) => !found.has(one));
    }
    return [...found.values()];
  }

  // --- Answers ----------------------------------------------------------------------------------

  /** Judges endorsements, grants and revocations of people whom {@link ensure} has brought. */
  get judge(): Judge {
    return this.#judge;
  }

  get records(): TrustRecords {
    return this.#records;
  }

  get department(): Department {
    return this.#records.department;
  }

  authorityOf(epoch: number): Uint8Array {
    return this.#records.authorityOf(epoch, "R4");
  }

  async verdict(personId: PersonId, device: DeviceId, atMs: number): Promise<Verdict> {
    try {
      const found = await this.#confirmed(personId, device, atMs, "E0");
      const { how, byPerson, by, sinceMs } = found;
      const refusal = null;
      return { device, personId, confirmed: how, by: byPerson, byDevice: by, sinceMs, refusal };
    } catch (error) {
      if (!(error instanceof Refused)) throw error;
      const nobody = { by: null, byDevice: null, sinceMs: null };
      const refusal = error.message;
      return { device, personId, confirmed: "no", ...nobody, refusal };
    }
  }

  async confirmedCertificate(
    personId: PersonId,
    device: DeviceId,
    atMs: number,
    rule: string,
  ): Promise<Certificate> {
    return (await this.#confirmed(personId, device, atMs, rule)).certificate;
  }

  /** Judge; where something was missing, ask the server for it once a minute and judge again. */
  async #confirmed(personId: PersonId, device: DeviceId, atMs: number, rule: string) {
    await this.#have([personId]);
    try {
      return this.#judgeOwn(personId, device, atMs, rule);
    } catch (error) {
      const mendable = error instanceof Refused && error.missing !== null;
      if (!mendable || this.#wasAsked(personId, false)) throw error;
      const asked = this.ensure([personId], { fresh: true });
      // Without network the refusal remains: the caller judges again when people change.
      const answered = await asked.then(
        () => true,
        () => false,
      );
      if (!answered) throw error;
      return this.#judgeOwn(personId, device, atMs, rule);
    }
  }

  #judgeOwn(personId: PersonId, device: DeviceId, atMs: number, rule: string) {
    const found = this.#judge.confirmed(device, atMs, rule);
    if (found.person !== personId) throw new Refused(rule, "another person's device");
    return found;
  }

  async devicesOf(personId: PersonId): Promise<readonly DeviceId[]> {
    await this.#have([personId]);
    return this.#records.devicesOf(personId) ?? [];
  }

  async certificateOf(personId: PersonId, device: DeviceId): Promise<Certificate | null> {
    await this.#have([personId]);
    const newest = this.#records.certificatesOf(device).at(-1);
    return newest?.person === personId ? newest : null;
  }

  async deviceKey(personId: PersonId, device: DeviceId, kem: Kem): Promise<DeviceKey> {
    const certificate = await this.certificateOf(personId, device);
    const key = this.#keys.get(device, kem);
    if (certificate === null || key === null) throw new Refused("S3", "device key is unknown");
    await checkDeviceKey(key, certificate, kem, this.#options.time.requireNow());
    return key;
  }

  /** Every DeviceKey that is held of a person (E5 looks at one's own). */
  async keysOf(personId: PersonId): Promise<readonly DeviceKey[]> {
    const devices = await this.devicesOf(personId);
    return devices.flatMap((device) => this.#keys.all(device));
  }

  async card(personId: PersonId): Promise<PersonCard | null> {
    await this.#have([personId]);
    return this.#records.card(personId);
  }

  async cardsOf(personId: PersonId): Promise<readonly PersonCard[]> {
    await this.#have([personId]);
    return this.#records.cardsOf(personId);
  }

  /** The person of a device that was seen before; null: unknown. */
  personOf(device: DeviceId): Promise<PersonId | null> {
    return this.#signers.personOf(device);
  }

  onChanged(listener: (people: readonly PersonId[]) => void): () => void {
    this.#changed.add(listener);
    return () => void this.#changed.delete(listener);
  }

  onRefusedCards(listener: (refused: RefusedCard) => void): () => void {
    this.#cards.add(listener);
    return () => void this.#cards.delete(listener);
  }

  #tell<T>(listeners: ReadonlySet<(value: T) => void>, value: T): void {
    for (const listener of listeners) listener(value);
  }
}

/**
 * The comparisons of digits that this device takes part in (E3, confirmation.ts), stored.
 *
 * Invariants: a half, and an endorsement, is in the vault before it is sent; a try is counted before
 * the digits are compared; five wrong ones for a device within a day end it, whichever comparisons
 * they were for. A new device makes its half in {@link DeviceConfirmations.answer} alone, when its person
 * taps a name: at most one comparison is open there, five begin within a day, and each lasts ten
 * minutes. Days and these minutes are by the device's own clock, and only people's acts spend the
 * counts. Concurrency: one step at a time. A crash anywhere repeats the last step, with the
 * same bytes, at the next connection ({@link DeviceConfirmations.follow}).
 */
import { equalBytes, randomBytes, utf8 } from "../octets.ts";
import { newId, type ConfirmationId, type DeviceId, type PersonId } from "../ids.ts";
import type { Identity } from "../context.ts";
import { failure } from "../failure.ts";
import { DAY_MS, MINUTE_MS } from "../keys/format/times.ts";
import type { Api } from "../transport/api.ts";
import { SAS_SECRET_BYTES, digitsCommitment } from "../keys/trust/digits.ts";
import { EndorsementFormat } from "../keys/trust/endorsement.ts";
import type { TimeAnchor } from "../trust/ports.ts";
import { META, putMeta } from "../vault/changes.ts";
import type { Change, Vault } from "../vault/vault.ts";
import { SerialQueue } from "../serial-queue.ts";
import type { Confirmation, SubmitEndorsement } from "../wire.ts";
import {
  atTime,
  codeOf,
  digitsIn,
  digitsOf,
  follow,
  isCode,
  isOpen,
  type ConfirmationRow,
  type ConfirmingRow,
  type NewDeviceRow,
  type Step,
} from "./confirmation.ts";
import type { Endorsing } from "./endorsing.ts";

export const CONFIRMATIONS_STORE = "confirmations";
export const TRIES = 5;
const TAPS = 5;
/** The server takes endorsements dated within 10 minutes: an older one is signed again. */
const ENDORSEMENT_MS = 8 * MINUTE_MS;
/** On the confirming device until the server says when a comparison ends. */
const LASTS_MS = 10 * MINUTE_MS;
/** How long an ended one is still shown. */
const SHOWN_MS = 10 * MINUTE_MS;

/** `meta/digit_taps`, and in `meta/digit_tries` by new device: what counts within a day. */
interface Counted {
  /** When the first of the day was. */
  readonly firstMs: number;
  readonly count: number;
}

type Tries = Readonly<Record<DeviceId, Counted>>;

function today(counted: Counted | null | undefined, nowMs: number): Counted {
  // A clock that was far ahead and is right again ends the day as well.
  const counts = counted != null && Math.abs(nowMs - counted.firstMs) < DAY_MS;
  return counts ? counted : { firstMs: nowMs, count: 0 };
}

function oneMore({ firstMs, count }: Counted): Counted {
  return { firstMs, count: count + 1 };
}

export interface ConfirmationsOptions {
  readonly vault: Pick<Vault, "all" | "get" | "write">;
  readonly api: Pick<
    Api,
    | "confirmations"
    | "beginConfirmation"
    | "answerConfirmation"
    | "revealConfirmation"
    | "cancelConfirmation"
  >;
  readonly time: Pick<TimeAnchor, "anchor" | "now" | "requireNow">;
  readonly endorsing: Endorsing;
  /** The device's own clock, which no server sets. */
  readonly now: () => number;
  readonly identity: () => Identity;
  /** The offline root's raw public key. */
  readonly rootKey: () => Uint8Array;
  /** Whether this device is confirmed by its own judgement: ends its part as the new one. */
  readonly isConfirmed: () => Promise<boolean>;
  readonly onChange: () => void;
}

export class DeviceConfirmations {
  readonly #options: ConfirmationsOptions;
  readonly #rows = new Map<ConfirmationId, ConfirmationRow>();
  #offers: readonly Confirmation[] = [];
  readonly #queue = new SerialQueue();

  constructor(options: ConfirmationsOptions) {
    this.#options = options;
  }

  /** The vault is locked, or the account is another: the halves are in the vault alone. */
  reset(): void {
    this.#rows.clear();
    this.#offers = [];
  }

  async load(): Promise<void> {
    this.reset();
    const rows = await this.#options.vault.all<ConfirmationRow>(CONFIRMATIONS_STORE);
    for (const row of rows) this.#rows.set(row.confirmationId, row);
  }

  /** The comparisons that continue or ended just now, the newest first. */
  get rows(): readonly ConfirmationRow[] {
    return [...this.#rows.values()]
      .map((row) => atTime(row, this.#nowOf(row)))
      .sort((a, b) => b.expiresMs - a.expiresMs);
  }

  /** People who want to confirm this device and whom it has not answered: the newest of each. */
  get offers(): readonly Confirmation[] {
    return this.#offers;
  }

  digits(row: ConfirmationRow): string | null {
    return digitsOf(row, this.#options.identity().device, this.#options.rootKey());
  }

  /** The text of the QR code that this device, as the new one, shows the endorser. */
  code(endorser: DeviceId): string {
    return codeOf(endorser, this.#options.identity().device, this.#options.rootKey());
  }

  async triesLeft(device: DeviceId): Promise<number> {
    return TRIES - (await this.#triesOf(device)).count;
  }

  /** Begin a comparison with the person who holds a new device, or continue the one that runs. */
  begin(device: DeviceId, personId: PersonId): Promise<ConfirmationRow> {
    return this.#queue.run(async () => {
      const known = this.rows.find(
        (row) => row.role === "confirming" && row.device === device && isOpen(row),
      );
      if (known !== undefined) return known;
      await this.#requireTries(device);
      await this.#options.endorsing.requirePossible(device, personId);
      const secret = randomBytes(SAS_SECRET_BYTES);
      const row: ConfirmingRow = {
        ...{ confirmationId: newId(), role: "confirming", device, personId, secret },
        commitment: digitsCommitment(secret, this.#options.identity().deviceBytes),
        expiresMs: this.#options.time.requireNow() + LASTS_MS,
        ...{ answer: null, matched: false, endorsement: null, state: "begun" },
      };
      await this.#store(row);
      return this.#takeStep(row, "begin");
    });
  }

  /**
   * The person of this new device tapped the name of who wants to confirm it: answer that comparison,
   * and end one that is open. Rejects with `answers_wait` after five within a day.
   */
  answer(confirmationId: ConfirmationId): Promise<ConfirmationRow> {
    return this.#queue.run(async () => {
      const known = this.rows.find((row) => row.confirmationId === confirmationId);
      if (known !== undefined) return known;
      const offer = this.#offers.find((one) => one.confirmationId === confirmationId);
      if (offer === undefined) throw failure("confirmation_over");
      await this.#countTap();
      const former = this.rows.find((row) => row.role === "new" && isOpen(row));
      if (former !== undefined) await this.#cancel(former);
      const row: NewDeviceRow = {
        ...{ confirmationId, role: "new", commitment: offer.commitment },
        ...{ device: offer.endorserDevice, personId: offer.endorserPersonId },
        ...{ answer: randomBytes(SAS_SECRET_BYTES), secret: null },
        ...{ state: "begun", expiresMs: this.#options.now() + LASTS_MS },
      };
      this.#offers = this.#offers.filter((one) => one !== offer);
      await this.#store(row);
      return this.#takeStep(row, "answer");
    });
  }

  /** Continue with everything that the server has news of. Called after each connection and hint. */
  follow(): Promise<void> {
    return this.#queue.run(async () => {
      await this.#options.time.anchor();
      const { confirmations } = await this.#options.api.confirmations();
      const served = new Map(confirmations.map((one) => [one.confirmationId, one]));
      this.#meet(confirmations);
      for (const row of this.rows) await this.#follow(row, served.get(row.confirmationId) ?? null);
      await this.#forgetOld();
    });
  }

  /** The digits that the new device shows, or its code. Rejects with `digits_wrong`. */
  confirm(confirmationId: ConfirmationId, text: string): Promise<ConfirmationRow> {
    return this.#queue.run(async () => {
      const row = this.#rows.get(confirmationId);
      if (row?.role !== "confirming") throw failure("not_found");
      if (row.state === "confirmed") return row;
      await this.#options.time.anchor();
      const now = this.#options.time.requireNow();
      if (!isOpen(atTime(row, now))) throw failure("confirmation_over");
      if (!row.matched) await this.#compare(row, text.trim());
      const matched: ConfirmingRow = { ...row, matched: true };
      await this.#store(matched);
      return this.#takeStep(matched, "endorse");
    });
  }

  cancel(confirmationId: ConfirmationId): Promise<void> {
    return this.#queue.run(async () => {
      const row = this.#rows.get(confirmationId);
      if (row !== undefined && isOpen(row)) await this.#cancel(row);
    });
  }

  // --- Steps ------------------------------------------------------------------------------------

  /** Take note of comparisons that others began with this device. Nothing is answered. */
  #meet(confirmations: readonly Confirmation[]): void {
    const own = this.#options.identity().device;
    const newest = new Map<PersonId, Confirmation>();
    for (const one of [...confirmations].sort((a, b) => a.createdMs - b.createdMs))
      if (one.newDevice === own && !this.#rows.has(one.confirmationId))
        newest.set(one.endorserPersonId, one);
    const offers = [...newest.values()].reverse();
    const ids = (all: readonly Confirmation[]) => all.map((one) => one.confirmationId).join();
    const changed = ids(offers) !== ids(this.#offers);
    this.#offers = offers;
    if (changed) this.#options.onChange();
  }

  async #follow(row: ConfirmationRow, served: Confirmation | null): Promise<void> {
    if (row.role === "new" && isOpen(row) && (await this.#options.isConfirmed())) {
      await this.#store({ ...row, state: "confirmed" });
      return;
    }
    const next = follow(row, served);
    if (next.row !== this.#rows.get(row.confirmationId)) await this.#store(next.row);
    await this.#takeStep(next.row, next.step);
  }

  async #takeStep(row: ConfirmationRow, step: Step): Promise<ConfirmationRow> {
    const { api } = this.#options;
    const { confirmationId, commitment } = row;
    if (row.role === "new") {
      if (step !== "answer") return row;
      return this.#served(
        row,
        await api.answerConfirmation(confirmationId, { answer: row.answer }),
      );
    }
    if (step === "begin") {
      const newDevice = row.device;
      const body = { confirmationId, newDevice, commitment };
      return this.#served(row, await api.beginConfirmation(body));
    }
    if (step === "reveal") {
      const { secret } = row;
      return this.#served(row, await api.revealConfirmation(confirmationId, { secret }));
    }
    return step === "endorse" ? this.#endorse(row) : row;
  }

  /** The server's answer may be news already. Steps that follow from it wait for the next hint. */
  async #served(row: ConfirmationRow, served: Confirmation): Promise<ConfirmationRow> {
    // The new device's own ten minutes are not the server's to change.
    const dated = row.role === "new" ? row : { ...row, expiresMs: served.expiresMs };
    const next = follow(atTime(dated, this.#nowOf(dated)), served);
    await this.#store(next.row);
    return next.step === null ? next.row : this.#takeStep(next.row, next.step);
  }

  async #endorse(row: ConfirmingRow): Promise<ConfirmationRow> {
    const { endorsing, time } = this.#options;
    await time.anchor();
    let { endorsement } = row;
    if (endorsement === null || time.requireNow() - createdOf(endorsement) > ENDORSEMENT_MS) {
      endorsement = await endorsing.sign(row.device, row.personId);
      await this.#store({ ...row, endorsement });
    }
    await endorsing.submit(endorsement, row.personId);
    const confirmed: ConfirmingRow = { ...row, endorsement, state: "confirmed" };
    await this.#store(confirmed);
    await this.#end(confirmed);
    return confirmed;
  }

  async #cancel(row: ConfirmationRow): Promise<void> {
    await this.#store({ ...row, state: "over" });
    await this.#end(row);
  }

  /** Tell the server that it is over; it times out if that does not reach it. */
  async #end({ confirmationId }: ConfirmationRow): Promise<void> {
    await this.#options.api.cancelConfirmation(confirmationId).catch(() => undefined);
  }

  // --- Tries ------------------------------------------------------------------------------------

  async #compare(row: ConfirmingRow, text: string): Promise<void> {
    const scanned = isCode(text);
    const { device: own } = this.#options.identity();
    const expected = scanned ? codeOf(own, row.device, this.#options.rootKey()) : this.digits(row);
    if (expected === null) throw failure("confirmation_over");
    const given = scanned ? text : digitsIn(text);
    // Only six digits can be guessed: a code and other texts are no try.
    if (given !== null && !scanned) await this.#countTry(row.device);
    if (given !== null && equalBytes(utf8(given), utf8(expected))) return;
    const triesLeft = await this.triesLeft(row.device);
    if (triesLeft === 0 && !scanned) {
      await this.#store({ ...row, state: "refused" });
      await this.#end(row);
    }
    throw failure("digits_wrong", { details: { triesLeft } });
  }

  async #requireTries(device: DeviceId): Promise<void> {
    this.#requireLeft(await this.#triesOf(device), TRIES, "digits_wait");
  }

  #requireLeft(counted: Counted, most: number, code: "digits_wait" | "answers_wait"): void {
    if (counted.count < most) return;
    throw failure(code, { retryAfterMs: counted.firstMs + DAY_MS - this.#options.now() });
  }

  async #triesOf(device: DeviceId): Promise<Counted> {
    const all = await this.#options.vault.get<Tries>(META, "digit_tries");
    return today(all?.[device], this.#options.now());
  }

  async #countTry(device: DeviceId): Promise<void> {
    const { vault, now } = this.#options;
    await this.#requireTries(device);
    const all = Object.entries((await vault.get<Tries>(META, "digit_tries")) ?? {});
    const recent = all.filter(([, counted]) => today(counted, now()) === counted);
    const value: Tries = {
      ...Object.fromEntries(recent),
      [device]: oneMore(await this.#triesOf(device)),
    };
    await vault.write([putMeta("digit_tries", value)], true);
  }

  async #countTap(): Promise<void> {
    const { vault, now } = this.#options;
    const taps = today(await vault.get<Counted>(META, "digit_taps"), now());
    this.#requireLeft(taps, TAPS, "answers_wait");
    await vault.write([putMeta("digit_taps", oneMore(taps))], true);
  }

  // --- Rows -------------------------------------------------------------------------------------

  #nowOf(row: ConfirmationRow): number | null {
    return row.role === "new" ? this.#options.now() : this.#options.time.now();
  }

  async #store(row: ConfirmationRow): Promise<void> {
    const key = row.confirmationId;
    const change: Change = { op: "put", store: CONFIRMATIONS_STORE, key, value: row };
    await this.#options.vault.write([change], true);
    this.#rows.set(key, row);
    this.#options.onChange();
  }

  async #forgetOld(): Promise<void> {
    const isOld = (row: ConfirmationRow): boolean =>
      !isOpen(row) && (this.#nowOf(row) ?? 0) - row.expiresMs > SHOWN_MS;
    const old = this.rows.filter(isOld);
    const changes = old.map(({ confirmationId: key }): Change => ({
      op: "delete",
      store: CONFIRMATIONS_STORE,
      key,
    }));
    await this.#options.vault.write(changes);
    for (const { confirmationId } of old) this.#rows.delete(confirmationId);
  }
}

function createdOf({ endorsement }: SubmitEndorsement): number {
  return EndorsementFormat.parse(endorsement).created;
}

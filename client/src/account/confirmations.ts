/**
 * The comparisons of digits that this device takes part in (E3, confirmation.ts), stored.
 *
 * Invariants: a half, and an endorsement, is in the vault before it is sent; a try is counted before
 * the digits are compared; five wrong ones for a device within a day end it, whichever comparisons
 * they were for. Concurrency: one step at a time. A crash anywhere repeats the last step, with the
 * same bytes, at the next connection ({@link Confirmations.follow}).
 */
import { equalBytes, randomBytes, utf8 } from "../octets.ts";
import { newId } from "../ids.ts";
import type { ConfirmationId, DeviceId, PersonId } from "../ids.ts";
import type { Identity } from "../context.ts";
import { failure } from "../failure.ts";
import { DAY_MS, MINUTE_MS } from "../keys/format/times.ts";
import type { Api } from "../transport/api.ts";
import { SAS_SECRET_BYTES, digitsCommitment } from "../keys/trust/digits.ts";
import { EndorsementFormat } from "../keys/trust/endorsement.ts";
import type { TimeAnchor } from "../trust/ports.ts";
import { META, putMeta } from "../vault/meta.ts";
import type { Change, Vault } from "../vault/vault.ts";
import type { Confirmation } from "../wire.ts";
import {
  digitsIn,
  digitsOf,
  follow,
  isOpen,
  type ConfirmationRow,
  type ConfirmingRow,
  type NewDeviceRow,
  type Step,
} from "./confirmation.ts";
import type { Endorsing } from "./endorsing.ts";

export const CONFIRMATIONS_STORE = "confirmations";
export const TRIES = 5;
/** The server takes endorsements dated within 10 minutes: an older one is signed anew. */
const ENDORSEMENT_MS = 8 * MINUTE_MS;
/** Until the server says when a comparison ends. */
const LASTS_MS = 10 * MINUTE_MS;
/** How long an ended one is still shown. */
const SHOWN_MS = 10 * MINUTE_MS;

/** `meta/digit_tries`: wrong digits by new device. */
type Tries = Readonly<Record<DeviceId, CountedTries>>;

interface CountedTries {
  /** When the first of the day was. */
  readonly firstMs: number;
  readonly count: number;
}

const NO_TRIES: CountedTries = { firstMs: 0, count: 0 };

export interface ConfirmationsOptions {
  readonly vault: Pick<Vault, "all" | "get" | "write">;
  readonly api: Pick<
    Api,
    | "confirmations"
    | "beginConfirmation"
    | "answerConfirmation"
    | "revealConfirmation"
    | "endConfirmation"
  >;
  readonly time: Pick<TimeAnchor, "anchor" | "now" | "requireNow">;
  readonly endorsing: Endorsing;
  readonly identity: () => Identity;
  /** The offline root's raw public key. */
  readonly rootKey: () => Uint8Array;
  /** Whether this device is confirmed by its own judgement: ends its part as the new one. */
  readonly isConfirmed: () => Promise<boolean>;
  readonly onChange: () => void;
}

export class Confirmations {
  readonly #options: ConfirmationsOptions;
  readonly #rows = new Map<ConfirmationId, ConfirmationRow>();
  #turn: Promise<unknown> = Promise.resolve();

  constructor(options: ConfirmationsOptions) {
    this.#options = options;
  }

  async load(): Promise<void> {
    this.#rows.clear();
    const rows = await this.#options.vault.all<ConfirmationRow>(CONFIRMATIONS_STORE);
    for (const row of rows) this.#rows.set(row.confirmationId, row);
  }

  /** Those that go on, and those that ended just now, the newest first. */
  get rows(): readonly ConfirmationRow[] {
    return [...this.#rows.values()].sort((a, b) => b.expiresMs - a.expiresMs);
  }

  digits(row: ConfirmationRow): string | null {
    return digitsOf(row, this.#options.identity().device, this.#options.rootKey());
  }

  async triesLeft(device: DeviceId): Promise<number> {
    return TRIES - (await this.#triesOf(device)).count;
  }

  /** Begin to compare with the person who holds a new device; one that goes on already is taken up. */
  begin(device: DeviceId, personId: PersonId): Promise<ConfirmationRow> {
    return this.#inTurn(async () => {
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
      return this.#take(row, "begin");
    });
  }

  /** Go on with everything that the server has news of. Called after each connection and hint. */
  follow(): Promise<void> {
    return this.#inTurn(async () => {
      await this.#options.time.anchor();
      const { confirmations } = await this.#options.api.confirmations();
      const served = new Map(confirmations.map((one) => [one.confirmationId, one]));
      await this.#meet(confirmations);
      for (const row of this.rows) await this.#follow(row, served.get(row.confirmationId) ?? null);
      await this.#forgetOld();
    });
  }

  /** The digits that the new device shows, typed or scanned. Rejects with `digits_wrong`. */
  confirm(confirmationId: ConfirmationId, text: string): Promise<ConfirmationRow> {
    return this.#inTurn(async () => {
      const row = this.#rows.get(confirmationId);
      if (row?.role !== "confirming") throw failure("not_found");
      if (row.state === "confirmed") return row;
      await this.#options.time.anchor();
      const now = this.#options.time.requireNow();
      if (!row.matched) {
        const expected = row.state === "digits" && now < row.expiresMs ? this.digits(row) : null;
        if (expected === null) throw failure("confirmation_over");
        await this.#try(row, expected, digitsIn(text, confirmationId));
      }
      const matched: ConfirmingRow = { ...row, matched: true };
      await this.#store(matched);
      return this.#take(matched, "endorse");
    });
  }

  cancel(confirmationId: ConfirmationId): Promise<void> {
    return this.#inTurn(async () => {
      const row = this.#rows.get(confirmationId);
      if (row === undefined || !isOpen(row)) return;
      await this.#store({ ...row, state: "over" });
      await this.#end(row);
    });
  }

  // --- Steps ------------------------------------------------------------------------------------

  /** Comparisons that another device began with this one. */
  async #meet(confirmations: readonly Confirmation[]): Promise<void> {
    const own = this.#options.identity().device;
    for (const one of confirmations) {
      if (one.newDevice !== own || this.#rows.has(one.confirmationId)) continue;
      const row: NewDeviceRow = {
        ...{ confirmationId: one.confirmationId, role: "new", commitment: one.commitment },
        ...{ device: one.endorserDevice, personId: one.endorserPersonId },
        ...{ answer: randomBytes(SAS_SECRET_BYTES), secret: null },
        ...{ state: "begun", expiresMs: one.expiresMs },
      };
      await this.#store(row);
    }
  }

  async #follow(row: ConfirmationRow, served: Confirmation | null): Promise<void> {
    if (row.role === "new" && isOpen(row) && (await this.#options.isConfirmed())) {
      await this.#store({ ...row, state: "confirmed" });
      return;
    }
    const next = follow(row, served, this.#options.time.requireNow());
    if (next.row !== row) await this.#store(next.row);
    await this.#take(next.row, next.step);
  }

  async #take(row: ConfirmationRow, step: Step): Promise<ConfirmationRow> {
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
    const dated: ConfirmationRow = { ...row, expiresMs: served.expiresMs };
    const next = follow(dated, served, this.#options.time.requireNow());
    await this.#store(next.row);
    return next.step === null ? next.row : this.#take(next.row, next.step);
  }

  async #endorse(row: ConfirmingRow): Promise<ConfirmationRow> {
    const { endorsing, time } = this.#options;
    await time.anchor();
    let { endorsement } = row;
    if (endorsement === null || time.requireNow() - createdOf(endorsement) > ENDORSEMENT_MS) {
      endorsement = await endorsing.sign(row.device, row.personId);
      await this.#store({ ...row, endorsement });
    }
    await endorsing.post(endorsement, row.personId);
    const confirmed: ConfirmingRow = { ...row, endorsement, state: "confirmed" };
    await this.#store(confirmed);
    await this.#end(confirmed);
    return confirmed;
  }

  /** Tell the server that it is over; it ends by itself if that does not reach it. */
  async #end({ confirmationId }: ConfirmationRow): Promise<void> {
    await this.#options.api.endConfirmation(confirmationId).catch(() => undefined);
  }

  // --- Tries ------------------------------------------------------------------------------------

  async #try(row: ConfirmingRow, expected: string, given: string | null): Promise<void> {
    await this.#requireTries(row.device);
    // Something that is no digits at all reveals nothing and is no try.
    if (given === null) throw failure("digits_wrong", { details: await this.#left(row.device) });
    await this.#countTry(row.device);
    if (equalBytes(utf8(given), utf8(expected))) return;
    const left = await this.#left(row.device);
    if (left.triesLeft === 0) {
      await this.#store({ ...row, state: "refused" });
      await this.#end(row);
    }
    throw failure("digits_wrong", { details: left });
  }

  async #left(device: DeviceId): Promise<{ readonly triesLeft: number }> {
    return { triesLeft: await this.triesLeft(device) };
  }

  async #requireTries(device: DeviceId): Promise<void> {
    const { firstMs, count } = await this.#triesOf(device);
    if (count < TRIES) return;
    const retryAfterMs = firstMs + DAY_MS - this.#options.time.requireNow();
    throw failure("digits_wait", { retryAfterMs });
  }

  async #triesOf(device: DeviceId): Promise<CountedTries> {
    const all = await this.#options.vault.get<Tries>(META, "digit_tries");
    const own = all?.[device] ?? NO_TRIES;
    // Before the time is known, whatever was counted counts.
    const now = this.#options.time.now() ?? own.firstMs;
    return now - own.firstMs >= DAY_MS ? NO_TRIES : own;
  }

  async #countTry(device: DeviceId): Promise<void> {
    const { vault, time } = this.#options;
    const all = (await vault.get<Tries>(META, "digit_tries")) ?? {};
    const now = time.requireNow();
    const own = await this.#triesOf(device);
    const recent = Object.entries(all).filter(([, { firstMs }]) => now - firstMs < DAY_MS);
    const value: Tries = {
      ...Object.fromEntries(recent),
      [device]: { firstMs: own.count === 0 ? now : own.firstMs, count: own.count + 1 },
    };
    await vault.write([putMeta("digit_tries", value)], true);
  }

  // --- Rows -------------------------------------------------------------------------------------

  async #store(row: ConfirmationRow): Promise<void> {
    const key = row.confirmationId;
    const change: Change = { op: "put", store: CONFIRMATIONS_STORE, key, value: row };
    await this.#options.vault.write([change], true);
    this.#rows.set(key, row);
    this.#options.onChange();
  }

  async #forgetOld(): Promise<void> {
    const now = this.#options.time.requireNow();
    const old = this.rows.filter((row) => !isOpen(row) && now - row.expiresMs > SHOWN_MS);
    const changes = old.map(({ confirmationId: key }): Change => ({
      op: "delete",
      store: CONFIRMATIONS_STORE,
      key,
    }));
    await this.#options.vault.write(changes);
    for (const { confirmationId } of old) this.#rows.delete(confirmationId);
  }

  #inTurn<T>(step: () => Promise<T>): Promise<T> {
    const done = this.#turn.then(step);
    // The caller handles a failure, which does not delay the next step.
    this.#turn = done.catch(() => undefined);
    return done;
  }
}

function createdOf(endorsement: Uint8Array): number {
  return EndorsementFormat.parse(endorsement).created;
}

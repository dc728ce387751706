/**
 * A moderator's device opens proofs as they come, because it forgets its keys 48 h after it renewed them.
 *
 * A run lists the open cases and the appeals, and fetches the ones that this device can open and
 * has not opened yet: the newest first, so that many old ones delay no new one. A case that fails
 * is passed over; a server that refuses so many requests is asked again later. A run lists new
 * cases alone; every few hours one lists all, forgets the proofs of cases that the server lists to
 * this person no more, seals the others to moderators who came later (resealing.ts), and tries
 * appeals again that others may have sealed to it.
 */
import type { DeviceContext } from "../context.ts";
import { asFailure } from "../as-failure.ts";
import { hasCode } from "../failure.ts";
import { idOf, type ReportId, type SealKeyId } from "../ids.ts";
import { Refused } from "../keys/format/refused.ts";
import { APPEAL, REPORT, appealPlace, reportPlace } from "../keys/proof.ts";
import { fromHex } from "../octets.ts";
import type { CaseBox } from "../seam/reports.ts";
import { delayMs, pause } from "../transport/backoff.ts";
import type { Case, CaseDetail, Cases } from "../wire.ts";
import { keptKey, openKept, placeOf } from "./judging.ts";
import { REPORT_STORES, type KeptRecord } from "./record.ts";
import type { Resealing } from "./resealing.ts";

/** Pages of a list that are read, at most, whatever a server says. */
const MOST_PAGES = 1_000;
const LIST_ALL_MS = 6 * 3_600_000;
const RETRY = { firstMs: 2_000, maxMs: 120_000 };
/** After so many failures in a row the network is taken to be gone. */
const MOST_FAILURES = 3;

type KeepingContext = Pick<
  DeviceContext,
  "api" | "vault" | "ownKeys" | "now" | "random" | "signal"
>;

interface Wanted {
  /** The key that the opened envelope would be kept under. */
  readonly key: string;
  readonly id: ReportId;
  readonly createdMs: number;
}

export class Keeping {
  readonly #context: KeepingContext;
  readonly #resealing: Pick<Resealing, "run">;
  /** Keys of envelopes that were fetched: one that did not open here never will. */
  readonly #tried = new Set<string>();
  #running: Promise<void> | null = null;
  #again = false;
  #waits = false;
  #attempt = 0;
  /** The last page of open cases, which are listed oldest first: new ones are there or after it. */
  #lastPage: string | null = null;
  #listedAllMs = -Infinity;

  /** `resealing`: runs with all open cases and appeals whenever this device has listed them all. */
  constructor(context: KeepingContext, resealing: Pick<Resealing, "run">) {
    this.#context = context;
    this.#resealing = resealing;
  }

  /** Runs that are asked for while one is under way become one. Rejects with `not_allowed`. */
  run(): Promise<void> {
    if (this.#running === null) this.#running = this.#runs();
    else this.#again = true;
    return this.#running;
  }

  async #runs(): Promise<void> {
    try {
      do {
        this.#again = false;
        await this.#once();
      } while (this.#again);
      if (!this.#waits) this.#attempt = 0;
    } catch (error) {
      const { retry, retryAfterMs } = asFailure(error);
      if (retry) this.#later(retryAfterMs);
      throw error;
    } finally {
      this.#running = null;
    }
  }

  async #once(): Promise<void> {
    // Read before the lists, so that nothing is forgotten for having come meanwhile.
    const kept = await this.#context.vault.all<KeptRecord>(REPORT_STORES.kept);
    const startMs = this.#context.now();
    const all = startMs - this.#listedAllMs >= LIST_ALL_MS;
    const open: Case[] = [];
    for await (const page of this.#pages("open", all ? null : this.#lastPage)) {
      open.push(...page.cases);
      this.#lastPage = page.after;
    }
    const appealed: Case[] = [];
    for await (const { cases } of this.#pages("appeals")) appealed.push(...cases);
    if (all) for (const { reportId } of appealed) this.#tried.delete(keptKey(APPEAL, reportId));
    await this.#fetch(await this.#wanted(kept, open, appealed));
    if (!all) return;
    await this.#forgetUnlisted(kept, [...open, ...appealed]);
    await this.#resealing.run(open, appealed);
    this.#listedAllMs = startMs;
  }

  async *#pages(box: CaseBox, first: string | null = null) {
    let after = first;
    for (let pages = 0; pages < MOST_PAGES; pages++) {
      const page: Cases = await this.#context.api.cases({ box, after });
      yield { cases: page.cases, after };
      after = page.next;
      if (after === null) return;
    }
  }

  /** The newest first. The server does not say to which devices an appeal is sealed. */
  async #wanted(
    kept: readonly KeptRecord[],
    open: readonly Case[],
    appealed: readonly Case[],
  ): Promise<readonly Wanted[]> {
    const own = new Set(await this.#context.ownKeys.keyIds());
    const known = new Set([...kept.map(({ key }) => key), ...this.#tried]);
    const isOurs = ({ keyIds }: Case) => keyIds.some((one) => own.has(idOf<SealKeyId>(one)));
    return [
      ...open.filter(isOurs).map((one) => ({ ...one, key: keptKey(REPORT, one.reportId) })),
      ...appealed.map((one) => ({ ...one, key: keptKey(APPEAL, one.reportId) })),
    ]
      .filter(({ key }) => !known.has(key))
      .map(({ key, reportId: id, createdMs }) => ({ key, id, createdMs }))
      .sort((one, other) => other.createdMs - one.createdMs);
  }

  /** Rejects with `not_allowed`; another failure of one case leaves it for a later run. */
  async #fetch(wanted: readonly Wanted[]): Promise<void> {
    let failures = 0;
    for (const { key, id } of wanted) {
      try {
        const detail = await this.#context.api.case(id);
        await this.#keep(detail);
        this.#tried.add(key);
        failures = 0;
      } catch (error) {
        if (hasCode(error, "not_allowed", "locked")) throw error;
        const { retry, retryAfterMs } = asFailure(error);
        const refused = hasCode(error, "rate_limited", "overloaded");
        if (!retry && !refused) continue;
        this.#later(retryAfterMs);
        if (refused || ++failures === MOST_FAILURES) return;
      }
    }
  }

  async #keep({ case: given, sealed, seals, appeal }: CaseDetail): Promise<void> {
    const { reportId, reportedId } = given;
    const opens = [];
    const at = reportPlace(placeOf(given));
    if (sealed !== null) opens.push(openKept(this.#context, REPORT, reportId, sealed, at, seals));
    if (appeal !== null) {
      const place = appealPlace(fromHex(reportId), fromHex(reportedId));
      const { sealed: words, seals: added } = appeal;
      opens.push(openKept(this.#context, APPEAL, reportId, words, place, added));
    }
    for (const result of await Promise.allSettled(opens))
      if (result.status === "rejected" && !(result.reason instanceof Refused)) throw result.reason;
  }

  #later(afterMs: number | null): void {
    this.#lastPage = null;
    if (this.#waits) return;
    this.#waits = true;
    const { signal, random } = this.#context;
    void pause(afterMs ?? delayMs(RETRY, this.#attempt++, random), signal).then(() => {
      this.#waits = false;
      if (!signal.aborted) void this.run().catch(() => undefined);
    });
  }

  // --- Forgetting -------------------------------------------------------------------------------

  async #forgetUnlisted(kept: readonly KeptRecord[], listed: readonly Case[]): Promise<void> {
    const gone = new Set(kept.map(({ id }) => id));
    for (const { reportId } of listed) gone.delete(reportId);
    if (gone.size === 0) return;
    for await (const { cases } of this.#pages("decided")) {
      for (const { reportId } of cases) gone.delete(reportId);
      if (gone.size === 0) return;
    }
    await this.#forget(kept.filter(({ id }) => gone.has(id)));
  }

  /** This person moderates nothing any more. */
  async forgetAll(): Promise<void> {
    await this.#forget(await this.#context.vault.all<KeptRecord>(REPORT_STORES.kept));
  }

  #forget(kept: readonly KeptRecord[]): Promise<void> {
    for (const { key } of kept) this.#tried.delete(key);
    const { proofs, kept: names } = REPORT_STORES;
    return this.#context.vault.write(
      kept.flatMap(({ key }) =>
        [proofs, names].map((store) => ({ op: "delete", store, key }) as const),
      ),
    );
  }
}

/**
 * The calls of core.ts about reports, cases and sanctions. Their code is fetched with the first of them:
 * most officers report nothing for months. A connection fetches it where a report waits to be sent, or
 * where this person moderates: a moderator's device opens new proofs as they come (reports/judging.ts).
 */
import type { AccountServices } from "../../account/services.ts";
import type { ReportsCore, ReportsMethod } from "../../core.ts";
import { failure } from "../../failure.ts";
import { MODERATES, REPORT_STORES } from "../../reports/record.ts";
import type { ReportCalls } from "../../reports/calls.ts";
import { META } from "../../vault/meta.ts";
import type { Device } from "../device.ts";
import type { Reach } from "../reach.ts";

const METHODS: Readonly<Record<ReportsMethod, true>> = {
  reportReaders: true,
  report: true,
  myReports: true,
  moderates: true,
  cases: true,
  openCase: true,
  assignCase: true,
  decideCase: true,
  answerProposal: true,
  decideAppeal: true,
  exportCase: true,
  reportStatistics: true,
  sanctions: true,
  acknowledgeSanction: true,
  appeal: true,
};

export class ReportingCalls {
  readonly #reach: Reach;
  readonly #services: Pick<AccountServices, "acts" | "sanctions">;
  #made: { readonly device: Device; readonly calls: Promise<ReportCalls> } | null = null;

  constructor(reach: Reach, services: Pick<AccountServices, "acts" | "sanctions">) {
    this.#reach = reach;
    this.#services = services;
  }

  async call<M extends ReportsMethod>(
    method: M,
    args: Parameters<ReportsCore[M]>,
  ): Promise<Awaited<ReturnType<ReportsCore[M]>>> {
    if (!Object.hasOwn(METHODS, method)) throw failure("not_found");
    const calls: ReportsCore = await this.#calls();
    const chosen = calls[method] as (
      ...given: Parameters<ReportsCore[M]>
    ) => Promise<Awaited<ReturnType<ReportsCore[M]>>>;
    return chosen.apply(calls, args);
  }

  /** Connected, or told that something is another: send what waits, open what is new. */
  async wake(told: boolean): Promise<void> {
    const device = await this.#reach.device();
    const { vault, emit } = device.context;
    if (told) {
      this.#services.sanctions.outdated();
      emit({ type: "reports" });
      await this.#services.sanctions.current().catch(() => undefined);
    }
    const moderates = told || (await vault.get<boolean>(META, MODERATES)) === true;
    const waits = (await vault.all(REPORT_STORES.own)).length > 0;
    if (!moderates && !waits) return;
    const calls = await this.#calls();
    await calls.wake(moderates);
  }

  async #calls(): Promise<ReportCalls> {
    const device = await this.#reach.device();
    // Another unlock is another device object.
    if (this.#made?.device !== device) this.#made = { device, calls: this.#load(device) };
    return this.#made.calls;
  }

  async #load(device: Device): Promise<ReportCalls> {
    try {
      const { ReportCalls: Calls } = await import("../../reports/calls.ts");
      const { people, blocked } = this.#reach;
      const { context, book, views } = device;
      const { acts, sanctions } = this.#services;
      return new Calls({ context, index: book, views, people, blocked, acts, sanctions });
    } catch (cause) {
      // The network ended, or a new version has replaced the files: the next call tries again.
      this.#made = null;
      throw failure("network", { retry: true, cause, details: { reason: "reports" } });
    }
  }
}

/**
 * The console's calls of core.ts. Their code is fetched with the first of them, so that the phones of
 * those who administer nothing never load it.
 */
import type { AdminCallsOptions } from "../../admin/calls.ts";
import type { AdminCore, AdminMethod } from "../../core.ts";
import { failure } from "../../failure.ts";

const METHODS: Readonly<Record<AdminMethod, true>> = {
  rights: true,
  overview: true,
  charts: true,
  people: true,
  devices: true,
  grants: true,
  waiting: true,
  preview: true,
  perform: true,
  unitCounts: true,
  previewReorganisation: true,
  reorganisations: true,
  unitDraft: true,
  keepUnitDraft: true,
  imports: true,
  beginUpload: true,
  sendUpload: true,
  examineUpload: true,
  upload: true,
  uploadRows: true,
  exported: true,
  uploadReport: true,
  findPeople: true,
  postings: true,
  previewMoves: true,
  plannedTransfers: true,
  previewAudience: true,
  groups: true,
  conductVersions: true,
  conductTexts: true,
  conductAcceptances: true,
  conductPending: true,
  guardPolicies: true,
  guardPolicyOf: true,
  pictures: true,
  authenticatorsAsked: true,
  audit: true,
  verifyAudit: true,
};

export class ConsoleCalls {
  readonly #options: AdminCallsOptions;
  #calls: Promise<AdminCore> | null = null;

  constructor(options: AdminCallsOptions) {
    this.#options = options;
  }

  async call<M extends AdminMethod>(
    method: M,
    args: Parameters<AdminCore[M]>,
  ): Promise<Awaited<ReturnType<AdminCore[M]>>> {
    if (!Object.hasOwn(METHODS, method)) throw failure("not_found");
    this.#calls ??= this.#load();
    const calls = await this.#calls;
    const chosen = calls[method] as (
      ...given: Parameters<AdminCore[M]>
    ) => Promise<Awaited<ReturnType<AdminCore[M]>>>;
    return chosen.apply(calls, args);
  }

  async #load(): Promise<AdminCore> {
    try {
      const { AdminCalls } = await import("../../admin/calls.ts");
      return new AdminCalls(this.#options);
    } catch (cause) {
      // The network ended, or a new version has replaced the files: the next call tries again.
      this.#calls = null;
      throw failure("network", { retry: true, cause, details: { reason: "console" } });
    }
  }
}

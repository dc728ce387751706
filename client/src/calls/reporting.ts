/**
 * Reports, cases and sanctions of the running device. A connection fetches their code where a report
 * waits to be sent, or where this person moderates: a moderator's device opens new proofs as they come
 * (reports/judging.ts).
 */
import type { AccountServices } from "../account/services.ts";
import { MODERATES, REPORT_STORES } from "../reports/record.ts";
import type { ReportCalls } from "../reports/calls.ts";
import { META } from "../vault/changes.ts";
import type { Device } from "./device.ts";
import { fetched } from "./fetched.ts";
import type { DeviceAccess } from "./reach.ts";

export class Reporting {
  readonly #reach: DeviceAccess;
  readonly #services: Pick<AccountServices, "acts" | "sanctions">;
  readonly calls: (device: Device) => Promise<ReportCalls>;

  constructor(reach: DeviceAccess, services: Pick<AccountServices, "acts" | "sanctions">) {
    this.#reach = reach;
    this.#services = services;
    const { people, oneself } = reach;
    const { acts, sanctions } = services;
    this.calls = fetched("reports", async ({ context, book: index, views }) => {
      const { ReportCalls: Calls } = await import("../reports/calls.ts");
      return new Calls({ context, index, views, people, oneself, acts, sanctions });
    });
  }

  /** The socket connected, or the server announced a change: send reports that wait, open new cases. */
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
    const calls = await this.calls(device);
    await calls.wake(moderates);
  }
}

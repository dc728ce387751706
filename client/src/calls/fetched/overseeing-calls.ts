/**
 * The calls of core.ts about orders that one oversees. Their code, which verifies and writes files, is
 * fetched with the first of them: most officers oversee nothing.
 */
import type { OverseeCore, OverseeMethod } from "../../core.ts";
import { failure } from "../../failure.ts";
import type { PassingDepartment } from "../../trust/passing.ts";
import type { Device } from "../device.ts";
import type { Reach } from "../reach.ts";

const METHODS: Readonly<Record<OverseeMethod, true>> = {
  watch: true,
  progress: true,
  totals: true,
  people: true,
  curve: true,
  answers: true,
  tell: true,
  exportOrder: true,
  cancelExport: true,
};

export class OverseeingCalls {
  readonly #reach: Reach;
  readonly #department: () => PassingDepartment;
  #made: { readonly device: Device; readonly calls: Promise<OverseeCore> } | null = null;

  constructor(reach: Reach, department: () => PassingDepartment) {
    this.#reach = reach;
    this.#department = department;
  }

  async call<M extends OverseeMethod>(
    method: M,
    args: Parameters<OverseeCore[M]>,
  ): Promise<Awaited<ReturnType<OverseeCore[M]>>> {
    if (!Object.hasOwn(METHODS, method)) throw failure("not_found");
    const device = await this.#reach.device();
    // Another unlock is another device object, with another socket.
    if (this.#made?.device !== device) this.#made = { device, calls: this.#load(device) };
    const calls = await this.#made.calls;
    const chosen = calls[method] as (
      ...given: Parameters<OverseeCore[M]>
    ) => Promise<Awaited<ReturnType<OverseeCore[M]>>>;
    return chosen.apply(calls, args);
  }

  async #load(device: Device): Promise<OverseeCore> {
    try {
      const { OverseeCalls } = await import("../../overseeing/calls.ts");
      const { context, orders, watching } = device;
      const { people } = this.#reach;
      const department = this.#department;
      return new OverseeCalls({ context, people, orders, department, watching });
    } catch (cause) {
      // The network ended, or a new version has replaced the files: the next call tries again.
      this.#made = null;
      throw failure("network", { retry: true, cause, details: { reason: "oversee" } });
    }
  }
}

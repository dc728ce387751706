/**
 * Objects of the core whose code is fetched with the first call: the phones of most officers administer
 * nothing, oversee nothing, and report nothing for months.
 */
import { failure } from "../failure.ts";
import type { Device } from "./device.ts";

/** An object that `load` makes for the running device. `reason`: of a failure to fetch its code. */
export function fetched<T>(
  reason: string,
  load: (device: Device) => Promise<T>,
): (device: Device) => Promise<T> {
  let made: { readonly device: Device; readonly object: Promise<T> } | null = null;
  return (device) => {
    // Another unlock is another device object, with another socket.
    if (made?.device !== device) made = { device, object: loaded(device) };
    return made.object;
  };

  async function loaded(device: Device): Promise<T> {
    try {
      return await load(device);
    } catch (cause) {
      // The network ended, or a new version has replaced the files: the next call tries again.
      made = null;
      throw failure("network", { retry: true, cause, details: { reason } });
    }
  }
}

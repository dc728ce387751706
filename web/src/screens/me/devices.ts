/** Which devices are new to the person. Pure. */
import type { ClientInfo } from "@copconnect/client/wire";

export function unseenDevices(
  devices: readonly ClientInfo[],
  seen: readonly string[],
  thisClient: string | null,
): readonly ClientInfo[] {
  return devices.filter(
    (device) => device.clientId !== thisClient && !seen.includes(device.clientId),
  );
}

/** Names for the devices of one person, of which no two are the same. Pure. */
import type { ClientInfo } from "@copconnect/client/wire";

type Named = Pick<ClientInfo, "clientId" | "label" | "createdMs">;

/** The label, with the date of registration where another device has the same; else with the time. */
export function deviceName(
  device: Named,
  all: readonly Named[],
  dateOf: (ms: number) => string,
  momentOf: (ms: number) => string,
): string {
  const others = all.filter(
    ({ clientId, label }) => clientId !== device.clientId && label === device.label,
  );
  if (others.length === 0) return device.label;
  const date = dateOf(device.createdMs);
  const sameDay = others.some(({ createdMs }) => dateOf(createdMs) === date);
  return `${device.label}, ${sameDay ? momentOf(device.createdMs) : date}`;
}

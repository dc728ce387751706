/** Names for the devices of one person, of which no two are the same, and how each came to be trusted. */
import type { ClientInfo, Confirmed } from "@copconnect/client/wire";
import type { MemberDevice, Plate } from "@copconnect/client/core";
import { t } from "#i18n/index.svelte.ts";
import { amongOthers } from "#i18n/talk.ts";

type LabelledDevice = Pick<ClientInfo, "clientId" | "label" | "createdMs">;

/** The label, with the date of registration where another device has the same; else with the time. */
export function deviceName(
  device: LabelledDevice,
  all: readonly LabelledDevice[],
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

export function howConfirmed(confirmed: Confirmed, by: Plate | null): string {
  if (confirmed !== "admin") return t(`devices.how.${confirmed}`);
  return by === null
    ? t("devices.how.adminUnknown")
    : t("devices.how.admin", { by: amongOthers(by) });
}

/** Whether somebody has devices of which none is confirmed. */
export function nobodyVouches(devices: readonly Pick<MemberDevice, "confirmed">[]): boolean {
  return devices.length > 0 && devices.every(({ confirmed }) => confirmed === "no");
}

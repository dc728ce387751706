/** How a device came to be trusted, in words. */
import type { MemberDevice, Plate } from "@copconnect/client/core";
import type { Confirmed } from "@copconnect/client/wire";
import { app } from "#app/state/app.svelte.ts";
import { nameOf } from "#i18n/format.ts";
import { t } from "#i18n/index.svelte.ts";

/** A name inside a sentence: "you" for oneself. */
export function amongOthers(plate: Plate): string {
  return plate.personId === app.me?.personId ? t("app.youAmong") : nameOf(plate.names);
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

/** How a device came to be trusted, in words. */
import type { MemberDevice, Plate } from "@copconnect/client/core";
import type { Confirmed } from "@copconnect/client/wire";
import { t } from "#i18n/index.svelte.ts";
import { amongOthers } from "#i18n/talk.ts";

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

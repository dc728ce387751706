/** The act of weight that waits for its person to prove being there, on this page or another of the device. */
import type { PresenceRequest } from "@copconnect/client/core";
import { core } from "#app/core.ts";

let request = $state.raw<PresenceRequest | null>(null);

export const presence = {
  get request(): PresenceRequest | null {
    return request;
  },
  /** Returns what stops it. */
  follow(): () => void {
    return core().subscribe((event) => {
      if (event.type === "presence") request = event.request;
    });
  },
};

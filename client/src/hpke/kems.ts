/** HPKE for both KEMs, and X-Wing alone: fetched by loading.ts. */
import { hpkeSuite } from "./suite.ts";
import { XWing } from "./x-wing.ts";

export const withX25519 = hpkeSuite("x25519");
export const withXWing = hpkeSuite("x-wing");
export const xWing = new XWing();

/** Refusals in words. Those of imports name a reason, whose words the console alone has. */
import { coreError } from "../../../src/app/core.ts";
import { errorText } from "../../../src/i18n/errors.ts";
import { known } from "../words.ts";

export function refusalText(thrown: unknown): string {
  const { code, details } = coreError(thrown);
  const reason = code === "import_refused" ? String(details["reason"]) : null;
  return (reason === null ? null : known(`imports.refused.${reason}`)) ?? errorText(thrown);
}

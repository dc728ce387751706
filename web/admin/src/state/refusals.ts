/** Refusals in words. Those of imports and posts name a reason, whose words the console alone has. */
import { coreError } from "#app/core.ts";
import { errorText } from "#i18n/errors.ts";
import { known } from "../words.ts";

export function refusalText(thrown: unknown): string {
  const { code, details } = coreError(thrown);
  const reason = String(details["reason"]);
  const said =
    code === "import_refused"
      ? known(`imports.refused.${reason}`)
      : code === "place_invalid"
        ? placeReason(reason)
        : null;
  return said ?? errorText(thrown);
}

/** The reason why somebody cannot hold a post; null for one without words here. */
export function placeReason(reason: string): string | null {
  return known(`moves.reasons.${reason.replaceAll(" ", "_")}`);
}

/** The fault and the remedy, for every stable error code, in the reader's language. */
import { PIN_DIGITS } from "@copconnect/client/core";
import { coreError } from "#app/core.ts";
import { formatBytes, formatMoment, formatNumber, formatSpan } from "./format.ts";
import { hasText, t, type TextKey } from "./index.svelte.ts";

/** A refusal for a limit says which one, where it has a name. */
function keyOf(code: string, limit: unknown): TextKey | null {
  const named = `errors.limits.${String(limit)}`;
  if (code === "rate_limited" && hasText(named)) return named;
  const key = `errors.${code}`;
  return hasText(key) ? key : null;
}

export function errorText(thrown: unknown): string {
  const error = coreError(thrown);
  const limit = error.details["limit"];
  const until = error.details["until_ms"];
  if (error.code === "sanctioned" && typeof until !== "number") return t("conversation.barred.now");
  const key = keyOf(error.code, limit);
  if (key === null) return t("errors.unexpected", { code: error.code });
  return t(key, {
    ...PIN_DIGITS,
    code: error.code,
    seconds: formatNumber(Math.max(1, Math.ceil((error.retryAfterMs ?? 0) / 1000))),
    wait: formatSpan(error.retryAfterMs ?? 0),
    until: typeof until === "number" ? formatMoment(until) : "",
    limit: typeof limit === "number" ? formatNumber(limit) : "",
    size: typeof limit === "number" ? formatBytes(limit) : "",
  });
}

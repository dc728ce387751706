/** What went wrong and what to do, for every stable error code, in the reader's language. */
import { coreError } from "../app/core.ts";
import { formatBytes, formatNumber } from "./format.ts";
import { hasText, t } from "./index.svelte.ts";

export function errorText(thrown: unknown): string {
  const error = coreError(thrown);
  const key = `errors.${error.code}`;
  if (!hasText(key)) return t("errors.unexpected", { code: error.code });
  const limit = error.details["limit"];
  return t(key, {
    code: error.code,
    seconds: formatNumber(Math.max(1, Math.ceil((error.retryAfterMs ?? 0) / 1000))),
    limit: typeof limit === "number" ? formatNumber(limit) : "",
    size: typeof limit === "number" ? formatBytes(limit) : "",
  });
}

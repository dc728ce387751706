/** How the scripted core refuses. */
import type { CoreError } from "@copconnect/client/core";

export function refusal(code: string, details: CoreError["details"] = {}): CoreError {
  return { code, retry: false, retryAfterMs: null, details };
}

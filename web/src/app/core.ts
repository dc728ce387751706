/**
 * The one core of this page. Set once by `start`, before anything is drawn.
 */
import type { ConnectedCore, CoreError } from "@copconnect/client/core";

let connected: ConnectedCore | null = null;

export function useCore(core: ConnectedCore): void {
  connected = core;
}

/** The running core. */
export function core(): ConnectedCore {
  if (connected === null) throw new Error("the core is used before start()");
  return connected;
}

/** The error of a rejected call, whatever was thrown: the screens read only `code`. */
export function coreError(thrown: unknown): CoreError {
  if (typeof thrown === "object" && thrown !== null && "code" in thrown) {
    const error = thrown as Partial<CoreError>;
    if (typeof error.code === "string") {
      return {
        code: error.code,
        retry: error.retry === true,
        retryAfterMs: error.retryAfterMs ?? null,
        details: error.details ?? {},
      };
    }
  }
  return { code: "unexpected", retry: true, retryAfterMs: null, details: {} };
}

/** Thrown errors as the one error that leaves the core. */
import { CoreFailure, failure } from "./failure.ts";
import { HpkeMissing } from "./hpke/loading.ts";
import { Refused } from "./keys/format/refused.ts";

/** Turn anything thrown into a CoreFailure; an unknown error becomes `internal`. */
export function asFailure(error: unknown): CoreFailure {
  if (error instanceof CoreFailure) return error;
  if (error instanceof Refused && error.rule === "T1")
    return failure("time_waits", { retry: true, cause: error });
  if (error instanceof HpkeMissing)
    return failure("update_required", { retry: true, cause: error });
  return failure("internal", { cause: error });
}

/**
 * The error by which trust, roster and MLS checks refuse. Fail closed: whoever catches it shows
 * nothing of what was refused and never retries with weaker checks. Imports only the seam's types.
 */
import type { CheckFailed } from "./mls/types.ts";

export class CheckRefused extends Error implements CheckFailed {
  readonly code: CheckFailed["code"];
  /** Number of the rule in CELLS.md section 2, if one of those refused. */
  readonly rule: number | null;

  constructor(
    code: CheckFailed["code"],
    message: string,
    rule: number | null = null,
    cause: unknown = undefined,
  ) {
    super(rule === null ? message : `rule ${String(rule)}: ${message}`, { cause });
    this.name = "CheckRefused";
    this.code = code;
    this.rule = rule;
  }
}

export function isCheckFailed(error: unknown): error is CheckFailed {
  return error instanceof CheckRefused;
}

/** How the server in memory refuses: a stable code, as ErrorBody carries it. */
import { Refused } from "../../src/keys/format/refused.ts";

export class Refusal extends Error {
  readonly code: string;
  readonly details: Readonly<Record<string, string | number>>;
  readonly retryAfterMs: number | null;

  constructor(
    code: string,
    details: Readonly<Record<string, string | number>> = {},
    retryAfterMs: number | null = null,
  ) {
    super(code);
    this.code = code;
    this.details = details;
    this.retryAfterMs = retryAfterMs;
  }
}

const STATUS: Readonly<Record<string, number>> = {
  unauthenticated: 401,
  signed_out: 401,
  device_unconfirmed: 403,
  may_not_send: 403,
  not_admin: 403,
  not_member: 404,
  not_found: 404,
  confirmation_over: 410,
  message_invalid: 400,
  record_invalid: 400,
  seals_invalid: 400,
  endorsement_invalid: 400,
  grant_invalid: 400,
  act_invalid: 400,
  act_stale: 403,
  revocation_invalid: 400,
  rate_limited: 429,
};

export function statusOf({ code }: Refusal): number {
  return STATUS[code] ?? 409;
}

/** Run a check of docs/keys.md; what it refuses is refused with `code` and the rule. */
export async function checked<T>(code: string, check: () => T | Promise<T>): Promise<T> {
  try {
    return await check();
  } catch (error) {
    if (!(error instanceof Refused)) throw error;
    throw new Refusal(code, { rule: error.rule, reason: error.message });
  }
}

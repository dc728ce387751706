/**
 * The one error that leaves the core. Every rejected call rejects with a {@link CoreFailure}; its
 * plain form ({@link CoreError}) crosses worker boundaries. Codes of the server pass through
 * unchanged; the core's own are listed in {@link CORE_CODES}.
 */

/** Codes that the core itself raises, and what each means. */
export const CORE_CODES = {
  network: "The server could not be reached.",
  locked: "The app is locked.",
  may_not_send: "Only admins may send in this conversation.",
  not_admin: "Only admins may do this in this conversation.",
  sanctioned:
    "A sanction closes the conversation; details say which kind, and until when if known.",
  training_required: "Large groups open with the officer course.",
  pin_wrong: "The PIN is wrong; details say how many tries are left.",
  pin_wait: "Too many wrong PINs in a row; wait before the next.",
  pin_invalid: "A PIN has 4 to 64 characters.",
  not_registered: "This device has no account.",
  registration_unfinished: "The answer to an earlier attempt is still missing.",
  storage_failed: "The device's storage refused.",
  not_found: "There is no such thing here.",
  message_invalid: "The message is empty or too long.",
  source_lost: "The file to send was lost before it was stored.",
  attachment_gone: "The server has the file no more, and this device does not have it.",
  exports_off: "The department does not let its people export conversations.",
  export_too_large: "The export would be larger than a file may be.",
  export_invalid: "This is no exported conversation, or it is damaged.",
  forward_closed: "Such messages are not forwarded, or not to this conversation.",
  forward_limit: "So many conversations at once are too many; details say how many may be.",
  attachment_corrupt: "The attachment does not verify.",
  attachment_differs: "The file's SHA-256 is not the one that the message's sender signed.",
  cancelled: "Cancelled by the person.",
  security_alarm: "A security check of this conversation failed.",
  conversation_left: "This device is no longer in the conversation.",
  lost_by_restore:
    "A restore of the server lost the message; its author decides whether it goes again.",
  head_refused: "The newest roster of this conversation does not verify, or there is a newer one.",
  too_many_attempts: "The server refused the message again and again.",
  own_limit: "One person has so many stars or folders at most; details say how many.",
  edit_closed: "A message can be edited for an hour, four times at most.",
  poll_ended: "The poll has ended, or its author has closed it.",
  reactions_too_large:
    "Reactions are for conversations of at most 256 people in which everybody may send.",
  poll_too_large: "Polls are for conversations of at most 256 people in which everybody may send.",
  live_too_large: "Live positions are for conversations of at most 256 people.",
  ballot_unreadable: "No device of the poll's author can be given a ballot now.",
  trust_invalid: "The department's certificates do not verify.",
  digits_wrong: "These are not the digits of the new device; details say how many tries are left.",
  digits_wait: "Too many wrong digits for this device today.",
  answers_wait: "This device has answered as many comparisons of digits as it may today.",
  confirmation_over: "The comparison of digits has ended; begin another.",
  device_unconfirmed: "Nobody vouches for this device yet.",
  authenticator_unknown: "That authenticator is not enrolled, or of a kind that is not known.",
  no_grant: "This person has no right over the unit.",
  other_device:
    "The person has another device that is confirmed: it confirms, or is revoked first.",
  order_differs: "The server states another order than its issuer signed.",
  order_over: "The order was withdrawn, or is not valid any more.",
  order_unread: "The order's text has not come to this device yet.",
  answer_unreadable: "None of the issuer's devices can be sealed to now.",
  report_unprovable: "This device cannot prove the message to a moderator.",
  moderators_unreachable: "No moderator's device can be sealed to now.",
  admins_unreachable: "No admin's device can be sealed to now.",
  case_unopened: "This device cannot open the case's proof.",
  time_waits: "The department's time is not what this device expects, or not known yet.",
  update_required: "This version of the app is too old.",
  internal: "A fault in the app.",
} as const;

export type CoreCode = keyof typeof CORE_CODES;

type Details = Readonly<Record<string, string | number>>;

/** A failure as it crosses worker boundaries. */
export interface CoreError {
  readonly code: string;
  readonly retry: boolean;
  readonly retryAfterMs: number | null;
  readonly details: Readonly<Record<string, string | number>>;
}

/** An error with a stable code. `retry` says whether the same call may succeed later. */
export class CoreFailure extends Error implements CoreError {
  readonly code: string;
  readonly retry: boolean;
  readonly retryAfterMs: number | null;
  readonly details: Details;

  constructor(
    code: string,
    options: {
      retry?: boolean;
      retryAfterMs?: number | null;
      details?: Details;
      cause?: unknown;
    } = {},
  ) {
    super(code, options.cause === undefined ? undefined : { cause: options.cause });
    this.name = "CoreFailure";
    this.code = code;
    this.retry = options.retry ?? false;
    this.retryAfterMs = options.retryAfterMs ?? null;
    this.details = options.details ?? {};
  }

  /** The structured-cloneable form. */
  plain(): CoreError {
    return {
      code: this.code,
      retry: this.retry,
      retryAfterMs: this.retryAfterMs,
      details: this.details,
    };
  }
}

/** A failure of the core's own, with a checked code. */
export function failure(
  code: CoreCode,
  options?: ConstructorParameters<typeof CoreFailure>[1],
): CoreFailure {
  return new CoreFailure(code, options);
}

/** Whether an error is a CoreFailure with one of these codes. */
export function hasCode(error: unknown, ...codes: readonly string[]): error is CoreFailure {
  return error instanceof CoreFailure && codes.includes(error.code);
}

/** For steps that the next connection does again. */
export function rejectUnlessOffline(error: unknown): void {
  if (!hasCode(error, "network", "overloaded")) throw error;
}

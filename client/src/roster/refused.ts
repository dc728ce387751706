/**
 * Why a signed roster was refused. Every one of these stops the conversation with an alarm: the DS
 * or the roster authority misbehaves, or bytes were damaged.
 */
export type RosterRefusal =
  | "malformed"
  | "bad_signature"
  | "wrong_conversation"
  /** Epoch or predecessor does not continue our copy. */
  | "not_an_extension"
  /** Another head for an epoch that we already hold. */
  | "fork"
  /** The leaves do not give the signed root. */
  | "root_mismatch";

export class RosterRefused extends Error {
  readonly code: RosterRefusal;

  constructor(code: RosterRefusal, message: string) {
    super(message);
    this.name = "RosterRefused";
    this.code = code;
  }
}

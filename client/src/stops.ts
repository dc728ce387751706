/** What ends the processing of a conversation's log: a state that is lost, or a failed check. */

/** The group state cannot follow the log any more: enter the cell anew. */
export class StateLost extends Error {}

/** A security check failed. `reason` is stable and goes to the screen. */
export class Alarm extends Error {
  readonly reason: string;
  constructor(reason: string, cause: unknown) {
    super(reason, { cause });
    this.reason = reason;
  }
}

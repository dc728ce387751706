/**
 * Why bytes of the cell format were refused. `step` is the receiver's step in docs/protocol.md
 * ("Cells") that refused, null where no message is being received. Whoever catches one shows nothing
 * of what was refused and never tries again with weaker checks.
 */

/** Each code with the receiver's step it belongs to, and whether it stops the conversation. */
const REFUSALS = {
  malformed: { step: 1, alarm: false },
  wrong_kem: { step: 1, alarm: false },
  wrong_conversation: { step: 1, alarm: false },
  /** Certificate unknown, not of the CA, of another role, not valid then, or revoked. */
  sender_refused: { step: 2, alarm: false },
  sender_not_in_roster: { step: 2, alarm: false },
  bad_signature: { step: 3, alarm: false },
  body_mismatch: { step: 3, alarm: false },
  /** Fetch the roster up to that epoch, then open again. */
  roster_unknown: { step: 4, alarm: false },
  roster_fork: { step: 4, alarm: true },
  roster_behind: { step: 4, alarm: false },
  /** Not an error of anybody's: a second copy of what was received already. */
  already_received: { step: 5, alarm: false },
  chain_broken: { step: 5, alarm: true },
  /** The sender could not seal to this cell yet: wait for the late seal. */
  seal_missing: { step: 6, alarm: false },
  wrong_cell: { step: 6, alarm: false },
  /** Of an epoch that this device does not hold: before it joined, or erased since. */
  key_unknown: { step: 6, alarm: false },
  seal_broken: { step: 6, alarm: false },
  /** The sender sealed one key and committed to another: report the sender. */
  key_commit_mismatch: { step: 7, alarm: false },
  body_broken: { step: 8, alarm: false },

  // Of cell key records, when a sender judges them or a member compares.
  signer_refused: { step: null, alarm: false },
  signer_not_in_roster: { step: null, alarm: false },
  /** The key that the cell's members derive is another. */
  cell_key_mismatch: { step: null, alarm: true },
  /** Two signed keys for one epoch of a cell. */
  cell_key_fork: { step: null, alarm: true },
  cell_key_went_back: { step: null, alarm: false },
  /** Older than seven days, or from a future that no clock explains. */
  cell_key_age: { step: null, alarm: false },
  /** A key of another conversation or KEM among those that a message is to be sealed with. */
  wrong_cells: { step: null, alarm: false },

  // Of sending.
  message_pending: { step: null, alarm: false },
  nothing_pending: { step: null, alarm: false },
} as const satisfies Record<string, { readonly step: number | null; readonly alarm: boolean }>;

export type CellRefusal = keyof typeof REFUSALS;

export class CellRefused extends Error {
  readonly code: CellRefusal;
  /** The receiver's step, 1 to 8. */
  readonly step: number | null;
  /** The DS, a member or the roster authority misbehaves: stop the conversation with an alarm. */
  readonly alarm: boolean;

  constructor(code: CellRefusal, message: string, cause?: unknown) {
    super(message, cause === undefined ? undefined : { cause });
    this.name = "CellRefused";
    this.code = code;
    this.step = REFUSALS[code].step;
    this.alarm = REFUSALS[code].alarm;
  }
}

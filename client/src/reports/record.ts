/** The vault's rows about reports, and the proofs that a moderator's device has opened. */
import type { ConversationId, MessageId, ReportId } from "../ids.ts";
import type { OwnReport } from "../wire.ts";

export const REPORT_STORES = {
  own: "own_reports",
  proofs: "opened_proofs",
  kept: "kept_proofs",
} as const;

/**
 * A report of this person's. `waiting`: it is to be gathered, sealed and sent, for which the server is
 * needed; `sealed`: these bytes are sent until they are answered; `refused`: the server's answer.
 * A report that the server has is not kept here: the server tells of it, on every device.
 */
export type ReportRecord = {
  readonly id: ReportId;
  readonly conversationId: ConversationId;
  readonly messageId: MessageId;
  readonly before: boolean;
  readonly clause: number;
  readonly words: string;
  readonly createdMs: number;
} & (
  | { readonly stage: "waiting" }
  | {
      readonly stage: "sealed";
      /** The message that the proof begins with: the last edit of one that was edited. */
      readonly reportedId: MessageId;
      readonly headerHash: Uint8Array;
      readonly messages: number;
      readonly sealed: Uint8Array;
    }
  | { readonly stage: "refused"; readonly code: string }
);

/** The opened content of an envelope, with the hash of the whole: another envelope is opened again. */
export interface OpenedRecord {
  readonly id: ReportId;
  readonly sealedHash: Uint8Array;
  readonly content: Uint8Array;
  /** The envelope's secret, which this device may seal to later moderators (F3). */
  readonly secret: Uint8Array;
}

/** One beside each {@link OpenedRecord}, under the same key: small, so that all are read at once. */
export interface KeptRecord {
  readonly key: string;
  readonly id: ReportId;
}

/** The server's last word on this person's reports. */
export const KNOWN_REPORTS = "known_reports";
export interface KnownReports {
  readonly reports: readonly OwnReport[];
}

/** This device has moderated: it opens new proofs as they come, because it forgets its keys. */
export const MODERATES = "moderates";

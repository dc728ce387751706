/**
 * Reports on the screens: reporting a message, the cases that this person moderates, sanctions and
 * appeals. Clauses are rules of the code of conduct, counted from 1. Times are ms since 1970. The calls
 * are methods of `core.reports`; the event `reports` says that something is another now.
 */
import type { ActId, ConversationId, MessageId, ReportId } from "../ids.ts";
import type { MessageBody } from "./messages.ts";
import type { Plate } from "../names.ts";
import type { Finding } from "../wire.ts";

export type { Finding } from "../wire.ts";

/**
 * `warning`: to be acknowledged; `muted`: no sending in large groups and announcements; `suspended`:
 * sending in direct conversations alone.
 */
export type SanctionKind = "warning" | "muted" | "suspended";
export type ReportState = "sending" | "open" | "assigned" | "decided";

/** The people who will read a report: shown before it is sent. */
export interface ReportReaders {
  readonly people: readonly Plate[];
  /** Moderators as well, but nothing can be sealed to a device of theirs now: they cannot read it. */
  readonly unreached: readonly Plate[];
  /** So many messages before it can be reported along; 0 to 5. */
  readonly before: number;
}

export interface NewReport {
  readonly conversationId: ConversationId;
  readonly messageId: MessageId;
  /** Report up to five messages before it along. */
  readonly before: boolean;
  readonly clause: number;
  /** The reporter's words, sealed to the readers as well; at most 1,000 characters. */
  readonly words: string;
  /** Block the sender on this person's devices as well. */
  readonly alsoBlock?: boolean;
}

export interface MyReport {
  readonly id: ReportId;
  /** Null: it is not on this device, or an edit was reported. */
  readonly messageId: MessageId | null;
  readonly conversationId: ConversationId;
  readonly createdMs: number;
  readonly clause: number;
  readonly state: ReportState;
  readonly finding: Finding | null;
  readonly decidedMs: number | null;
  /** A stable code: the server refused the report, so that it will not be sent. */
  readonly refused: string | null;
}

export type CaseBox = "open" | "mine" | "decided" | "appeals";

export interface CaseItem {
  readonly id: ReportId;
  readonly createdMs: number;
  readonly reported: Plate | null;
  /** The path of the reported person's unit when the report came. */
  readonly unit: string;
  readonly clause: number;
  readonly state: ReportState;
  readonly assignee: Plate | null;
  readonly finding: Finding | null;
  readonly decidedMs: number | null;
  /** Messages in the proof; the reported one is among them. */
  readonly messages: number;
  /** Other reports of the same message. */
  readonly others: number;
  /** This device can open the proof. */
  readonly opens: boolean;
  /** An appeal waits for a decision. */
  readonly appealed: boolean;
  /** A decision waits for a second moderator. */
  readonly proposed: boolean;
}

export interface CasePage {
  /** Oldest first where cases are open, newest first where they are decided. */
  readonly cases: readonly CaseItem[];
  readonly next: string | null;
}

/** A message of a proof, judged by this device. */
export interface ProvenMessage {
  readonly messageId: MessageId;
  readonly sender: Plate | null;
  readonly sentMs: number;
  /** Null where the proof does not hold. */
  readonly body: MessageBody | null;
  readonly reported: boolean;
  /** The sending device was confirmed when it signed the message (E0), as trust is known now. */
  readonly confirmed: boolean;
  /** Why the proof of this message does not hold, such as "F1: not the body that was signed". */
  readonly failed: string | null;
}

export interface NewSanction {
  readonly kind: SanctionKind;
  /** 1 to 90; 0 for a warning. */
  readonly days: number;
}

export interface NewDecision {
  readonly finding: Finding;
  readonly clause: number;
  /** Shown to the person concerned; 1 to 1,000 characters. */
  readonly reason: string;
  readonly sanction: NewSanction | null;
}

export interface CaseDecision extends NewDecision {
  /** The moderator who decided; with two moderators, the one who agreed comes second. */
  readonly by: readonly (Plate | null)[];
  readonly atMs: number;
}

/** A decision that waits for a second moderator, read from what the first one's device signed. */
export interface ProposedDecision extends NewDecision {
  readonly actId: ActId;
  readonly hash: string;
  readonly by: Plate | null;
  /** The signature is that person's device's. */
  readonly genuine: boolean;
  /** This person proposed it, so that somebody else must agree. */
  readonly own: boolean;
  readonly expiresMs: number;
}

export type AppealState = "none" | "open" | "upheld" | "lifted";

export interface CaseAppeal {
  readonly state: Exclude<AppealState, "none">;
  readonly createdMs: number;
  /** Null where this device cannot open it. */
  readonly words: string | null;
  readonly reason: string | null;
  readonly decidedMs: number | null;
}

/** Why this person may not decide; null: they may. */
export type CaseBar = "own_case" | "decided" | "not_yours" | "decided_first" | null;

export interface CaseView extends CaseItem {
  /** The reporter's words, sealed with the proof; null where the proof does not open. */
  readonly words: string | null;
  /** Why the proof as a whole does not open or does not fit, such as "F2: sealed to another key". */
  readonly failed: string | null;
  /** The clause that the reporter sealed is another than the server states. */
  readonly clauseDiffers: boolean;
  /** The reported message first, then those before it, oldest first. */
  readonly proven: readonly ProvenMessage[];
  readonly decision: CaseDecision | null;
  readonly proposal: ProposedDecision | null;
  readonly sanction: SanctionView | null;
  readonly appeal: CaseAppeal | null;
  readonly bar: CaseBar;
  readonly appealBar: CaseBar;
}

/** A sanction. Its id is its case's. */
export interface SanctionView {
  readonly id: ReportId;
  readonly kind: SanctionKind;
  readonly fromMs: number;
  /** Equals `fromMs` for a warning. */
  readonly untilMs: number;
  readonly clause: number;
  readonly reason: string;
  readonly appeal: AppealState;
  /** The reason of the decision about the appeal. */
  readonly appealReason: string | null;
  /** An appeal is still possible. */
  readonly mayAppeal: boolean;
  readonly acknowledged: boolean;
  /** It has ended: by its time, or because an appeal lifted it. */
  readonly over: boolean;
}

/** `done`, or a second moderator must agree first. */
export type DecisionOutcome = "done" | "waiting";

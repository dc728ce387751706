/** Exported conversations, and what a file proves (docs/export.md). */
import type { ConversationId, DeviceId, MessageId, PersonId } from "../ids.ts";
import type { Content } from "../kinds/content.ts";
import type { LinkedPage } from "../kinds/links.ts";
import type { Names } from "../wire.ts";

export interface ExportChoice {
  /** Null: from the first message that is readable. */
  readonly fromMs: number | null;
  /** Null: to the newest. */
  readonly toMs: number | null;
  /** Export these messages alone; null: all messages of the time. */
  readonly messageIds: readonly MessageId[] | null;
  readonly files: boolean;
  /** The conversation's name, as this person sees it. */
  readonly title: string;
}

export interface MadeExport {
  readonly file: Blob;
  readonly name: string;
  /** Hex. */
  readonly sha256: string;
  readonly messages: number;
  /** How many files neither this device nor the server has any more. */
  readonly missingFiles: number;
}

/** A person as a signed card names them at the time; empty names: the file has no card. */
export interface ProvenPerson {
  readonly personId: PersonId;
  readonly names: Names;
  readonly rank: Names;
  readonly post: Names;
  readonly unit: Names;
}

export interface ProvenFile {
  readonly name: string;
  readonly mime: string;
  readonly size: number;
  /** Hex, as the sender signed it; null: the sender did not. */
  readonly sha256: string | null;
  /** `unsigned`: the sender signed no hash, so this may be another file. */
  readonly state: "proven" | "unsigned" | "differs" | "missing";
  /** Null: the export lacks the file, or has other bytes. */
  readonly file: Blob | null;
}

export interface FormerWords {
  readonly text: string;
  readonly signedMs: number;
}

export interface VerifiedMessage {
  readonly at: number;
  readonly messageId: MessageId;
  readonly sender: ProvenPerson;
  readonly device: DeviceId;
  /** When its sender signed it, by the clock of the sender's device. */
  readonly signedMs: number;
  /** When the server took it: nobody signs that. */
  readonly serverMs: number;
  readonly state: "proven" | "deleted" | "withheld";
  /** Null: its author. */
  readonly deletedBy: ProvenPerson | null;
  readonly deletedMs: number | null;
  /** Null: deleted or withheld, or of a kind that this version does not know. */
  readonly content: Exclude<Content["kind"], "mark" | "state"> | null;
  readonly text: string;
  /** The sender's words about the page of a link; null: none. */
  readonly page: LinkedPage | null;
  readonly former: readonly FormerWords[];
  readonly reactions: readonly {
    readonly emoji: string;
    readonly people: readonly ProvenPerson[];
  }[];
  /** The choices of a poll. `count`: of secret votes the author's; null: there is none. */
  readonly options: readonly {
    readonly text: string;
    readonly count: number | null;
    readonly people: readonly ProvenPerson[];
  }[];
  /** The answer that the asker of a question accepted; null: none. */
  readonly answerId: MessageId | null;
  readonly files: readonly ProvenFile[];
  readonly evidence: {
    readonly madeMs: number | null;
    readonly phone: string;
    readonly place: {
      readonly lat: number;
      readonly lon: number;
      readonly accuracyM: number;
    } | null;
  } | null;
  /** The sender's former message is not in this range, or left out. */
  readonly gap: boolean;
}

export interface ProofGap {
  readonly from: number;
  readonly to: number;
  /** The exporter's word. */
  readonly why: "not_chosen" | "not_opened" | "not_shown" | "refused";
}

export interface ProofProblem {
  /** A position of the log; null: the file as a whole. */
  readonly at: number | null;
  /** A rule of docs/keys.md, or `file`. */
  readonly rule: string;
  readonly reason: string;
}

export interface VerifiedExport {
  readonly sha256: string;
  readonly bytes: number;
  readonly conversationId: ConversationId;
  readonly title: string;
  readonly exporter: ProvenPerson;
  readonly madeMs: number;
  readonly first: number;
  readonly last: number;
  readonly messages: readonly VerifiedMessage[];
  readonly gaps: readonly ProofGap[];
  /** People whose signed messages confirm the log up to a position. */
  readonly witnesses: readonly { readonly person: ProvenPerson; readonly upTo: number }[];
  /** None: everything in the file is proven. */
  readonly problems: readonly ProofProblem[];
}

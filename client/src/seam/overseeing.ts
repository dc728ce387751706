/**
 * Overseeing an order, for its issuer and for heads: who has received, read and acknowledged it. The
 * counts are the server's word; the records of an export are verified on this device. Times are ms
 * since 1970.
 */
import type { MessageId, PersonId, UnitId } from "../ids.ts";
import type { AcknowledgementOutcome, Order, OrderState, Person } from "../wire.ts";
import type { AttachmentView } from "../kinds/parts.ts";
import type { Plate } from "../names.ts";

/**
 * So many people owe an acknowledgement, have received the order, read it, acknowledged it; `told`:
 * acknowledged because somebody told them in person; `unreadable`: cannot read it; `photos`: have sent one; `choices`: the first choice's count first;
 * `items`: how many have done each item of the checklist. Each
 * of owed, received, read and acknowledged contains the next.
 */
export interface OrderCounts {
  readonly owed: number;
  readonly received: number;
  readonly read: number;
  readonly acknowledged: number;
  readonly told: number;
  readonly unreadable: number;
  readonly photos: number;
  readonly choices: readonly number[];
  readonly items: readonly number[];
}

/** `units`: right below `unitId` (null: the top); people of the unit itself under its own id. */
export interface OrderProgressView {
  readonly orderId: MessageId;
  readonly unitId: UnitId | null;
  readonly countedMs: number;
  readonly total: OrderCounts;
  readonly units: ReadonlyMap<UnitId, OrderCounts>;
}

/** The counts of one of this person's own orders. */
export interface OrderTotalView {
  readonly orderId: MessageId;
  readonly total: OrderCounts;
}

export interface OverseenQuery {
  readonly unitId?: UnitId;
  readonly state?: OrderState;
  readonly choice?: number;
  /** People who have not done the item at this place, from 1. */
  readonly lacking?: number;
  /** People who have sent a photo, or have not. */
  readonly photo?: boolean;
  readonly text?: string;
  readonly after?: string;
}

/** `toldBy`: the person who told this one; null: acknowledged on an own device. */
export interface CountedAcknowledgement {
  readonly choice: number;
  readonly done: number;
  readonly photo: boolean;
  readonly toldBy: Plate | null;
  readonly told: boolean;
  /** When it was first acknowledged, by the server's word: ticks that were signed later do not move it. */
  readonly createdMs: number;
}

export interface OverseenPerson {
  readonly person: Person;
  readonly state: OrderState;
  readonly acknowledgement: CountedAcknowledgement | null;
}

export interface OverseenPage {
  readonly people: readonly OverseenPerson[];
  readonly next: string | null;
}

/** A free answer and a photo. Null: the person sent none, or one of `closed`, which this device cannot open. */
export interface AnswerItem {
  readonly personId: PersonId;
  readonly plate: Plate | null;
  readonly choice: number;
  readonly createdMs: number;
  readonly answer: string | null;
  readonly photo: AttachmentView | null;
  readonly closed: readonly ("answer" | "photo")[];
}

/** By person. */
export interface AnswersPage {
  readonly answers: readonly AnswerItem[];
  readonly next: string | null;
}

/** The result of telling one person. */
export interface ToldOutcome {
  readonly personId: PersonId;
  readonly outcome: AcknowledgementOutcome;
}

/** The words of a file, in the language of the order. Keys are columns and states. */
export interface ExportWords {
  readonly language: string;
  readonly rightToLeft: boolean;
  readonly sheets: {
    readonly summary: string;
    readonly units: string;
    readonly people: string;
    readonly refused: string;
  };
  readonly columns: Readonly<Record<ExportColumn, string>>;
  readonly counts: Readonly<Record<keyof Omit<OrderCounts, "choices" | "items">, string>>;
  readonly states: Readonly<Record<ExportState, string>>;
  readonly verified: string;
  /** In the column of photos, of people who have sent one. */
  readonly photo: string;
  readonly unit: string;
  readonly reason: string;
  /** Lines of the first sheet: what, and its value. */
  readonly facts: readonly (readonly [string, string])[];
  /** The texts of the choices, and of the items of the checklist. */
  readonly choices: readonly string[];
  readonly items: readonly string[];
  /** Numbered headings for an order whose text is not here: as many as an order may have. */
  readonly unnamed: { readonly choices: readonly string[]; readonly items: readonly string[] };
  /** Names of ranks by code, in the language of the file. */
  readonly ranks: Readonly<Record<string, string>>;
  readonly unitNames: ReadonlyMap<UnitId, string>;
}

export type ExportState = OrderState | "left";

export type ExportColumn =
  | "name"
  | "rank"
  | "post"
  | "unit"
  | "state"
  | "choice"
  | "items"
  | "answer"
  | "photo"
  | "acknowledged"
  | "signed"
  | "received"
  | "toldBy"
  | "verified"
  | "recordHash";

export type ExportFormat = "csv" | "xlsx" | "print";

/** A person in a file. `left`: acknowledged, and owes nothing any more. */
export interface ExportedPerson {
  readonly personId: PersonId;
  readonly name: string;
  readonly rank: string;
  readonly post: string;
  readonly unitId: UnitId;
  readonly state: ExportState;
  /** 0: none. */
  readonly choice: number;
  /** "2 / 3: 1, 3": the items that are done; "" without a checklist, and where nobody said so. */
  readonly items: string;
  readonly answer: string;
  /** The person has sent a photo, as the record says. */
  readonly photo: boolean;
  readonly toldBy: string;
  /** When it was first acknowledged, by the server's word. The record's own time is `createdMs`. */
  readonly acknowledgedMs: number | null;
  readonly createdMs: number | null;
  readonly receivedMs: number | null;
  /** Hex of SHA-256 of the record; "" without one. */
  readonly recordHash: string;
  /** The record in base64, for a page that prints it. */
  readonly record: string;
  readonly verified: boolean;
}

/** A record that this device refused, and why: a rule of docs/keys.md in words. */
export interface RefusedRecord {
  readonly personId: PersonId | null;
  readonly name: string;
  readonly reason: string;
}

/**
 * A file, or what a page prints. `sha256`: hex, of the file; for a page, of the CSV file that holds
 * the same.
 */
export interface OrderExport {
  readonly order: Order;
  readonly madeMs: number;
  readonly file: Blob | null;
  readonly sha256: string;
  readonly bytes: number;
  /** People in the file. */
  readonly rows: number;
  readonly signaturesVerified: number;
  readonly refused: readonly RefusedRecord[];
  readonly total: OrderCounts;
  readonly units: ReadonlyMap<UnitId, OrderCounts>;
  /** For a page that prints them; empty for files. */
  readonly people: readonly ExportedPerson[];
}

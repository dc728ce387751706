/**
 * Files of an order: CSV, workbook, and what a page prints. The columns person_id, record and certificate
 * bear the same names in every language, because `copconnect orders verify` reads them.
 */
import { toBase64, toHex, type Bytes } from "../octets.ts";
import { UNREADABLE } from "../limits.ts";
import type { PersonId, UnitId } from "../ids.ts";
import { namesSealed } from "../keys/acknowledgement.ts";
import { hash } from "../keys/format/hashing.ts";
import type {
  ExportColumn,
  ExportFormat,
  ExportWords,
  ExportedPerson,
  OrderCounts,
  OrderExport,
  RefusedRecord,
} from "../seam/overseeing.ts";
import { pause } from "../transport/backoff.ts";
import type { Language, Names, Unit } from "../wire.ts";
import { BYTE_ORDER_MARK, csvPart, cellTime } from "./files/csv.ts";
import { Workbook, type SheetCell } from "./files/workbook.ts";
import type { Gathered, GatheredPerson } from "./gathering.ts";
import { hashOf, type VerifiedRecord } from "./verifying.ts";

const COLUMNS: readonly ExportColumn[] = [
  ...(["name", "rank", "post", "unit", "state", "choice", "items", "answer"] as const),
  ...(["photo", "acknowledged", "signed", "received", "toldBy", "verified", "recordHash"] as const),
];
export const TECHNICAL = ["person_id", "record", "certificate"] as const;
/** Rows written at a stretch; other work of the device has its turn in between. */
const STRETCH = 500;

export interface ExportOptions {
  readonly words: ExportWords;
  readonly units: readonly Unit[];
  readonly madeMs: number;
  readonly signal: AbortSignal;
}

export async function exported(
  gathered: Gathered,
  format: ExportFormat,
  options: ExportOptions,
): Promise<OrderExport> {
  const { order, people, signaturesVerified, total, units } = gathered;
  const parts =
    format === "xlsx" ? await workbook(gathered, options) : await csv(gathered, options);
  const type =
    format === "xlsx"
      ? "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
      : "text/csv;charset=utf-8";
  return {
    ...{ order, signaturesVerified, total, units },
    madeMs: options.madeMs,
    file: format === "print" ? null : new Blob([...parts], { type }),
    sha256: toHex(hash(...parts)),
    bytes: parts.reduce((size, part) => size + part.length, 0),
    rows: people.length,
    refused: refusedOf(gathered, options),
    people: format === "print" ? people.map((one) => printed(one, gathered, options)) : [],
  };
}

// --- Rows ---------------------------------------------------------------------------------------

function nameIn(language: string, names: Names | undefined): string {
  if (names === undefined) return "";
  return names[language as Language] || names.en;
}

/** A unit and those above it, the highest first. */
function pathOf(
  unitId: UnitId,
  { words, units }: ExportOptions,
  known: Map<UnitId, string>,
): string {
  const remembered = known.get(unitId);
  if (remembered !== undefined) return remembered;
  const parents = new Map(units.map((unit) => [unit.unitId, unit.parentId]));
  const names: string[] = [];
  let at: UnitId | null = unitId;
  for (let depth = 0; at !== null && at !== "" && depth < 16; depth++) {
    names.unshift(words.unitNames.get(at) ?? at);
    at = parents.get(at) ?? null;
  }
  const path = names.join(" / ");
  known.set(unitId, path);
  return path;
}

class ExportRows {
  readonly #gathered: Gathered;
  readonly #options: ExportOptions;
  readonly #paths = new Map<UnitId, string>();

  constructor(gathered: Gathered, options: ExportOptions) {
    this.#gathered = gathered;
    this.#options = options;
  }

  get header(): readonly string[] {
    const { columns } = this.#options.words;
    return [...COLUMNS.map((column) => columns[column]), ...TECHNICAL];
  }

  of(person: GatheredPerson): readonly string[] {
    const { words } = this.#options;
    const { record, personId } = person;
    const choice = record?.record.choice ?? 0;
    return [
      nameIn(words.language, person.names),
      words.ranks[person.rank] ?? person.rank,
      nameIn(words.language, person.post),
      pathOf(person.unitId, this.#options, this.#paths),
      words.states[person.state],
      choiceText(choice, words),
      itemsText(person, this.#gathered),
      person.answer,
      hasPhoto(person) ? words.photo : "",
      cellTime(record?.acknowledgedMs ?? null),
      cellTime(record?.record.created ?? null),
      cellTime(record?.receivedMs ?? null),
      toldBy(person, this.#gathered, words),
      record === null ? "" : words.verified,
      record === null ? "" : hashOf(record),
      personId,
      record === null ? "" : toBase64(record.record.bytes),
      record === null ? "" : toBase64(record.certificate),
    ];
  }

  /** All rows, some at a time. Rejects where the person cancels. */
  async each(write: (rows: readonly (readonly string[])[]) => void): Promise<void> {
    const { people } = this.#gathered;
    for (let at = 0; at < people.length; at += STRETCH) {
      this.#options.signal.throwIfAborted();
      write(people.slice(at, at + STRETCH).map((one) => this.of(one)));
      await pause(0);
    }
  }
}

function choiceText(choice: number, { choices }: ExportWords): string {
  // The state says that somebody cannot read it.
  if (choice === 0 || choice === UNREADABLE) return "";
  return choices[choice - 1] ?? String(choice);
}

/**
 * "2 / 3: 1, 3": the items of the checklist that are done. "" without a checklist, and where the person
 * has not said so of what is asked now.
 */
function itemsText({ record, state }: GatheredPerson, { order }: Gathered): string {
  const { items } = order.terms;
  const said = state === "acknowledged" || state === "left";
  if (items === 0 || record === null || record.told || !said || isUnreadable(record)) return "";
  const all = Array.from({ length: items }, (_, at) => at);
  const places = all.filter((at) => (record.record.done >> at) & 1).map((at) => String(at + 1));
  const count = `${String(places.length)} / ${String(items)}`;
  return places.length === 0 ? count : `${count}: ${places.join(", ")}`;
}

/** As for items: of what is asked now. */
function hasPhoto({ record, state }: GatheredPerson): boolean {
  const said = state === "acknowledged" || state === "left";
  return said && record !== null && namesSealed(record.record.photoHash);
}

function isUnreadable({ record }: VerifiedRecord): boolean {
  return record.choice === UNREADABLE;
}

/** The texts of the choices, or of the items; by their places where the text is not here. */
function headings(
  texts: readonly string[],
  unnamed: readonly string[],
  number: number,
): readonly string[] {
  return Array.from({ length: number }, (_, at) => texts[at] ?? unnamed[at] ?? String(at + 1));
}

function toldBy(
  { record }: GatheredPerson,
  { signers }: Gathered,
  { language }: ExportWords,
): string {
  if (record?.told !== true) return "";
  return nameIn(language, signers.get(record.signerId)) || record.signerId;
}

function refusedOf(
  { refused, people }: Gathered,
  { words }: ExportOptions,
): readonly RefusedRecord[] {
  if (refused.length === 0) return [];
  const names = new Map<PersonId, Names>(people.map((one) => [one.personId, one.names]));
  return refused.map(({ personId, reason }) => ({
    ...{ personId, reason },
    name: personId === null ? "" : nameIn(words.language, names.get(personId)),
  }));
}

function printed(
  person: GatheredPerson,
  gathered: Gathered,
  { words }: ExportOptions,
): ExportedPerson {
  const { personId, unitId, state, record } = person;
  return {
    ...{ personId, unitId, state },
    name: nameIn(words.language, person.names),
    rank: words.ranks[person.rank] ?? person.rank,
    post: nameIn(words.language, person.post),
    choice: state === "unreadable" ? 0 : (record?.record.choice ?? 0),
    items: itemsText(person, gathered),
    answer: person.answer,
    photo: hasPhoto(person),
    toldBy: toldBy(person, gathered, words),
    acknowledgedMs: record?.acknowledgedMs ?? null,
    createdMs: record?.record.created ?? null,
    receivedMs: record?.receivedMs ?? null,
    recordHash: record === null ? "" : hashOf(record),
    record: record === null ? "" : toBase64(record.record.bytes),
    verified: record !== null,
  };
}

// --- Files --------------------------------------------------------------------------------------

async function csv(gathered: Gathered, options: ExportOptions): Promise<readonly Bytes[]> {
  const rows = new ExportRows(gathered, options);
  const parts = [BYTE_ORDER_MARK, csvPart([rows.header])];
  await rows.each((some) => parts.push(csvPart(some)));
  return parts;
}

async function workbook(gathered: Gathered, options: ExportOptions): Promise<readonly Bytes[]> {
  const { words, madeMs } = options;
  const { sheets } = words;
  const book = new Workbook({ rightToLeft: words.rightToLeft, madeMs });
  book.begin({ name: sheets.summary, widths: [32, 80] });
  const facts = words.facts.map(([what, value]): readonly SheetCell[] => [what, value]);
  book.rows(facts.slice(0, 1), true);
  book.rows(facts.slice(1));
  const { terms } = gathered.order;
  const counted = countsOf(gathered, words);
  book.rows(counted.map(([key, word]) => [word, countOf(gathered.total, key)]));
  const choices = headings(words.choices, words.unnamed.choices, terms.choices);
  const items = headings(words.items, words.unnamed.items, terms.items);
  book.rows(choices.map((text, at) => [text, gathered.total.choices[at] ?? 0]));
  book.rows(items.map((text, at) => [text, gathered.total.items[at] ?? 0]));
  book.begin({ name: sheets.units, widths: [60, 12, 12, 12, 12, 12] });
  book.rows([[words.unit, ...counted.map(([, word]) => word), ...choices, ...items]], true);
  book.rows(unitRows(gathered, options));
  const rows = new ExportRows(gathered, options);
  book.begin({
    name: sheets.people,
    widths: [28, 16, 32, 48, 16, 20, 20, 32, 12, 24, 24, 24, 24, 12, 20],
  });
  book.rows([rows.header], true);
  await rows.each((some) => book.rows(some));
  const refused = refusedOf(gathered, options);
  if (refused.length > 0) {
    book.begin({ name: sheets.refused, widths: [28, 40, 60] });
    book.rows([[words.columns.name, TECHNICAL[0], words.reason]], true);
    book.rows(refused.map(({ name, personId, reason }) => [name, personId ?? "", reason]));
  }
  return book.done();
}

/** The counts of an order, each with its heading: photos only where it asks for one. */
function countsOf({ order }: Gathered, { counts }: ExportWords): readonly [string, string][] {
  return Object.entries(counts).filter(([key]) => key !== "photos" || order.terms.photo);
}

function countOf(counts: OrderCounts, key: string): number {
  return counts[key as keyof Omit<OrderCounts, "choices" | "items">];
}

/** Units in the order of the tree, each below the one that it belongs to. */
function unitRows(gathered: Gathered, options: ExportOptions): readonly (readonly SheetCell[])[] {
  const { units } = gathered;
  const keys = countsOf(gathered, options.words).map(([key]) => key);
  const paths = new Map<UnitId, string>();
  return [...units]
    .map(([unitId, counts]) => ({ path: pathOf(unitId, options, paths), counts }))
    .sort((a, b) => (a.path < b.path ? -1 : Number(a.path > b.path)))
    .map(({ path, counts }) => [
      path,
      ...keys.map((key) => countOf(counts, key)),
      ...counts.choices,
      ...counts.items,
    ]);
}

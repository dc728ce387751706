/**
 * Everything about who acknowledged an order, for a file: who owes, and every record verified on this
 * device. People come first and records after them, so that an acknowledgement that comes meanwhile has
 * its record. A record counts by its own word; a count of the server without a record does not.
 */
import { failure, hasCode } from "../failure.ts";
import type { MessageId, PersonId, UnitId } from "../ids.ts";
import { namesSealed } from "../keys/acknowledgement.ts";
import { equalBytes } from "../octets.ts";
import { sameNames } from "../names.ts";
import { sameTerms, termsOf } from "../kinds/order.ts";
import type { OrderFacts } from "../orders/record.ts";
import { plateOf, type SignedPlate } from "../people/people.ts";
import type { ExportState, OrderCounts } from "../seam/overseeing.ts";
import { pause } from "../transport/backoff.ts";
import type { Api } from "../transport/api.ts";
import { judgeOf, type PassingDepartment } from "../trust/passing.ts";
import type { Directory, Names, Order, OrderPerson, OrderState } from "../wire.ts";
import { UNREADABLE } from "../limits.ts";
import { NOBODY } from "./counts.ts";
import { isVerified, verifyRecord, type Refusal, type VerifiedRecord } from "./verifying.ts";

/** People in one page, as the server allows. */
const PAGE = 500;
const LONGEST_WAIT_MS = 60_000;

export interface GatheringOptions {
  readonly api: Pick<Api, "order" | "orderPeople" | "orderRecords" | "orderProgress">;
  readonly department: () => PassingDepartment;
  readonly directory: Directory;
  /** The text of a record's answer; null: none, or this device cannot open it. */
  readonly open: (order: Order, record: VerifiedRecord) => Promise<string | null>;
  /** The order as its issuer signed it; null: it has not come here. */
  readonly signed: Pick<OrderFacts, "headerHash" | "content"> | null;
  /** Told how many of how many people and records are read. */
  readonly onProgress: (done: number, total: number) => void;
  readonly signal: AbortSignal;
}

/** One row of a file. */
export interface GatheredPerson {
  readonly personId: PersonId;
  readonly names: Names;
  /** Code of a rank, or the English name that a card signs. */
  readonly rank: string;
  readonly post: Names;
  readonly unitId: UnitId;
  readonly state: ExportState;
  readonly record: VerifiedRecord | null;
  readonly answer: string;
}

export interface Gathered {
  readonly order: Order;
  readonly people: readonly GatheredPerson[];
  /** Names of people who told others in person. */
  readonly signers: ReadonlyMap<PersonId, Names>;
  readonly refused: readonly Refusal[];
  readonly signaturesVerified: number;
  readonly total: OrderCounts;
  readonly units: ReadonlyMap<UnitId, OrderCounts>;
}

type PersonFields = Pick<GatheredPerson, "names" | "rank" | "post" | "unitId">;
type Card = Pick<SignedPlate, keyof PersonFields>;

export async function gather(
  options: GatheringOptions,
  orderId: MessageId,
  unitId: UnitId | null,
): Promise<Gathered> {
  const order = await asked(options, () => options.api.order(orderId));
  const what = differs(options.signed, order);
  if (what !== null) throw failure("order_differs", { details: { what } });
  const progress = await asked(options, () => options.api.orderProgress(orderId, { unit: unitId }));
  const owed = Number(progress.total[0] ?? 0);
  const acknowledged = Number(progress.total[3] ?? 0);
  const total = owed + acknowledged;
  let done = 0;
  const come = (more: number): void => {
    done += more;
    options.onProgress(Math.min(done, total), total);
  };
  const owing = await readPeople(options, orderId, unitId, come);
  const records = await readRecords(options, order, come);
  return joined(order, owing, records, options.directory, unitId);
}

/** The server states another order than the issuer signed: records are judged by its terms. */
function differs(signed: GatheringOptions["signed"], order: Order): "header" | "terms" | null {
  if (signed === null) return null;
  if (!equalBytes(signed.headerHash, order.headerHash)) return "header";
  return sameTerms(order.terms, termsOf(signed.content)) ? null : "terms";
}

/** Ask; where the server says how long to wait, wait. */
async function asked<T>({ signal }: GatheringOptions, ask: () => Promise<T>): Promise<T> {
  for (;;) {
    signal.throwIfAborted();
    try {
      return await ask();
    } catch (error) {
      if (!hasCode(error, "rate_limited")) throw error;
      await pause(Math.min(error.retryAfterMs ?? 1_000, LONGEST_WAIT_MS), signal);
    }
  }
}

async function readPeople(
  options: GatheringOptions,
  orderId: MessageId,
  unitId: UnitId | null,
  come: (more: number) => void,
): Promise<ReadonlyMap<PersonId, PersonFields & { readonly state: OrderState }>> {
  const owing = new Map<PersonId, PersonFields & { readonly state: OrderState }>();
  let after: string | null = "";
  while (after !== null) {
    const from: string = after;
    const query = { unit: unitId, after: from, limit: PAGE };
    const page = await asked(options, () => options.api.orderPeople(orderId, query));
    for (const one of page.people) owing.set(one.person.personId, known(one));
    come(page.people.length);
    // A server that gives the same page for ever must not hold this device.
    after = page.next === from || page.people.length === 0 ? null : page.next;
  }
  return owing;
}

function known({ person, state }: OrderPerson): PersonFields & { readonly state: OrderState } {
  const { names, rank, post, unitId } = person;
  return { names, rank, post, unitId, state };
}

interface VerifiedRecords {
  readonly verified: ReadonlyMap<PersonId, VerifiedRecord>;
  readonly cards: ReadonlyMap<PersonId, Card>;
  readonly answers: ReadonlyMap<PersonId, string>;
  readonly refused: Refusal[];
}

async function readRecords(
  options: GatheringOptions,
  order: Order,
  come: (more: number) => void,
): Promise<VerifiedRecords> {
  const verified = new Map<PersonId, VerifiedRecord>();
  const cards = new Map<PersonId, Card>();
  const answers = new Map<PersonId, string>();
  const refused: Refusal[] = [];
  let after: string | null = "";
  while (after !== null) {
    const from: string = after;
    const page = await asked(options, () =>
      options.api.orderRecords(order.orderId, { after: from, trust: true }),
    );
    const judge = await judgeOf(options.department(), page.people);
    options.signal.throwIfAborted();
    const judged = page.records.map((given) => verifyRecord(given, order, judge));
    for (const found of await Promise.all(judged)) {
      if (!isVerified(found)) refused.push(found);
      else if (verified.has(found.personId))
        refused.push({ personId: found.personId, reason: "O1: a second record of the person" });
      else {
        verified.set(found.personId, { ...found, answer: null, photo: null });
        const answer = await options.open(order, found);
        if (answer !== null) answers.set(found.personId, answer);
        for (const personId of [found.personId, found.signerId]) {
          const card = judge.card(personId);
          if (card !== null) cards.set(personId, plateOf(personId, card));
        }
      }
    }
    come(page.records.length);
    after = page.next === from || page.records.length === 0 ? null : page.next;
  }
  return { verified, cards, answers, refused };
}

function joined(
  order: Order,
  owing: ReadonlyMap<PersonId, PersonFields & { readonly state: OrderState }>,
  { verified, cards, answers, refused }: VerifiedRecords,
  directory: Directory,
  unitId: UnitId | null,
): Gathered {
  const people: GatheredPerson[] = [];
  const missing = [...refused];
  const ranks = new Map(directory.ranks.map(({ code, names }) => [code, names]));
  const wrong = new Set(refused.map(({ personId }) => personId));
  for (const [personId, { state, ...said }] of owing) {
    const record = verified.get(personId) ?? null;
    if (record === null && state === "acknowledged" && !wrong.has(personId))
      missing.push({ personId, reason: "O1: counted, but its record was not handed out" });
    // Without a record nothing proves more than that the server says that the order was read.
    const claimed = state === "unreadable" ? "received" : state;
    const proven = state === "acknowledged" ? "read" : claimed;
    const shown = signed(cards.get(personId), said, ranks);
    const answer = answers.get(personId) ?? "";
    const reached = record === null ? proven : stateOf(order, record, proven);
    people.push({ personId, ...shown, state: reached, record, answer });
  }
  // The list of all units also has people who left the conversation after they acknowledged: they owe
  // nothing, and their signed acknowledgement stays valid. The list of one unit has its members alone.
  if (unitId === null) {
    for (const [personId, record] of verified) {
      if (owing.has(personId)) continue;
      const card = cards.get(personId);
      const nobody = { names: EMPTY, rank: "", post: EMPTY, unitId: "" as UnitId };
      const answer = answers.get(personId) ?? "";
      people.push({ personId, ...signed(card, nobody, ranks), state: "left", record, answer });
    }
  }
  const signers = new Map([...cards].map(([personId, { names }]) => [personId, names]));
  const counted = people.filter(({ record }) => record !== null).length;
  return {
    ...{ order, people, signers, refused: missing, signaturesVerified: counted },
    ...count(people, order.terms, directory),
  };
}

/** An acknowledgement of an earlier text than the one that was asked about last counts for nothing. */
function stateOf(order: Order, { record }: VerifiedRecord, before: OrderState): OrderState {
  const text = order.texts.find(({ headerHash }) => equalBytes(headerHash, record.textHash));
  if (text === undefined || text.seq < order.askedSeq) return before;
  return record.choice === UNREADABLE ? "unreadable" : "acknowledged";
}

const EMPTY: Names = { en: "", te: "", ur: "", hi: "" };

/** The facts that a card signs. A rank keeps its code if the directory names it as the card does. */
function signed(
  card: Card | undefined,
  said: PersonFields,
  ranks: ReadonlyMap<string, Names>,
): PersonFields {
  if (card === undefined) return said;
  const named = ranks.get(said.rank);
  const same = named !== undefined && sameNames(named, card.rank);
  return { ...card, rank: same ? said.rank : card.rank.en };
}

// --- Counts -------------------------------------------------------------------------------------

const REACHED: Readonly<Record<OrderState, number>> = {
  waiting: 0,
  received: 1,
  read: 2,
  acknowledged: 3,
  unreadable: 1,
};

function count(
  people: readonly GatheredPerson[],
  { choices, items }: Order["terms"],
  { units }: Directory,
): { readonly total: OrderCounts; readonly units: ReadonlyMap<UnitId, OrderCounts> } {
  const parents = new Map(units.map((unit) => [unit.unitId, unit.parentId]));
  const zeros = (length: number): readonly number[] => new Array<number>(length).fill(0);
  const none = { ...NOBODY, choices: zeros(choices), items: zeros(items) };
  const counts = new Map<UnitId, OrderCounts>();
  let total: OrderCounts = none;
  for (const person of people) {
    if (person.state === "left") continue;
    total = withOne(total, person);
    let unitId: UnitId | null = person.unitId;
    for (let depth = 0; unitId !== null && depth < 16; depth++) {
      counts.set(unitId, withOne(counts.get(unitId) ?? none, person));
      unitId = parents.get(unitId) ?? null;
    }
  }
  return { total, units: counts };
}

function withOne(before: OrderCounts, { state, record }: GatheredPerson): OrderCounts {
  const reached = state === "left" ? 0 : REACHED[state];
  const add = (at: number): number => (reached >= at ? 1 : 0);
  const counts = state === "acknowledged";
  const choice = counts ? (record?.record.choice ?? 0) : 0;
  const done = counts ? (record?.record.done ?? 0) : 0;
  return {
    owed: before.owed + 1,
    received: before.received + add(1),
    read: before.read + add(2),
    acknowledged: before.acknowledged + add(3),
    told: before.told + (counts && record?.told === true ? 1 : 0),
    unreadable: before.unreadable + (state === "unreadable" ? 1 : 0),
    choices: before.choices.map((one, at) => (at + 1 === choice ? one + 1 : one)),
    photos:
      before.photos + (counts && record !== null && namesSealed(record.record.photoHash) ? 1 : 0),
    items: before.items.map((one, at) => one + ((done >> at) & 1)),
  };
}

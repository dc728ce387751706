/**
 * How a list of people begins before anything is typed: the own unit, the chain of command, and the
 * people of direct conversations. Pure.
 */
import type { Plate } from "@copconnect/client/core";
import type {
  Charge,
  Person,
  PersonId,
  Post,
  Posting,
  UnitHeads,
  UnitId,
} from "@copconnect/client/wire";

/** The open charge that puts a person into one of these units; null: the post does, or nothing. */
export function chargeIn(person: Person, units: ReadonlySet<UnitId>): Posting | null {
  if (units.has(person.unitId)) return null;
  return person.charges.find(({ unitId }) => units.has(unitId)) ?? null;
}

/** The charge by which a person heads a unit of which another post does not make them head. */
function headingCharge(person: Person, unitId: UnitId): Posting | null {
  if (person.unitId === unitId) return null;
  return person.charges.find((held) => held.head && held.unitId === unitId) ?? null;
}

/** The people of a unit: its heads, then the registered, then the others; each once. */
export function unitOrder(heads: readonly Person[], people: readonly Person[]): readonly Person[] {
  const first = new Set<PersonId>(heads.map(({ personId }) => personId));
  const others = people.filter(({ personId }) => !first.has(personId));
  return [
    ...heads,
    ...others.filter(({ registered }) => registered),
    ...others.filter(({ registered }) => !registered),
  ];
}

/** The rows that a list of people shows first. `charge`: the person is shown because of it. */
export type BeginningRow =
  | { readonly kind: "section"; readonly key: string; readonly section: Section }
  | {
      readonly kind: "someone";
      readonly key: string;
      readonly plate: Plate;
      /** Null: not known here. */
      readonly registered: boolean | null;
      readonly charge: Posting | null;
      /** The unit that this person heads, in the chain of command. */
      readonly heads: UnitId | null;
    }
  /** Nobody heads the unit, nor is in charge; `post`: that would, null: there is none. */
  | {
      readonly kind: "vacant";
      readonly key: string;
      readonly unitId: UnitId;
      readonly post: Post | null;
    }
  | { readonly kind: "all"; readonly key: string; readonly count: number }
  | { readonly kind: "waiting" | "lost"; readonly key: string };

export type Section = "mine" | "chain" | "recents";

export interface KnownPeople {
  readonly unitId: UnitId;
  /** The own unit first; null: not here yet. */
  readonly chain: readonly UnitHeads[] | null;
  readonly people: readonly Person[];
  readonly failed: boolean;
  readonly recents: readonly Plate[];
  /** The reader is left out of the list. */
  readonly me: PersonId | null;
}

/** So many of the own unit are shown before one asks for all, and so many recents. */
const FEW = 4;
const RECENTS = 5;

export function beginning(known: KnownPeople, whole: boolean): readonly BeginningRow[] {
  const rows: BeginningRow[] = [{ kind: "section", key: "mine", section: "mine" }];
  const { chain, me } = known;
  if (chain === null) {
    rows.push({ kind: known.failed ? "lost" : "waiting", key: "nearby" });
  } else {
    const mineOf = chain.find(({ unitId }) => unitId === known.unitId);
    const own = headsOf(mineOf);
    const mine = unitOrder(own, known.people).filter(({ personId }) => personId !== me);
    const shown = whole || mine.length <= FEW + 1 ? mine : mine.slice(0, FEW);
    const units = new Set([known.unitId]);
    if (own.length === 0) rows.push(vacant("mine:", known.unitId, mineOf));
    rows.push(...shown.map((one) => row("mine", one, chargeIn(one, units), null)));
    if (shown.length < mine.length) rows.push({ kind: "all", key: "all", count: mine.length });
    const above = chain.filter(({ unitId }) => unitId !== known.unitId);
    if (above.length > 0) rows.push({ kind: "section", key: "chain", section: "chain" });
    for (const unit of above) {
      const { unitId } = unit;
      const people = headsOf(unit);
      if (people.length === 0) rows.push(vacant(`chain:${unitId}`, unitId, unit));
      for (const one of people)
        rows.push(row(`chain:${unitId}`, one, headingCharge(one, unitId), unitId));
    }
  }
  const recents = known.recents.filter(({ personId }) => personId !== me).slice(0, RECENTS);
  if (recents.length > 0) rows.push({ kind: "section", key: "recents", section: "recents" });
  for (const plate of recents)
    rows.push({
      ...{ kind: "someone", key: `recents:${plate.personId}`, plate },
      ...{ registered: null, charge: null, heads: null },
    });
  return rows;
}

/** The heads of a unit, in charge of it among them, each once. */
export function headsOf(unit: UnitHeads | undefined): readonly Person[] {
  const holders = (unit?.posts ?? []).flatMap((post) => post.holders);
  return [...new Map(holders.map(({ person }) => [person.personId, person])).values()];
}

function vacant(key: string, unitId: UnitId, unit: UnitHeads | undefined): BeginningRow {
  return { kind: "vacant", key, unitId, post: unit?.posts[0] ?? null };
}

function row(
  place: string,
  person: Person,
  charge: Posting | null,
  heads: UnitId | null,
): BeginningRow {
  const { personId, registered } = person;
  return { kind: "someone", key: `${place}:${personId}`, plate: person, registered, charge, heads };
}

/** Charges are officiating or additional; a regular posting is none. */
export function isCharge(held: Posting): held is Posting & { readonly charge: Charge } {
  return held.charge !== "regular";
}

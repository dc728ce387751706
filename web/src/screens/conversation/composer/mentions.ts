/** Finding, picking and placing @mentions in what is being written. Pure. */
import type { Names, UnitId } from "@copconnect/client/wire";
import type { Called, Mention, Plate } from "@copconnect/client/core";
import { rankSpellings, spellings } from "@copconnect/client/core";

/** A mention that may be written. */
export interface Mentionable {
  readonly called: Called;
  /** As it is written after the @. */
  readonly label: string;
}

export interface Candidate extends Mentionable {
  /** Rank and post, to tell namesakes apart; of several people, how many they are. */
  readonly note: string;
  /** Everything it can be found by. */
  readonly search: string;
}

const SHOWN = 6;

/** The words for candidates, in the reader's language. */
export interface Wording {
  readonly name: (names: Names) => string;
  readonly unit: (unitId: UnitId) => string;
  readonly rankAndPost: (plate: Plate) => string;
  readonly people: (count: number) => string;
}

/**
 * Each of these people; the posts that they hold in their units; and for a writer who may call many (M5), posts
 * in all units and ranks.
 */
export function candidatesOf(
  plates: readonly Plate[],
  say: Wording,
  callsMany: boolean,
): readonly Candidate[] {
  const groups = new Map<string, { candidate: Candidate; holders: Plate[] }>();
  const add = (plate: Plate, called: Called, label: string, found: readonly string[]): void => {
    const key = JSON.stringify(called);
    const group = groups.get(key) ?? {
      candidate: { called, label, note: "", search: [label, ...found].join(" ") },
      holders: [],
    };
    group.holders.push(plate);
    groups.set(key, group);
  };
  for (const plate of plates) {
    const { post, rank, unitId } = plate;
    if (post.en !== "") {
      const [title, unit] = [say.name(post), say.unit(unitId)];
      const label = title.includes(unit) ? title : `${title} ${unit}`;
      add(plate, { post: post.en, unitId }, label, spellings(post));
      add(plate, { post: post.en, unitId: null }, title, spellings(post));
    }
    if (typeof rank !== "string" && rank.en !== "")
      add(plate, { rank: rank.en }, say.name(rank), spellings(rank));
  }
  const several = [...groups.values()].flatMap(({ candidate, holders: [first, ...others] }) => {
    if (first === undefined) return [];
    const { called } = candidate;
    const inUnit = "unitId" in called && called.unitId !== null;
    if (!inUnit && !callsMany) return [];
    const isElsewhere = others.some(({ unitId }) => unitId !== first.unitId);
    // A post of one unit is offered with its unit alone, and no rank of one person is a group.
    if (!inUnit && !("post" in called ? isElsewhere : others.length > 0)) return [];
    const note = others.length === 0 ? say.name(first.names) : say.people(others.length + 1);
    return [{ ...candidate, note }];
  });
  return [...plates.map((plate) => personOf(plate, say)), ...several];
}

function personOf(plate: Plate, say: Wording): Candidate {
  const { personId, names, rank, post } = plate;
  return {
    called: { personId },
    label: say.name(names),
    note: say.rankAndPost(plate),
    search: [...spellings(names), ...rankSpellings(rank), ...spellings(post)].join(" "),
  };
}

/** Whether an @ may begin a mention: not within an address. */
function begins(text: string, at: number): boolean {
  return at === 0 || /[\s(]/u.test(text[at - 1] ?? "");
}

/**
 * The candidates that a text may mention. A typed name mentions a person. A post, a rank or everybody needs
 * a pick from the list, because "inspector" and "everybody" are ordinary words.
 */
export function callable(
  candidates: readonly Candidate[],
  picked: readonly Candidate[],
): readonly Candidate[] {
  const isPerson = ({ called }: Candidate): boolean => "personId" in called;
  return [...candidates.filter(isPerson), ...picked.filter((one) => !isPerson(one))];
}

/** The word after an @ before the caret, or null when no mention is being written. */
export function mentionQuery(
  text: string,
  caret: number,
): { readonly start: number; readonly query: string } | null {
  const before = text.slice(0, caret);
  const start = before.lastIndexOf("@");
  if (start < 0 || !begins(text, start)) return null;
  const query = before.slice(start + 1);
  return query.includes("\n") || query.length > 30 ? null : { start, query };
}

export function matching(candidates: readonly Candidate[], query: string): readonly Candidate[] {
  const wanted = query.trim().toLocaleLowerCase();
  const found = candidates.filter((one) => one.search.toLocaleLowerCase().includes(wanted));
  // A finished mention ("@Name and then more") matches nobody; a name that begins so comes first.
  return found
    .sort(
      (a, b) =>
        Number(b.label.toLocaleLowerCase().startsWith(wanted)) -
        Number(a.label.toLocaleLowerCase().startsWith(wanted)),
    )
    .slice(0, SHOWN);
}

/** The text with the query replaced by the mention, and the caret's place afterwards. */
export function insertMention(
  text: string,
  start: number,
  caret: number,
  label: string,
): { readonly text: string; readonly caret: number } {
  const inserted = `@${label} `;
  return {
    text: text.slice(0, start) + inserted + text.slice(caret).replace(/^ /u, ""),
    caret: start + inserted.length,
  };
}

/** Find the candidates mentioned in a finished text, longest label first, no overlaps. */
export function mentionsIn(text: string, candidates: readonly Mentionable[]): readonly Mention[] {
  const found: Mention[] = [];
  const byLength = [...candidates].sort((a, b) => b.label.length - a.label.length);
  for (const { called, label } of byLength) {
    const written = `@${label}`;
    for (let at = text.indexOf(written); at >= 0; at = text.indexOf(written, at + written.length)) {
      const end = at + written.length;
      const next = text.slice(end, end + 1);
      const overlaps = found.some((one) => at < one.start + one.length && one.start < end);
      if (!overlaps && begins(text, at) && !/[\p{L}\p{M}\p{N}]/u.test(next)) {
        found.push({ ...called, start: at, length: written.length });
      }
    }
  }
  return found.sort((a, b) => a.start - b.start);
}

/** Finding, picking and placing @mentions in what is being written. Pure. */
import type { PersonId } from "@copconnect/client/wire";
import type { Mention } from "@copconnect/client/core";

export interface Candidate {
  readonly personId: PersonId;
  /** As it is written after the @. */
  readonly label: string;
  /** Rank and post, to tell namesakes apart. */
  readonly note: string;
  /** Everything it can be found by. */
  readonly search: string;
}

const SHOWN = 6;

/** The word after an @ before the caret, or null when no mention is being written. */
export function mentionQuery(
  text: string,
  caret: number,
): { readonly start: number; readonly query: string } | null {
  const before = text.slice(0, caret);
  const start = before.lastIndexOf("@");
  if (start < 0 || (start > 0 && !/[\s(]/u.test(before[start - 1] ?? ""))) return null;
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
export function mentionsIn(text: string, candidates: readonly Candidate[]): readonly Mention[] {
  const found: Mention[] = [];
  const byLength = [...candidates].sort((a, b) => b.label.length - a.label.length);
  for (const { personId, label } of byLength) {
    const written = `@${label}`;
    for (let at = text.indexOf(written); at >= 0; at = text.indexOf(written, at + written.length)) {
      const end = at + written.length;
      const next = text.slice(end, end + 1);
      const overlaps = found.some((one) => at < one.start + one.length && one.start < end);
      if (!overlaps && !/[\p{L}\p{M}\p{N}]/u.test(next)) {
        found.push({ personId, start: at, length: written.length });
      }
    }
  }
  return found.sort((a, b) => a.start - b.start);
}

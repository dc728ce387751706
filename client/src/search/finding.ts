/** Find messages in segments, and show why each was found. Pure. */
import type { ConversationId } from "../ids.ts";
import { searchWord, wordsOf } from "../people/words.ts";
import type { SearchKind } from "../kinds/kind.ts";
import type { MessageQuery, Snippet } from "../seam/search.ts";
import { packed } from "./dictionary.ts";
import { messageAt, skeletonsOf, type AskedWord, type Segment } from "./segment.ts";
import { bitOf, cut, placed } from "./texts.ts";

const MINUTE_MS = 60_000;
/** Before and after the first word that was found. */
const BEFORE = 40;
const SHOWN = 160;

/** A place where a message may be found: its words are compared when it is read. */
export interface Candidate {
  readonly conversationId: ConversationId;
  readonly order: number;
}

/** The words of a query as segments are asked for them. */
function askedOf(text: string): readonly AskedWord[] {
  return wordsOf(text).map((word) => ({
    word: packed(cut(word)),
    whole: [...word].length === 1,
    skeletons: skeletonsOf(word),
  }));
}

/** At most `most` candidates: the query's spelling before its sound, newest first in both. */
export function candidates(
  segments: readonly Segment[],
  query: MessageQuery,
  most: number,
): readonly Candidate[] {
  const asked = askedOf(query.text);
  const spelled = new Newest(most);
  const heard = new Newest(most);
  for (const [of, segment] of segments.entries()) {
    const fits = filterOf(segment, query);
    if (fits === null) continue;
    const found = asked.map((word) => segment.find(word));
    for (let at = 0; at < segment.size; at++) {
      let rank = 2;
      for (const one of found) rank = Math.min(rank, one[at] ?? 0);
      if (rank > 0 && fits(at)) (rank === 2 ? spelled : heard).add(segment.minute[at] ?? 0, of, at);
    }
  }
  return [...spelled.places(), ...heard.places()].slice(0, most).map(({ of, at }) => {
    const { conversationId, order } = messageAt(segments[of] as Segment, at);
    return { conversationId, order };
  });
}

/** The orders of a conversation's messages of a kind, the newest first, below an order. */
export function ordersOf(
  segments: readonly Segment[],
  conversationId: ConversationId,
  kind: SearchKind,
  below: number,
): readonly number[] {
  const orders = new Set<number>();
  for (const segment of segments) {
    const fits = filterOf(segment, { text: "", conversationId, kind });
    if (fits === null) continue;
    for (let at = 0; at < segment.size; at++) {
      const order = segment.order[at] ?? Infinity;
      if (order < below && fits(at)) orders.add(order);
    }
  }
  return [...orders].sort((a, b) => b - a);
}

/** Whether messages of a segment fit all but the text; null: none does. */
function filterOf(
  segment: Segment,
  { conversationId, personId, kind, fromMs, toMs }: MessageQuery,
): ((at: number) => boolean) | null {
  const conversation =
    conversationId === undefined ? null : segment.conversations.indexOf(conversationId);
  const person = personId === undefined ? null : segment.people.indexOf(personId) + 1;
  if (conversation === -1 || person === 0) return null;
  const bit = kind === undefined ? 0 : bitOf(kind);
  // The minute in which a bound lies fits: the message's own time is compared when it is read.
  const from = Math.floor((fromMs ?? -Infinity) / MINUTE_MS);
  const to = (toMs ?? Infinity) / MINUTE_MS;
  return (at) =>
    (conversation === null || segment.conversation[at] === conversation) &&
    (person === null || segment.person[at] === person) &&
    (bit === 0 || ((segment.kinds[at] ?? 0) & bit) !== 0) &&
    (segment.minute[at] ?? 0) >= from &&
    (segment.minute[at] ?? 0) < to;
}

/** Keeps the newest places, up to a limit, and drops older ones. */
class Newest {
  readonly #most: number;
  /** Minute, then segment and message, in one number: minutes take 25 bits, places 28. */
  #keys: number[] = [];
  #least = -Infinity;

  constructor(most: number) {
    this.#most = most;
  }

  add(minute: number, of: number, at: number): void {
    const key = (minute * 2 ** 12 + of) * 2 ** 16 + at;
    if (key <= this.#least) return;
    this.#keys.push(key);
    if (this.#keys.length >= 2 * this.#most + 64) this.#cut();
  }

  #cut(): void {
    this.#keys = this.#keys.sort((a, b) => b - a).slice(0, this.#most);
    if (this.#keys.length === this.#most) this.#least = this.#keys.at(-1) ?? -Infinity;
  }

  places(): readonly { readonly of: number; readonly at: number }[] {
    this.#cut();
    return this.#keys.map((key) => ({
      of: Math.floor(key / 2 ** 16) % 2 ** 12,
      at: key % 2 ** 16,
    }));
  }
}

/**
 * Compares texts with what is asked: the snippet of the first text that has a word of it; null: a word
 * is in none of them. Without words, the first text that is not empty.
 */
export function comparison(text: string): (texts: readonly string[]) => Snippet | null {
  const asked = wordsOf(text).map((word) => searchWord(cut(word)));
  return (texts) => {
    const missing = new Set(asked);
    let found: Snippet | null = null;
    for (const one of texts) {
      const marks: [number, number][] = [];
      for (const { start, end, words } of placed(one)) {
        const hit = asked.filter((finds) => words.some((word) => finds(word) !== null));
        for (const finds of hit) missing.delete(finds);
        if (hit.length > 0) marks.push([start, end]);
      }
      if (found === null && (marks.length > 0 || (asked.length === 0 && one !== "")))
        found = snippetOf(one, marks);
    }
    return missing.size > 0 ? null : (found ?? { text: "", marks: [] });
  };
}

/** The part of a text around its first mark, cut between words. */
function snippetOf(text: string, marks: readonly (readonly [number, number])[]): Snippet {
  const first = marks[0]?.[0] ?? 0;
  const space = first > BEFORE ? text.slice(first - BEFORE, first).search(/\s/u) : 0;
  const start = first > BEFORE ? first - BEFORE + Math.max(0, space + 1) : 0;
  const end =
    start + SHOWN < text.length
      ? Math.max(text.lastIndexOf(" ", start + SHOWN), first + 1)
      : text.length;
  const before = start > 0 ? "…" : "";
  const shown = text.slice(start, end).replace(/\s/gu, " ");
  const shift = before.length - start;
  return {
    text: `${before}${shown}${end < text.length ? "…" : ""}`,
    marks: marks
      .filter(([from, to]) => from >= start && to <= end)
      .map(([from, to]) => [from + shift, to + shift] as const),
  };
}

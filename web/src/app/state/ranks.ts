/** Ranks in words, and by what names them: their code, or the English name that a card signs. Pure. */
import type { Rank } from "@copconnect/client/wire";

export function rankIndex(ranks: readonly Rank[]): ReadonlyMap<string, Rank> {
  const named = ranks.map((rank) => [rank.names.en, rank] as const);
  // A code is never taken for another rank's name.
  return new Map([...named, ...ranks.map((rank) => [rank.code, rank] as const)]);
}

/** "Sub-Inspector · Station writer"; a post that begins with the rank says both: "DCP, Charminar". */
export function rankThenPost(rank: string, post: string): string {
  if (post === "") return rank;
  return post.startsWith(`${rank},`) ? post : `${rank} · ${post}`;
}

/** Ranks by what names them: their code, or the English name that a person's card signs. Pure. */
import type { Rank } from "@copconnect/client/wire";

export function rankIndex(ranks: readonly Rank[]): ReadonlyMap<string, Rank> {
  const named = ranks.map((rank) => [rank.names.en, rank] as const);
  // A code is never taken for another rank's name.
  return new Map([...named, ...ranks.map((rank) => [rank.code, rank] as const)]);
}

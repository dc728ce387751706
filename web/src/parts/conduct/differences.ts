/** Differences between two lists of rules. Pure. */

export type RuleChange = "same" | "added" | "changed" | "removed";

export interface RuleLine {
  readonly change: RuleChange;
  /** From 1 in the new list; null: the rule is gone. */
  readonly number: number | null;
  readonly rule: string;
  /** The former words of a changed rule. */
  readonly before: string | null;
}

/** Two rules that share so much of their words are one that was changed. */
const ALIKE = 0.4;

/** Every rule of the new list in its order, and removed rules at their former places. */
export function differences(
  former: readonly string[],
  current: readonly string[],
): readonly RuleLine[] {
  const lines: RuleLine[] = [];
  let [from, to] = [0, 0];
  for (const [a, b] of [...common(former, current), [former.length, current.length] as const]) {
    between(lines, former.slice(from, a), current.slice(to, b), to);
    const rule = current[b];
    if (rule !== undefined) lines.push({ change: "same", number: b + 1, rule, before: null });
    [from, to] = [a + 1, b + 1];
  }
  return lines;
}

/** Rules between two that stayed: each new one is a former one that was changed, or is added. */
function between(
  lines: RuleLine[],
  former: readonly string[],
  current: readonly string[],
  offset: number,
): void {
  let from = 0;
  const gone = (upto: number): void => {
    for (const rule of former.slice(from, upto))
      lines.push({ change: "removed", number: null, rule, before: null });
    from = upto;
  };
  current.forEach((rule, index) => {
    const number = offset + index + 1;
    const at = former.findIndex((one, i) => i >= from && likeness(one, rule) >= ALIKE);
    if (at < 0) return void lines.push({ change: "added", number, rule, before: null });
    gone(at);
    lines.push({ change: "changed", number, rule, before: former[at] ?? null });
    from = at + 1;
  });
  gone(former.length);
}

/** Pairs of places that hold the same rule, ascending in both lists: as many as there can be. */
function common(a: readonly string[], b: readonly string[]): (readonly [number, number])[] {
  const best = Array.from({ length: a.length + 1 }, () => new Array<number>(b.length + 1).fill(0));
  const at = (i: number, j: number): number => best[i]?.[j] ?? 0;
  for (let i = a.length - 1; i >= 0; i--)
    for (let j = b.length - 1; j >= 0; j--)
      (best[i] as number[])[j] =
        a[i] === b[j] ? at(i + 1, j + 1) + 1 : Math.max(at(i + 1, j), at(i, j + 1));
  const pairs: (readonly [number, number])[] = [];
  for (let i = 0, j = 0; i < a.length && j < b.length;) {
    if (a[i] === b[j]) pairs.push([i++, j++]);
    else if (at(i + 1, j) >= at(i, j + 1)) i++;
    else j++;
  }
  return pairs;
}

/** The share of words that both have, from 0 to 1. */
function likeness(a: string, b: string): number {
  const [one, other] = [words(a), words(b)];
  const both = [...one].filter((word) => other.has(word)).length;
  return (2 * both) / Math.max(1, one.size + other.size);
}

function words(text: string): ReadonlySet<string> {
  return new Set(
    text
      .toLowerCase()
      .split(/[\s.,;:!?।۔،؛]+/u)
      .filter((word) => word !== ""),
  );
}

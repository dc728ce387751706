/** Lines of the policy of standing groups: in words, new ones, and what differs. */
import type { GroupPolicy, Names } from "@copconnect/client/wire";
import { levelName, rankName, roleName } from "#app/state/directory.svelte.ts";
import { formatList, nameOf } from "#i18n/format.ts";
import { c } from "#console/words.ts";

/** A line with a code that no other one has. */
export function newLine(lines: readonly GroupPolicy[]): GroupPolicy {
  const codes = new Set(lines.map(({ code }) => code));
  let number = lines.length + 1;
  while (codes.has(`line-${number}`)) number += 1;
  return {
    code: `line-${number}`,
    title: { en: "{unit}", te: "{unit}", ur: "{unit}", hi: "{unit}" },
    ...{ levels: [], roles: [], ranks: [], heads: false },
    ...{ kind: "unit", whoMaySend: "everyone", historyDays: 30 },
  };
}

/** Whether a line makes groups: it has a name and a level. */
export function isWhole(line: GroupPolicy): boolean {
  return line.title.en.trim() !== "" && line.levels.length > 0;
}

export function isSame(one: GroupPolicy, other: GroupPolicy): boolean {
  return JSON.stringify(ordered(one)) === JSON.stringify(ordered(other));
}

const ordered = (line: GroupPolicy): readonly unknown[] => [
  ...[line.code, line.title.en, line.title.te, line.title.ur, line.title.hi, line.levels],
  ...[line.roles, line.ranks, line.heads, line.kind, line.whoMaySend, line.historyDays],
];

/** How many lines are new, gone or others than before. */
export function changesOf(before: readonly GroupPolicy[], after: readonly GroupPolicy[]): number {
  const old = new Map(before.map((one) => [one.code, one]));
  const kept = after.filter(({ code }) => old.has(code));
  const changed = kept.filter((one) => !isSame(one, old.get(one.code) as GroupPolicy));
  return changed.length + (after.length - kept.length) + (before.length - kept.length);
}

/** The people of the groups of a line: "SHOs, Inspectors". */
export function whoText(line: GroupPolicy): string {
  const named = [...line.roles.map(roleName), ...line.ranks.map(rankName)];
  if (line.heads) named.unshift(c("groups.heads"));
  return named.length === 0 ? c("policy.all") : formatList(named);
}

/** The name of the groups of a line, in which a word is replaced by the unit's. */
export function titleText(title: Names): string {
  return nameOf(title).replace("{unit}", c("policy.unit"));
}

export function levelsText(line: GroupPolicy): string {
  return formatList(line.levels.map(levelName));
}

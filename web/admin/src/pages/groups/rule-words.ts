/** Rules of groups in words: "SHOs · Hyderabad and all below". */
import type { Audience, Clause } from "@copconnect/client/wire";
import { levelName, rankName, roleName, unitName } from "#app/state/directory.svelte.ts";
import { formatList } from "#i18n/format.ts";
import { postName } from "#console/state/names.svelte.ts";
import { c } from "#console/words.ts";

export const emptyClause = (): Clause => ({
  ...{ everyone: false, units: [], below: true, posts: [], levels: [], roles: [], ranks: [] },
  heads: false,
});

/** Whether a clause asks for anything; one that does not is left out of the rule. */
export function asks(clause: Clause): boolean {
  const lists = [clause.units, clause.posts, clause.levels, clause.roles, clause.ranks];
  return clause.everyone || clause.heads || lists.some((one) => one.length > 0);
}

export function clauseText(clause: Clause): string {
  if (clause.everyone) return c("groups.everyone");
  const parts: string[] = [];
  if (clause.heads) parts.push(c("groups.heads"));
  if (clause.roles.length > 0) parts.push(formatList(clause.roles.map(roleName)));
  if (clause.ranks.length > 0) parts.push(formatList(clause.ranks.map(rankName)));
  if (clause.posts.length > 0) parts.push(formatList(clause.posts.map(postName)));
  if (clause.levels.length > 0)
    parts.push(c("groups.atLevels", { list: formatList(clause.levels.map(levelName)) }));
  if (clause.units.length > 0) {
    const names = formatList(clause.units.map((one) => unitName(one) || one));
    parts.push(clause.below ? c("groups.below", { units: names }) : names);
  }
  return parts.join(" · ");
}

export function ruleText(rule: Audience): string {
  const parts = rule.include.map(clauseText);
  if (rule.people.length > 0) parts.push(c("groups.named", { count: rule.people.length }));
  const without = rule.exclude.map(clauseText);
  if (rule.without.length > 0) without.push(c("groups.named", { count: rule.without.length }));
  const text = parts.join("; ");
  return without.length === 0
    ? text
    : c("groups.except", { rule: text, without: without.join("; ") });
}

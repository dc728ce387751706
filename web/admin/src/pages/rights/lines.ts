/** Lines of the rights table: in words, what may be chosen, and whether two are the same. */
import type { Right, RightRule } from "@copconnect/client/wire";
import { levelName, rankName, roleName } from "#app/state/directory.svelte.ts";
import { c } from "#console/words.ts";

export const RIGHTS: readonly Right[] = [
  "manage_people",
  "enrol",
  "confirm_devices",
  "revoke_devices",
  "lock_devices",
  "give_grants",
  "manage_groups",
  "send_large",
  "oversee_orders",
  "issue_routine",
  "issue_urgent",
  "issue_flash",
  "train",
  "see_numbers",
  "read_directory",
  "import_people",
  "manage_units",
  "edit_conduct",
  "hold_messages",
  "read_audit",
];

export type Holder = RightRule["holder"];
export type Over = RightRule["over"];

/** Devices judge these by grants alone (E0). */
const BY_GRANT: readonly Right[] = ["confirm_devices", "revoke_devices", "give_grants"];

/** Rosters sign who may write, and no roster hears of a grant's end; a post commands people, no grant does. */
const BY_POST: readonly Right[] = ["send_large", "issue_routine", "issue_urgent", "issue_flash"];

/** The server refuses a table with another. */
export function holdersOf(right: Right): readonly Holder[] {
  if (BY_GRANT.includes(right)) return ["grant"];
  if (BY_POST.includes(right)) return ["head", "rank", "role"];
  return ["grant", "head", "rank", "role", "everybody"];
}

export function oversOf(right: Right, holder: Holder): readonly Over[] {
  if (holder === "grant") return ["part"];
  return right === "see_numbers" ? ["unit", "part", "heads"] : ["unit", "part"];
}

export function isSame(a: RightRule, b: RightRule): boolean {
  const sameHolder = a.holder === b.holder && a.code === b.code && a.level === b.level;
  return a.right === b.right && sameHolder && a.over === b.over;
}

export const overText = (holder: Holder, over: Over): string =>
  c(`rights.over.${holder === "grant" ? "grant" : over}`);

/** "Heads of units, over their own unit. Only at this level: Station". */
export function lineText({ holder, code, level, over }: RightRule): string {
  const part = overText(holder, over);
  let line: string;
  if (holder === "rank") line = c("rights.rank", { rank: rankName(code), part });
  else if (holder === "role") line = c("rights.role", { role: roleName(code), part });
  else line = c(`rights.${holder}`, { part });
  return level === "" ? line : c("rights.onlyAt", { line, level: levelName(level) });
}

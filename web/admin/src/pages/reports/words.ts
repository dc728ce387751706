/** Cases put into words. */
import type { CaseItem, Plate } from "@copconnect/client/core";
import { nameOf } from "#i18n/format.ts";
import { c, type ConsoleKey } from "#console/words.ts";

/** The reported officer's name; said so where nobody knows the person any more. */
export function reportedName({ reported }: Pick<CaseItem, "reported">): string {
  return whoName(reported);
}

export function whoName(plate: Plate | null): string {
  return plate === null ? c("reports.somebody") : nameOf(plate.names);
}

/** The finding of a case, or the step that it waits for. */
export function stateKey(item: CaseItem): ConsoleKey {
  if (item.appealed) return "reports.states.appealed";
  if (item.state === "decided")
    return item.finding === "upheld" ? "reports.states.upheld" : "reports.states.dismissed";
  if (item.proposed) return "reports.states.proposed";
  return item.assignee === null ? "reports.states.open" : "reports.states.assigned";
}

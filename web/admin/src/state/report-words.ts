/** Cases, and outcomes of reports and appeals, in words: for cases, approvals and the audit log. */
import type { NewSanction, CaseItem, Plate } from "@copconnect/client/core";
import { c, known, type ConsoleKey } from "../words.ts";
import { nameOf } from "#i18n/format.ts";

/** "Muted: no writing in large groups and announcements, 7 days". */
export function sanctionText(sanction: NewSanction | null): string {
  if (sanction === null) return c("reports.sanction.none");
  const { kind, days } = sanction;
  const said = c(`reports.sanction.${kind}`);
  return kind === "warning" ? said : c("reports.sanction.for", { sanction: said, count: days });
}

/** The finding and the sanction of an act or an entry, or what was decided about an appeal. */
export function outcomeText(fields: Readonly<Record<string, unknown>>): string {
  const finding = known(`reports.states.${String(fields["finding"])}`);
  if (finding === null) return known(`reports.appeal.${String(fields["outcome"])}`) ?? "";
  const sanction = fields["sanction"] as NewSanction | null | undefined;
  return sanction == null ? finding : `${finding}. ${sanctionText(sanction)}`;
}

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

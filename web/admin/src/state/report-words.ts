/** Outcomes of reports and appeals put into words, for cases, approvals and the audit log. */
import type { NewSanction } from "@copconnect/client/core";
import { c, known } from "../words.ts";

/** "Muted: no posting in large groups and announcements, 7 days". */
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

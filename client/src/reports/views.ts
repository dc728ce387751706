/** Cases, sanctions and proven messages as the screens show them. Pure, but for plates and media. */
import { bodyOf, decodeContent } from "../kinds/content.ts";
import type { AttachmentPointer } from "../kinds/fields.ts";
import type { BodySources } from "../kinds/kind.ts";
import type { JudgedMessage } from "../keys/proof.ts";
import type { AttachmentView } from "../kinds/parts.ts";
import type { Plate } from "../names.ts";
import type {
  CaseDecision,
  CaseItem,
  MyReport,
  ProvenMessage,
  SanctionView,
} from "../seam/reports.ts";
import type { PersonId } from "../ids.ts";
import type * as wire from "../wire.ts";
import type { ReportRecord } from "./record.ts";

const DAY_MS = 86_400_000;
/** A warning, which has no end, may be appealed for so long. */
const WARNING_APPEAL_MS = 30 * DAY_MS;

export type PlateOf = (personId: PersonId | null) => Promise<Plate | null>;

export async function caseItem(
  given: wire.Case,
  plate: PlateOf,
  more: { readonly opens: boolean; readonly proposed: boolean },
): Promise<CaseItem> {
  const { reportId, createdMs, path, clause, state, finding, decidedMs, messages } = given;
  return {
    ...{ id: reportId, createdMs, unit: path, clause, state, finding, decidedMs, messages },
    ...{ others: given.others, appealed: given.appealed, ...more },
    reported: await plate(given.reportedId),
    assignee: await plate(given.assigneeId),
  };
}

export async function caseDecision(
  given: wire.Decision | null,
  plate: PlateOf,
): Promise<CaseDecision | null> {
  if (given === null) return null;
  const { byId, secondId, atMs, finding, clause, reason, sanction } = given;
  const moderators = secondId === null ? [byId] : [byId, secondId];
  return { by: await Promise.all(moderators.map(plate)), atMs, finding, clause, reason, sanction };
}

export function sanctionView(given: wire.Sanction, nowMs: number): SanctionView {
  const { reportId, kind, fromMs, untilMs, clause, reason, appeal, appealReason } = given;
  const end = kind === "warning" ? fromMs + WARNING_APPEAL_MS : untilMs;
  const lifted = given.endedMs !== null;
  return {
    ...{ id: reportId, kind, fromMs, untilMs, clause, reason, appeal },
    appealReason: appealReason === "" ? null : appealReason,
    mayAppeal: appeal === "none" && !lifted && nowMs < end,
    acknowledged: given.acknowledgedMs !== null,
    over: lifted || (kind !== "warning" && nowMs >= untilMs),
  };
}

export function sentReport(given: wire.OwnReport): MyReport {
  const { reportId, ...rest } = given;
  const { messageId, conversationId, createdMs, clause, state, finding, decidedMs } = rest;
  return {
    ...{ id: reportId, messageId, conversationId, createdMs, clause, state, finding, decidedMs },
    refused: null,
  };
}

export function waitingReport(record: ReportRecord): MyReport {
  const { id, messageId, conversationId, createdMs, clause } = record;
  return {
    ...{ id, messageId, conversationId, createdMs, clause, state: "sending" },
    ...{ finding: null, decidedMs: null },
    refused: record.stage === "refused" ? record.code : null,
  };
}

/** A message of a proof: what a moderator sees of a poll or a live position is what its sender wrote. */
export async function provenMessage(
  judged: JudgedMessage,
  reported: boolean,
  confirmed: boolean,
  plate: PlateOf,
  attachments: (pointers: readonly AttachmentPointer[]) => Promise<readonly AttachmentView[]>,
): Promise<ProvenMessage> {
  const { messageId, personId, sentMs, plaintext, failed } = judged;
  const shown: BodySources = {
    attachments,
    poll: (content) =>
      Promise.resolve({
        options: content.options.map(() => ({ votes: null, people: [] })),
        ...{ voters: 0, counted: null, own: [], mine: false, shut: "left", totals: null },
      }),
    live: () => Promise.resolve({ running: false, untilMs: 0, here: false }),
    question: () => Promise.resolve({ mine: false, answerId: null }),
  };
  const body = plaintext === null ? null : await bodyOf(decodeContent(plaintext), shown);
  const sender = failed === null ? await plate(personId) : null;
  return { messageId, sender, sentMs, body, reported, confirmed, failed };
}

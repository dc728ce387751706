/**
 * Reports for the scripted core: `?sanction=warning|muted|suspended|appealed`, `?moderator=no`,
 * `?rows=empty` for a queue without cases.
 */
import type {
  CaseBox,
  CaseItem,
  CasePage,
  CaseView,
  ConversationItem,
  Core,
  CoreEvent,
  MessageBody,
  MyReport,
  NewDecision,
  NewReport,
  ProvenMessage,
  ReportCount,
  ReportReaders,
  ReportStatistics,
  SanctionView,
} from "@copconnect/client/core";
import type { ActId, ReportId } from "@copconnect/client/wire";
import { id, refusal } from "#practice/items.ts";
import { ME, PEOPLE, UNITS, pathOf, plate } from "./organisation.ts";
import type { Scenario } from "./scenario.ts";
import { attachmentOf } from "./talk.ts";

const HOUR_MS = 3_600_000;
const DAY_MS = 24 * HOUR_MS;

const plates = PEOPLE.filter(({ personId }) => personId !== ME.personId).map(plate);
const someone = (at: number): (typeof plates)[number] =>
  plates[at % plates.length] as (typeof plates)[number];

const text = (said: string): MessageBody => ({ kind: "text", text: said, mentions: [] });
const BEFORE: readonly MessageBody[] = [
  text("Night duty list for Sunday is with the writer."),
  text("Received. Who relieves picket four?"),
];

function provenOf(at: number): readonly ProvenMessage[] {
  const sentMs = Date.now() - (at + 2) * HOUR_MS;
  const picture: MessageBody = {
    ...{ kind: "attachments", text: "శుభోదయం 🌹🌹 Share with ten friends", mentions: [] },
    attachments: [attachmentOf(910 + at, "image")],
  };
  const said = at % 2 === 0 ? picture : text("Forwarded as received: lottery for police, act now!");
  const common = { sentMs, confirmed: true, failed: null };
  const swapped = { body: null, failed: "F1: not the body that was signed", confirmed: true };
  return [
    { ...common, messageId: id(4, 700_000 + at), sender: someone(at), body: said, reported: true },
    ...BEFORE.map((body, index): ProvenMessage => ({
      ...common,
      ...{ messageId: id(4, 710_000 + 10 * at + index), sender: someone(at + index + 1) },
      ...{ body, sentMs: sentMs - (2 - index) * 4 * 60_000, reported: false },
      ...(at % 4 === 3 && index === 1 ? swapped : {}),
    })),
  ];
}

function caseOf(at: number): CaseView {
  const reported = at === 5 ? plate(ME) : someone(at);
  const proven = provenOf(at);
  const state = at < 3 || at === 5 ? "open" : at < 8 ? "assigned" : "decided";
  const decided = state === "decided";
  const upheld = at % 2 === 0;
  const createdMs = Date.now() - (at + 1) * 5 * HOUR_MS;
  const reason = "A chain forward to 412 officers at night, after a warning in September.";
  const sanction: SanctionView | null =
    decided && upheld ? sanctionOf("muted", id(13, at), createdMs) : null;
  const finding = upheld ? "upheld" : "dismissed";
  const decision: NewDecision = {
    ...{ finding, clause: 2, reason },
    sanction: upheld ? { kind: "muted", days: 7 } : null,
  };
  return {
    ...{ id: id<ReportId>(13, at), createdMs, reported, unit: pathOf(reported.unitId) },
    ...{ clause: 1 + (at % 9), state, messages: proven.length, others: at % 3 },
    assignee: state === "open" ? null : at % 2 === 0 ? plate(ME) : someone(at + 9),
    finding: decided ? finding : null,
    decidedMs: decided ? createdMs + 3 * HOUR_MS : null,
    ...{ opens: at !== 2, appealed: at === 8, proposed: at === 6 || at === 7 },
    words: at === 2 ? null : "He does this every morning, although two of us asked him to stop.",
    failed: at === 2 ? "F2: sealed to other devices" : null,
    clauseDiffers: at === 4,
    proven: at === 2 ? [] : proven,
    decision: decided ? { ...decision, by: someone(at + 9), atMs: createdMs + 3 * HOUR_MS } : null,
    proposal:
      at === 6 || at === 7
        ? {
            ...{ finding: "upheld", clause: 2, reason, sanction: { kind: "muted", days: 7 } },
            ...{ actId: id<ActId>(12, 90 + at), hash: "cd".repeat(32), by: someone(at + 9) },
            ...{ genuine: true, own: at === 6, expiresMs: Date.now() + 6 * DAY_MS },
          }
        : null,
    sanction,
    appeal:
      at === 8
        ? {
            ...{ state: "open", createdMs: createdMs + 5 * HOUR_MS },
            words: "It was the traffic advisory of Cyberabad, not a chain forward. Please look.",
            ...{ reason: null, decidedMs: null },
          }
        : null,
    bar: at === 5 ? "own_case" : decided ? "decided" : null,
    appealBar: at === 8 ? null : "decided_first",
  };
}

function sanctionOf(kind: SanctionView["kind"], of: ReportId, fromMs: number): SanctionView {
  return {
    ...{ id: of, kind, fromMs, clause: 2, acknowledged: false, over: false },
    untilMs: kind === "warning" ? fromMs : fromMs + 7 * DAY_MS,
    reason: "A chain forward to 412 officers at night, after a warning in September.",
    ...{ appeal: "none", appealReason: null, mayAppeal: kind !== "warning" },
  };
}

/** A conversation as the scenario's sanction leaves it to this person. */
export function barredIn({ sanction }: Scenario, item: ConversationItem): ConversationItem {
  const held = sanction === "appealed" ? "muted" : sanction;
  if (held === "none" || held === "warning" || item.kind === "direct" || !item.canSend) return item;
  const large = item.kind === "announcement" || item.members >= 60;
  if (held === "muted" && !large) return item;
  const { id: of, untilMs } = ownSanction(held);
  const barred = { id: of, kind: held, untilMs, mayAppeal: sanction !== "appealed" };
  return { ...item, canSend: false, barred };
}

function ownSanction(kind: SanctionView["kind"]): SanctionView {
  return sanctionOf(kind, id(13, 300), Date.now() - HOUR_MS);
}

type Reports = Core["reports"];

export class ScriptedReports implements Reports {
  readonly #emit: (event: CoreEvent) => void;
  readonly #offline: boolean;
  readonly #moderates: boolean;
  #cases: readonly CaseView[];
  #mine: readonly MyReport[];
  #sanctions: readonly SanctionView[];

  constructor(emit: (event: CoreEvent) => void, { connection, sanction }: Scenario) {
    const query = new URLSearchParams(location.search);
    this.#emit = emit;
    this.#offline = connection === "offline";
    this.#moderates = query.get("moderator") !== "no";
    const rows = query.get("rows") === "empty" ? 0 : Number(query.get("cases") ?? "14");
    this.#cases = Array.from({ length: rows }, (_, at) => caseOf(at));
    const states = ["sending", "assigned", "decided", "decided"] as const;
    this.#mine = states.map((state, at) => ({
      ...{ id: id<ReportId>(13, 200 + at), conversationId: id(3, 1 + at), clause: 2 + at, state },
      ...{ messageId: id(4, 10 + at), createdMs: Date.now() - at * DAY_MS, refused: null },
      finding: state === "decided" ? (at === 2 ? "upheld" : "dismissed") : null,
      decidedMs: state === "decided" ? Date.now() - at * HOUR_MS : null,
    }));
    const kind = sanction === "appealed" ? "muted" : sanction;
    const held = kind === "none" ? [] : [ownSanction(kind)];
    this.#sanctions = held.map((one) =>
      sanction === "appealed" ? { ...one, appeal: "open", mayAppeal: false } : one,
    );
  }

  #changed(): void {
    this.#emit({ type: "reports" });
  }

  async reportReaders(): Promise<ReportReaders> {
    return { people: plates.slice(3, 9), unreached: plates.slice(9, 10), before: 5 };
  }
  async report(report: NewReport): Promise<MyReport> {
    const { conversationId, messageId, clause } = report;
    const made: MyReport = {
      ...{ id: id<ReportId>(13, 400 + this.#mine.length), conversationId, messageId, clause },
      ...{ createdMs: Date.now(), state: this.#offline ? "sending" : "open" },
      ...{ finding: null, decidedMs: null, refused: null },
    };
    this.#mine = [made, ...this.#mine];
    this.#changed();
    return made;
  }
  async myReports(): Promise<readonly MyReport[]> {
    return this.#mine;
  }
  moderates(): Promise<boolean> {
    return Promise.resolve(this.#moderates);
  }
  async cases(box: CaseBox, after: string | null): Promise<CasePage> {
    if (!this.#moderates) throw refusal("not_allowed");
    const found = this.#cases.filter((one) =>
      box === "open"
        ? one.state !== "decided"
        : box === "mine"
          ? one.assignee?.personId === ME.personId && one.state !== "decided"
          : box === "decided"
            ? one.state === "decided"
            : one.appealed,
    );
    const from = Number(after ?? "0");
    const to = from + 50;
    return {
      cases: found.slice(from, to) satisfies readonly CaseItem[],
      next: to < found.length ? String(to) : null,
    };
  }
  #case(of: ReportId): CaseView {
    const found = this.#cases.find((one) => one.id === of);
    if (found === undefined) throw refusal("not_found");
    return found;
  }
  #put(of: ReportId, change: Partial<CaseView>): void {
    this.#cases = this.#cases.map((one) => (one.id === of ? { ...one, ...change } : one));
    this.#changed();
  }
  async openCase(of: ReportId): Promise<CaseView> {
    return this.#case(of);
  }
  async assignCase(of: ReportId, mine: boolean): Promise<void> {
    this.#put(of, {
      assignee: mine ? plate(ME) : null,
      state: mine ? "assigned" : "open",
    });
  }
  async decideCase(of: ReportId, decision: NewDecision): Promise<"done" | "waiting"> {
    if (this.#case(of).bar !== null) throw refusal("own_case");
    const { sanction } = decision;
    if (sanction !== null && sanction.kind !== "warning") {
      const proposal = {
        ...decision,
        ...{ actId: id<ActId>(12, 99), hash: "ef".repeat(32), by: plate(ME), genuine: true },
        ...{ own: true, expiresMs: Date.now() + 7 * DAY_MS },
      };
      this.#put(of, { proposal, proposed: true });
      return "waiting";
    }
    const { finding } = decision;
    const made = { ...decision, by: plate(ME), atMs: Date.now() };
    this.#put(of, { decision: made, state: "decided", finding, decidedMs: Date.now() });
    return "done";
  }
  async answerProposal(of: ReportId, agree: boolean): Promise<void> {
    const { proposal } = this.#case(of);
    if (proposal === null) throw refusal("act_over");
    const { finding, clause, reason, sanction, by } = proposal;
    const decision = { finding, clause, reason, sanction, by, atMs: Date.now() };
    const agreed = { decision, state: "decided", finding, decidedMs: Date.now() } as const;
    this.#put(of, { proposal: null, proposed: false, ...(agree ? agreed : {}) });
  }
  async decideAppeal(of: ReportId, outcome: "upheld" | "lifted", reason: string): Promise<void> {
    const { appeal } = this.#case(of);
    if (appeal === null) throw refusal("not_found");
    const decided = { ...appeal, state: outcome, reason, decidedMs: Date.now() };
    this.#put(of, { appeal: decided, appealed: false, appealBar: "decided" });
  }
  exportCase(of: ReportId): Promise<Blob> {
    return Promise.resolve(new Blob([JSON.stringify({ case: of })], { type: "application/json" }));
  }
  async reportStatistics(): Promise<ReportStatistics> {
    const count = (unit: string, of: number): ReportCount => ({
      ...{ unit, open: of % 4, dismissed: of % 7, upheld: of % 5 },
    });
    return {
      ...{ fromMs: Date.now() - 365 * DAY_MS, open: 6, dismissed: 41, upheld: 28 },
      ...{ appeals: 5, lifted: 2, medianMs: 5 * HOUR_MS + 20 * 60_000 },
      units: UNITS.slice(1, 9).map(({ unitId }, at) => count(pathOf(unitId), 3 * at + 2)),
      clauses: [1, 2, 3, 4, 5].map((clause) => ({ ...count("", 5 * clause), clause })),
    };
  }
  async sanctions(): Promise<readonly SanctionView[]> {
    return this.#sanctions;
  }
  async acknowledgeSanction(of: ReportId): Promise<void> {
    this.#sanctions = this.#sanctions.map((one) =>
      one.id === of ? { ...one, acknowledged: true } : one,
    );
    this.#changed();
  }
  async appeal(of: ReportId): Promise<void> {
    this.#sanctions = this.#sanctions.map((one) =>
      one.id === of ? { ...one, appeal: "open", mayAppeal: false } : one,
    );
    this.#changed();
  }
}

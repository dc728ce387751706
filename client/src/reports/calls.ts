/** The calls of seam/reports.ts. Their code comes with the first of them. */
import { asFailure } from "../as-failure.ts";
import { failure, hasCode } from "../failure.ts";
import { newId, type ConversationId, type MessageId, type ReportId } from "../ids.ts";
import { APPEAL, WORDS_BYTES, appealPlace } from "../keys/proof.ts";
import { sealEnvelope } from "../keys/sealed-envelope.ts";
import { REPORT_SEALS } from "../limits.ts";
import { fromHex, randomBytes, toHex, utf8 } from "../octets.ts";
import { keysOfPeople, takenInTurn } from "../secrets/people-keys.ts";
import type {
  CaseBox,
  CasePage,
  CaseView,
  DecisionOutcome,
  MyReport,
  NewDecision,
  NewReport,
  ReportReaders,
  SanctionView,
} from "../seam/reports.ts";
import { loadMessage } from "../conversation/messages.ts";
import { META, deleteMeta, putMeta } from "../vault/changes.ts";
import type { Act, Person, ReportStatistics } from "../wire.ts";
import { Cases, type ReportCallsOptions } from "./cases.ts";
import { reportedMessages } from "./gathering.ts";
import { Keeping } from "./keeping.ts";
import { KNOWN_REPORTS, MODERATES, type KnownReports, type ReportRecord } from "./record.ts";
import { Resealing } from "./resealing.ts";
import { ReportSender } from "./sending.ts";
import { sanctionView, sentReport, waitingReport } from "./views.ts";

const MOST_CLAUSE = 255;
const MOST_REASON = 1_000;

export class ReportCalls {
  readonly #options: ReportCallsOptions;
  readonly #sending: ReportSender;
  readonly #cases: Cases;
  readonly #keeping: Keeping;

  constructor(options: ReportCallsOptions) {
    this.#options = options;
    this.#sending = new ReportSender(options.context, options.index);
    this.#cases = new Cases(options);
    this.#keeping = new Keeping(options.context, new Resealing(options.context));
  }

  get #api() {
    return this.#options.context.api;
  }

  /** Send waiting reports; a moderator's device opens new proofs. A field: callers cannot reach it. */
  readonly wake = async (moderates: boolean): Promise<void> => {
    await this.#sending.flush();
    if (!moderates) return;
    try {
      await this.#keeping.run();
      await this.#remember(true);
    } catch (error) {
      if (!hasCode(error, "not_allowed")) throw error;
      await this.#remember(false);
    }
  };

  /** The proofs that somebody opened who moderates no more are forgotten. */
  async #remember(moderates: boolean): Promise<void> {
    const change = moderates ? putMeta(MODERATES, true) : deleteMeta(MODERATES);
    await this.#options.context.vault.write([change]);
    if (!moderates) await this.#keeping.forgetAll();
  }

  // --- Reporting --------------------------------------------------------------------------------

  async reportReaders(id: ConversationId, messageId: MessageId): Promise<ReportReaders> {
    const { context, index } = this.#options;
    const conversation = index.find(id);
    if (conversation === null) throw failure("not_found");
    const rows = await reportedMessages(context, conversation, messageId, true);
    const reported = rows[0]?.messageId ?? messageId;
    const isItself = (one: { readonly messageId: MessageId }) => one.messageId === messageId;
    const { people } = await this.#api.reportReaders({ conversation: id, message: reported });
    await context.time.anchor();
    const keys = await keysOfPeople(
      context,
      people.map(({ personId }) => personId),
    );
    const isReached = (_: Person, at: number) => (keys[at] ?? []).length > 0;
    return {
      people: await this.#platesOf(people.filter(isReached)),
      unreached: await this.#platesOf(people.filter((one, at) => !isReached(one, at))),
      // Without the message itself and its other edits, which are proved as well.
      before: reported === messageId ? rows.length - 1 : rows.findIndex(isItself) - 1,
    };
  }

  async #platesOf(given: readonly Person[]) {
    const { people } = this.#options;
    const ids = given.map(({ personId }) => personId);
    await people.prefetch(ids);
    return people.plates(ids);
  }

  /** Queue a report; it waits for the network if there is none. */
  async report(given: NewReport): Promise<MyReport> {
    const { context, index, oneself } = this.#options;
    const { conversationId, messageId, before, clause } = given;
    const words = given.words.trim();
    requireClause(clause);
    if (utf8(words).length > WORDS_BYTES)
      throw failure("message_invalid", { details: { limit: WORDS_BYTES } });
    const conversation = index.find(conversationId);
    if (conversation === null) throw failure("not_found");
    const [reported] = await reportedMessages(context, conversation, messageId, false);
    const record: ReportRecord = {
      ...{ id: newId<ReportId>(), conversationId, messageId, before, clause, words },
      ...{ createdMs: context.time.now() ?? context.now(), stage: "waiting" },
    };
    await this.#sending.enqueue(record);
    const senderId = reported?.senderId ?? null;
    if (given.alsoBlock === true && senderId !== null) await oneself.block(senderId, true);
    void this.#sending.flush().catch(() => undefined);
    return waitingReport(record);
  }

  /** Newest first. */
  async myReports(): Promise<readonly MyReport[]> {
    const { vault } = this.#options.context;
    const waiting = (await this.#sending.all()).map(waitingReport);
    let sent: KnownReports;
    try {
      sent = await this.#api.ownReports();
      await vault.write([putMeta(KNOWN_REPORTS, { reports: sent.reports } satisfies KnownReports)]);
    } catch (error) {
      if (!asFailure(error).retry) throw error;
      sent = (await vault.get<KnownReports>(META, KNOWN_REPORTS)) ?? { reports: [] };
    }
    const reports = await Promise.all(
      sent.reports.map(sentReport).map(async (one) => {
        const { conversationId, messageId } = one;
        const here = messageId !== null && (await loadMessage(vault, conversationId, messageId));
        return here ? one : { ...one, messageId: null };
      }),
    );
    const all = [...waiting, ...reports];
    return all.sort((one, other) => other.createdMs - one.createdMs);
  }

  // --- Moderating -------------------------------------------------------------------------------

  /** This person holds the right `moderate` over some part, so that there are cases to read. */
  async moderates(): Promise<boolean> {
    try {
      const { rights } = await this.#options.context.api.adminRights();
      const held = rights.some(({ right }) => right === "moderate");
      await this.#remember(held);
      return held;
    } catch (error) {
      if (!asFailure(error).retry) throw error;
      return (await this.#options.context.vault.get<boolean>(META, MODERATES)) === true;
    }
  }

  cases(box: CaseBox, after: string | null): Promise<CasePage> {
    return this.#cases.page(box, after);
  }

  openCase(id: ReportId): Promise<CaseView> {
    return this.#cases.open(id);
  }

  /** JSON that `copconnect reports verify` reads. It holds the opened proof. */
  exportCase(id: ReportId): Promise<Blob> {
    return this.#cases.exported(id);
  }

  /** Take a case, or give it back. */
  async assignCase(id: ReportId, mine: boolean): Promise<void> {
    await this.#perform({ act: "assign_report", reportId: id, take: mine });
  }

  async decideCase(id: ReportId, decision: NewDecision): Promise<DecisionOutcome> {
    requireClause(decision.clause);
    const reason = requireReason(decision.reason);
    const { case: judged } = await this.#api.case(id);
    const { finding, clause } = decision;
    const sanction = decision.sanction === null ? null : { ...decision.sanction };
    // The act names what was judged here, so that the server cannot take it for another case.
    return this.#perform({
      ...{ act: "decide_report", reportId: id, headerHash: toHex(judged.headerHash) },
      ...{ personId: judged.reportedId, finding, clause, reason },
      sanction: sanction === null ? null : { kind: sanction.kind, days: sanction.days },
    });
  }

  /** Agree to a decision that waits, as the second moderator; or refuse it. */
  async answerProposal(id: ReportId, agree: boolean): Promise<void> {
    const proposal = await this.#cases.proposal(id);
    if (proposal === null) throw failure("not_found");
    const { actId, hash } = proposal;
    await this.#perform(
      agree
        ? { act: "approve_act", actId, hash, shown: "" }
        : { act: "refuse_act", actId, hash, reason: "" },
    );
  }

  async decideAppeal(id: ReportId, outcome: "upheld" | "lifted", reason: string): Promise<void> {
    const { case: judged } = await this.#api.case(id);
    await this.#perform({
      ...{ act: "decide_appeal", reportId: id, personId: judged.reportedId, outcome },
      reason: requireReason(reason),
    });
  }

  async #perform(act: Act): Promise<DecisionOutcome> {
    const { state } = await this.#options.acts.perform(act);
    this.#options.context.emit({ type: "reports" });
    return state === "waiting" ? "waiting" : "done";
  }

  /** `path`: of a unit; "": everything that this person may see. */
  reportStatistics(path: string): Promise<ReportStatistics> {
    return this.#api.reportStatistics({ path });
  }

  // --- Sanctions --------------------------------------------------------------------------------

  #now(): number {
    const { time, now } = this.#options.context;
    return time.now() ?? now();
  }

  /** This person's sanctions, newest first. */
  async sanctions(): Promise<readonly SanctionView[]> {
    const { sanctions } = this.#options;
    const known = await sanctions.current().catch((error: unknown) => {
      if (!asFailure(error).retry) throw error;
      return sanctions.all;
    });
    return known.map((one) => sanctionView(one, this.#now()));
  }

  async acknowledgeSanction(id: ReportId): Promise<void> {
    await this.#api.acknowledgeSanction(id);
    this.#options.sanctions.outdated();
    this.#options.context.emit({ type: "reports" });
  }

  async appeal(id: ReportId, given: string): Promise<void> {
    const { context } = this.#options;
    const words = utf8(given.trim());
    if (words.length === 0 || words.length > WORDS_BYTES)
      throw failure("message_invalid", { details: { limit: WORDS_BYTES } });
    await context.time.anchor();
    const { people } = await this.#api.appealReaders(id);
    const keys = await keysOfPeople(
      context,
      people.map(({ personId }) => personId),
    );
    const targets = takenInTurn(keys, REPORT_SEALS);
    if (targets.length === 0) throw failure("moderators_unreachable", { retry: true });
    const place = appealPlace(fromHex(id), fromHex(context.identity().personId));
    const sealed = await sealEnvelope(APPEAL, place, words, targets, randomBytes(32));
    await this.#api.appeal(id, { sealed });
    this.#options.sanctions.outdated();
    context.emit({ type: "reports" });
  }
}

function requireClause(clause: number): void {
  if (!Number.isInteger(clause) || clause < 1 || clause > MOST_CLAUSE)
    throw failure("message_invalid", { details: { limit: MOST_CLAUSE } });
}

function requireReason(given: string): string {
  const reason = given.trim();
  if (reason === "" || [...reason].length > MOST_REASON)
    throw failure("message_invalid", { details: { limit: MOST_REASON } });
  return reason;
}

/** The cases of a moderator: listed, opened, judged on this device, exported. */
import type { DeviceContext } from "../context.ts";
import { asFailure } from "../as-failure.ts";
import { hasCode } from "../failure.ts";
import { idOf, type ActId, type ConversationId, type DeviceId, type ReportId } from "../ids.ts";
import { hash } from "../keys/format/hashing.ts";
import { Refused } from "../keys/format/refused.ts";
import { APPEAL, REPORT, appealPlace, reportPlace, type JudgedMessage } from "../keys/proof.ts";
import { ActFormat, isSigned } from "../keys/trust/admin-act.ts";
import { fromHex, toHex } from "../octets.ts";
import type { CaseAppeal, CaseBox, CasePage, CaseView, ProposedDecision } from "../seam/reports.ts";
import type { Act, CaseDetail, DecideReport, WaitingAct } from "../wire.ts";
import { exportedCase } from "./exporting.ts";
import { judgeContent, openKept, opens, placeOf, type JudgedProof } from "./judging.ts";
import { caseDecision, caseItem, provenMessage, sanctionView, type PlateOf } from "./views.ts";
import type { Acts } from "../account/acts.ts";
import type { ConversationIndex } from "../conversation/conversation.ts";
import type { ViewMaker } from "../messages/views.ts";
import type { Oneself } from "../oneself/oneself.ts";
import type { PeopleDirectory } from "../people/people.ts";
import type { OwnSanctions } from "../account/own-sanctions.ts";

type Proposals = ReadonlyMap<ReportId, ProposedDecision>;

interface OpenedCase {
  readonly judged: JudgedProof | null;
  /** Why the proof does not open here, or does not fit. */
  readonly failed: string | null;
}

export class Cases {
  readonly #options: Omit<ReportCallsOptions, "index" | "oneself" | "acts" | "sanctions">;

  constructor(options: Omit<ReportCallsOptions, "index" | "oneself" | "acts" | "sanctions">) {
    this.#options = options;
  }

  get #context(): DeviceContext {
    return this.#options.context;
  }

  #plate: PlateOf = (personId) => this.#options.people.plate(personId);

  async page(box: CaseBox, after: string | null): Promise<CasePage> {
    const { cases, people, next } = await this.#context.api.cases({ box, after });
    await this.#options.people.prefetch(people.map(({ personId }) => personId));
    const proposals = await this.#proposals();
    const items = cases.map(async (one) =>
      caseItem(one, this.#plate, {
        opens: await opens(this.#context, one),
        proposed: proposals.has(one.reportId),
      }),
    );
    return { cases: await Promise.all(items), next };
  }

  async open(id: ReportId): Promise<CaseView> {
    const detail = await this.#context.api.case(id);
    const { case: given, people, decision, sanction, bar, appealBar } = detail;
    const { judged, failed } = await this.#opened(detail);
    const messages = judged?.messages ?? [];
    const shown = [...people.map(({ personId }) => personId), ...messages.map((m) => m.personId)];
    await this.#options.people.prefetch(shown);
    const proof = judged?.proof ?? null;
    const proposal = (await this.#proposals()).get(id) ?? null;
    const now = this.#context.time.now() ?? this.#context.now();
    const item = await caseItem(given, this.#plate, {
      opens: proof !== null,
      proposed: proposal !== null,
    });
    return {
      ...item,
      ...{ words: proof?.words ?? null, failed, proposal },
      clauseDiffers: proof !== null && proof.clause !== given.clause,
      proven: await Promise.all(
        messages.map((one, at) => this.#proven(given.conversationId, one, at === 0)),
      ),
      decision: await caseDecision(decision, this.#plate),
      sanction: sanction === null ? null : sanctionView(sanction, now),
      appeal: await this.#appeal(detail),
      ...{ bar, appealBar },
    };
  }

  /** A file for `copconnect reports verify`. */
  async exported(id: ReportId): Promise<Blob> {
    const detail = await this.#context.api.case(id);
    const { judged, failed } = await this.#opened(detail);
    return exportedCase(this.#context, detail, judged, failed);
  }

  async proposal(id: ReportId): Promise<ProposedDecision | null> {
    return (await this.#proposals()).get(id) ?? null;
  }

  async #opened({ case: given, sealed, seals }: CaseDetail): Promise<OpenedCase> {
    if (sealed === null) return { judged: null, failed: "F2: the proof is kept no more" };
    const place = placeOf(given);
    try {
      const { reportId } = given;
      const at = reportPlace(place);
      const content = await openKept(this.#context, REPORT, reportId, sealed, at, seals);
      const judged = await judgeContent(this.#context, content, place);
      return { judged, failed: judged.failed };
    } catch (error) {
      if (!(error instanceof Refused)) throw error;
      return { judged: null, failed: error.message };
    }
  }

  async #proven(conversationId: ConversationId, judged: JudgedMessage, reported: boolean) {
    const { trust } = this.#context;
    const { messageId, personId, device, sentMs, failed } = judged;
    const known = failed === null;
    const confirmed = known && (await trust.verdict(personId, device, sentMs)).confirmed !== "no";
    const { views } = this.#options;
    return provenMessage(judged, reported, confirmed, this.#plate, (pointers) =>
      // This device never had the conversation: the proof alone says where they are.
      views.attachments(pointers, { conversationId, messageId }),
    );
  }

  async #appeal(detail: CaseDetail): Promise<CaseAppeal | null> {
    const { appeal } = detail;
    if (appeal === null) return null;
    const { createdMs, outcome, reason, decidedMs } = appeal;
    return {
      ...{ state: outcome ?? "open", createdMs, decidedMs },
      words: await this.#appealWords(detail),
      reason: reason === "" ? null : reason,
    };
  }

  async #appealWords({ case: given, appeal }: CaseDetail): Promise<string | null> {
    if (appeal === null) return null;
    const place = appealPlace(fromHex(given.reportId), fromHex(given.reportedId));
    const { sealed, seals } = appeal;
    try {
      const words = await openKept(this.#context, APPEAL, given.reportId, sealed, place, seals);
      return new TextDecoder("utf-8", { fatal: true }).decode(words);
    } catch (error) {
      if (error instanceof Refused || error instanceof TypeError) return null;
      throw error;
    }
  }

  // --- Decisions that wait for a second moderator -----------------------------------------------

  /** By case, read from what the first moderator's device signed, never from what the server says. */
  async #proposals(): Promise<Proposals> {
    let acts: readonly WaitingAct[];
    try {
      ({ acts } = await this.#context.api.waitingActs());
    } catch (error) {
      if (!asFailure(error).retry && !hasCode(error, "not_allowed")) throw error;
      return new Map();
    }
    const found = new Map<ReportId, ProposedDecision>();
    for (const one of acts) {
      const proposal = await this.#proposed(one);
      if (proposal !== null) found.set(proposal.reportId, proposal.decision);
    }
    return found;
  }

  async #proposed(waiting: WaitingAct) {
    try {
      const record = ActFormat.parse(waiting.record);
      const act = JSON.parse(new TextDecoder().decode(record.body)) as Act;
      if (act.act !== "decide_report") return null;
      return {
        reportId: act.reportId,
        decision: await this.#proposedDecision(waiting, record, act),
      };
    } catch (error) {
      if (error instanceof Refused || error instanceof SyntaxError) return null;
      throw error;
    }
  }

  async #proposedDecision(
    { by, own, expiresMs }: WaitingAct,
    record: ReturnType<typeof ActFormat.parse>,
    act: DecideReport,
  ): Promise<ProposedDecision> {
    const { trust } = this.#context;
    await trust.ensure([by.personId]).catch(() => undefined);
    const device = idOf<DeviceId>(record.device);
    const certificate = await trust.certificateOf(by.personId, device);
    const { finding, clause, reason, sanction } = act;
    return {
      ...{ actId: idOf<ActId>(record.actId), hash: toHex(hash(record.bytes)) },
      ...{ finding, clause, reason, sanction, own, expiresMs },
      by: await this.#plate(by.personId),
      genuine: certificate !== null && (await isSigned(record, certificate.publicKey)),
    };
  }
}

/** The parts of a running device that calls about reports need. */
export interface ReportCallsOptions {
  readonly context: DeviceContext;
  readonly index: ConversationIndex;
  readonly views: Pick<ViewMaker, "attachments">;
  readonly people: Pick<PeopleDirectory, "plate" | "plates" | "prefetch">;
  readonly oneself: Pick<Oneself, "block">;
  readonly acts: Acts;
  readonly sanctions: OwnSanctions;
}

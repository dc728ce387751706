/**
 * Reports on their way. One that is made without a network waits in the vault and leaves with the next
 * connection.
 *
 * Stages (ReportRecord): `waiting` → `sealed` → gone once the server has it, or `refused`. Each is
 * stored before the next begins; a crash repeats a step, and the server takes a report once. If the
 * moderators' keys are others meanwhile, the report is sealed again under the same id.
 */
import type { ConversationIndex } from "../conversation/conversation.ts";
import type { DeviceContext } from "../context.ts";
import { asFailure } from "../as-failure.ts";
import { failure } from "../failure.ts";
import type { ReportId } from "../ids.ts";
import { Refused } from "../keys/format/refused.ts";
import {
  REPORT,
  encodeProof,
  judgeProof,
  reportPlace,
  signedHeaderHash,
  type Proof,
  type ProofItem,
  type ReportPlace,
} from "../keys/proof.ts";
import { sealEnvelope } from "../keys/sealed-envelope.ts";
import { REPORT_SEALS } from "../limits.ts";
import { copy, fromHex, randomBytes } from "../octets.ts";
import { keysOfPeople, takenInTurn } from "../secrets/people-keys.ts";
import { delayMs, pause } from "../transport/backoff.ts";
import { gatherProof, reportedMessages } from "./gathering.ts";
import { senderKeyOf } from "./judging.ts";
import { REPORT_STORES, type ReportRecord } from "./record.ts";

type Sealed = Extract<ReportRecord, { stage: "sealed" }>;

const RETRY = { firstMs: 2_000, maxMs: 120_000 };
/** So often a report is sealed again in one go, where keys change while it is on its way. */
const TRIES = 2;

export class ReportSender {
  readonly #context: DeviceContext;
  readonly #index: ConversationIndex;
  #pumping: Promise<void> | null = null;
  #attempt = 0;

  constructor(context: DeviceContext, index: ConversationIndex) {
    this.#context = context;
    this.#index = index;
  }

  all(): Promise<readonly ReportRecord[]> {
    return this.#context.vault.all<ReportRecord>(REPORT_STORES.own);
  }

  /** Store it; {@link flush} sends it. */
  async enqueue(record: ReportRecord): Promise<void> {
    await this.#put(record);
  }

  /** Send waiting reports; a report that fails for want of a network stays in the queue. */
  flush(): Promise<void> {
    this.#pumping ??= this.#pump().finally(() => {
      this.#pumping = null;
    });
    return this.#pumping;
  }

  async #pump(): Promise<void> {
    for (const record of await this.all()) {
      if (record.stage === "refused") continue;
      try {
        await this.#send(record, TRIES);
        this.#attempt = 0;
      } catch (error) {
        const { code, retry } = asFailure(error);
        if (code === "locked") return;
        if (retry) return this.#later();
        await this.#refuse(record, code);
      }
    }
  }

  /** Try again after a while, also where the connection stays. */
  #later(): void {
    const { signal, random } = this.#context;
    void pause(delayMs(RETRY, this.#attempt++, random), signal).then(() => {
      if (!signal.aborted) void this.flush().catch(() => undefined);
    });
  }

  async #send(record: ReportRecord, tries: number): Promise<void> {
    const sealed = record.stage === "sealed" ? record : await this.#seal(record);
    const { id, conversationId, reportedId: messageId, clause, messages } = sealed;
    try {
      await this.#context.api.submitReport({
        ...{ reportId: id, conversationId, messageId, clause, messages },
        headerHash: copy(sealed.headerHash),
        sealed: copy(sealed.sealed),
      });
    } catch (error) {
      const { code, details } = asFailure(error);
      const others = code === "report_invalid" && details["reason"] === "readers";
      if (!others || tries === 0) throw error;
      return this.#send({ ...waiting(record), stage: "waiting" }, tries - 1);
    }
    await this.#context.vault.write([{ op: "delete", store: REPORT_STORES.own, key: id }]);
    this.#context.emit({ type: "reports" });
  }

  async #seal(record: ReportRecord): Promise<Sealed> {
    const { id, conversationId, messageId, before, clause, words } = record;
    const context = this.#context;
    const conversation = this.#index.find(conversationId);
    if (conversation === null) throw failure("not_found");
    await context.time.anchor();
    const rows = await reportedMessages(context, conversation, messageId, before);
    const gathered = await gatherProof(context, conversation, rows);
    const [first] = gathered;
    const reportedId = rows[0]?.messageId;
    if (first === undefined || reportedId === undefined) throw failure("not_found");
    const headerHash = signedHeaderHash(first.message);
    const place: ReportPlace = {
      report: fromHex(id),
      conversation: fromHex(conversationId),
      messageId: fromHex(reportedId),
      headerHash,
    };
    const items = await this.#provable(place, { clause, words, items: gathered });
    const { people } = await context.api.reportReaders({
      conversation: conversationId,
      message: reportedId,
    });
    const keys = await keysOfPeople(
      context,
      people.map(({ personId }) => personId),
    );
    const targets = takenInTurn(keys, REPORT_SEALS);
    if (targets.length === 0) throw failure("moderators_unreachable", { retry: true });
    const content = encodeProof({ clause, words, items });
    const sealed = await sealEnvelope(
      REPORT,
      reportPlace(place),
      content,
      targets,
      randomBytes(32),
    );
    const next: Sealed = {
      ...waiting(record),
      ...{ stage: "sealed", reportedId, headerHash, messages: items.length, sealed },
    };
    await this.#put(next);
    return next;
  }

  /** The items whose proof holds; the reported one must. Those before it are left out together. */
  async #provable(place: ReportPlace, proof: Proof): Promise<readonly ProofItem[]> {
    const keyOf = senderKeyOf(this.#context);
    try {
      const judged = await judgeProof(proof, place, keyOf);
      const items = proof.items.filter((_, at) => judged[at]?.failed === null);
      if (judged[0]?.failed === null) return items;
      throw failure("report_unprovable", { details: { reason: judged[0]?.failed ?? "" } });
    } catch (error) {
      const alone = proof.items.slice(0, 1);
      if (!(error instanceof Refused) || alone.length === proof.items.length) throw error;
      return this.#provable(place, { ...proof, items: alone });
    }
  }

  async #refuse(record: ReportRecord, code: string): Promise<void> {
    await this.#put({ ...waiting(record), stage: "refused", code });
  }

  async #put(record: ReportRecord): Promise<void> {
    const place = { store: REPORT_STORES.own, key: record.id };
    await this.#context.vault.write([{ op: "put", ...place, value: record }], true);
    this.#context.emit({ type: "reports" });
  }
}

function waiting({ id, ...record }: ReportRecord) {
  const { conversationId, messageId, before, clause, words, createdMs } = record;
  return { id: id satisfies ReportId, conversationId, messageId, before, clause, words, createdMs };
}

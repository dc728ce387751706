/**
 * Reports of the server in memory: it stores what it cannot read for those whom a test names as
 * moderators. Rights, limits and decisions are held to their rules on the real server
 * (tests/reports); cores are held to theirs against this one.
 */
import { SIGNED_HEADER_BYTES, parseMessage } from "../../../src/keys/message.ts";
import { REPORT } from "../../../src/keys/proof.ts";
import { parseEnvelope } from "../../../src/keys/sealed-envelope.ts";
import { hash } from "../../../src/keys/format/hashing.ts";
import { idOf, type ConversationId, type MessageId } from "../../../src/ids.ts";
import type { PersonId, ReportId } from "../../../src/ids.ts";
import { equalBytes, fromHex } from "../../../src/octets.ts";
import type * as wire from "../../../src/wire.ts";
import type { ServerPorts } from "../ports.ts";
import { Refusal } from "../refusal.ts";
import type { ClientState } from "../state.ts";

interface Stored {
  readonly reporter: PersonId;
  readonly reported: PersonId;
  readonly body: wire.SubmitReport;
  readonly createdMs: number;
}

/** The cards of people, as the role of people has them. */
interface Cards {
  plate(personId: PersonId): wire.Person;
}

export class Reports {
  readonly #server: ServerPorts & { readonly people: Cards };
  moderators: PersonId[] = [];
  readonly stored = new Map<ReportId, Stored>();

  constructor(server: ServerPorts & { readonly people: Cards }) {
    this.#server = server;
  }

  readers(): wire.ReportReaders {
    return { people: this.moderators.map((one) => this.#server.people.plate(one)) };
  }

  post(caller: ClientState, body: wire.SubmitReport): wire.OwnReport {
    const { reportId, conversationId, messageId, headerHash } = body;
    const reported = this.#sender(conversationId, messageId, headerHash);
    parseEnvelope(REPORT, body.sealed);
    const known = this.stored.get(reportId);
    const createdMs = known?.createdMs ?? this.#server.now();
    if (known === undefined)
      this.stored.set(reportId, { reporter: caller.personId, reported, body, createdMs });
    return this.#own(reportId);
  }

  #sender(id: ConversationId, messageId: MessageId, headerHash: Uint8Array): PersonId {
    const conversation = this.#server.state.conversations.get(id);
    for (const { entry, personId } of conversation?.log ?? []) {
      const { message } = entry;
      const { header } = parseMessage(message, fromHex(id));
      if (idOf<MessageId>(header.message) !== messageId) continue;
      if (equalBytes(hash(message.subarray(0, SIGNED_HEADER_BYTES)), headerHash)) return personId;
      throw new Refusal("report_invalid", { reason: "header_hash" });
    }
    throw new Refusal("not_found");
  }

  #find(id: ReportId): Stored {
    const stored = this.stored.get(id);
    if (stored === undefined) throw new Refusal("not_found");
    return stored;
  }

  #own(id: ReportId): wire.OwnReport {
    const { body, createdMs } = this.#find(id);
    const { conversationId, messageId, clause } = body;
    return {
      ...{ reportId: id, conversationId, messageId, clause, createdMs },
      ...{ state: "open", finding: null, decidedMs: null },
    };
  }

  mine(caller: ClientState): wire.OwnReports {
    const own = [...this.stored].filter(([, { reporter }]) => reporter === caller.personId);
    return { reports: own.map(([id]) => this.#own(id)) };
  }

  #case(id: ReportId): wire.Case {
    const { body, reported, createdMs } = this.#find(id);
    const { conversationId, messageId, headerHash, clause, messages, sealed } = body;
    const keyIds = parseEnvelope(REPORT, sealed).keyIds.map((one) => fromHex(one));
    return {
      ...{ reportId: id, conversationId, messageId, headerHash, clause, messages, createdMs },
      ...{ reportedId: reported, path: "", state: "open", assigneeId: null, finding: null },
      ...{ decidedMs: null, others: 0, appealed: false, keyIds },
    };
  }

  #require(caller: ClientState): void {
    if (!this.moderators.includes(caller.personId)) throw new Refusal("not_allowed");
  }

  cases(caller: ClientState, box: string): wire.Cases {
    this.#require(caller);
    const ids = box === "open" ? [...this.stored.keys()] : [];
    return { cases: ids.map((id) => this.#case(id)), people: [], next: null };
  }

  /** Empty: no moderator comes later here. The rule is tested at the server (tests/reports). */
  wanting(caller: ClientState): wire.WantingCases {
    this.#require(caller);
    return { cases: [], next: null };
  }

  one(caller: ClientState, id: ReportId): wire.CaseDetail {
    this.#require(caller);
    return {
      ...{ case: this.#case(id), people: [], sealed: this.#find(id).body.sealed },
      seals: [],
      ...{ decision: null, sanction: null, appeal: null, bar: null, appealBar: "decided" },
    };
  }
}

/** The server's routes of reports and sanctions, typed (docs/protocol.md, "Routes"). No state. */
import type { ConversationId, MessageId, ReportId } from "../ids.ts";
import type * as wire from "../wire.ts";
import type { Http } from "./http.ts";

/** A proof of up to 2 MiB, over a slow network. */
const PROOF_TIMEOUT_MS = 60_000;

export class ReportApi {
  readonly #http: Http;

  constructor(http: Http) {
    this.#http = http;
  }

  #get<T>(path: string, asked: Readonly<Record<string, string>> = {}, timeoutMs = 15_000) {
    const text = new URLSearchParams(asked).toString();
    const whole = text === "" ? path : `${path}?${text}`;
    return this.#http.call<T>({ method: "GET", path: whole, timeoutMs });
  }

  readers(conversation: ConversationId, message: MessageId): Promise<wire.ReportReaders> {
    return this.#get("/v1/reports/readers", { conversation, message });
  }

  post(body: wire.PostReport): Promise<wire.OwnReport> {
    const path = "/v1/reports";
    return this.#http.call({ method: "POST", path, body, timeoutMs: PROOF_TIMEOUT_MS });
  }

  mine(): Promise<wire.OwnReports> {
    return this.#get("/v1/reports/mine");
  }

  cases(box: wire.CaseBox, after: string | null): Promise<wire.Cases> {
    return this.#get("/v1/reports", { box, ...(after === null ? {} : { after }) });
  }

  case(id: ReportId): Promise<wire.CaseDetail> {
    return this.#get(`/v1/reports/${id}`, {}, PROOF_TIMEOUT_MS);
  }

  wanting(envelope: wire.CaseEnvelope, after: string | null): Promise<wire.WantingCases> {
    return this.#get("/v1/reports/wanting", { envelope, ...(after === null ? {} : { after }) });
  }

  seal(id: ReportId, body: wire.PostSeals): Promise<wire.SealsAdded> {
    return this.#http.call({ method: "POST", path: `/v1/reports/${id}/seals`, body });
  }

  statistics(path: string): Promise<wire.ReportStatistics> {
    return this.#get("/v1/reports/statistics", path === "" ? {} : { path });
  }

  sanctions(): Promise<wire.Sanctions> {
    return this.#get("/v1/sanctions");
  }

  acknowledge(id: ReportId): Promise<wire.Sanction> {
    return this.#http.call({ method: "POST", path: `/v1/sanctions/${id}/acknowledgement` });
  }

  appealReaders(id: ReportId): Promise<wire.ReportReaders> {
    return this.#get(`/v1/sanctions/${id}/readers`);
  }

  appeal(id: ReportId, body: wire.PostAppeal): Promise<wire.Sanction> {
    return this.#http.call({ method: "POST", path: `/v1/sanctions/${id}/appeal`, body });
  }
}

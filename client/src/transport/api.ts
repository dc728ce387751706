/** The server's routes, typed (docs/protocol.md, "Routes"). One method for each; no state. */
import type { Bytes } from "../octets.ts";
import { unpack } from "../unpack.ts";
import type * as wire from "../wire.ts";
import type { Http } from "./http.ts";

const GROUP_INFO_TIMEOUT_MS = 60_000;

function query(
  parameters: Readonly<Record<string, string | number | boolean | undefined>>,
): string {
  const search = new URLSearchParams();
  for (const [name, value] of Object.entries(parameters)) {
    if (value !== undefined && value !== "") search.set(name, String(value));
  }
  const text = search.toString();
  return text === "" ? "" : `?${text}`;
}

export class Api {
  readonly #http: Http;

  constructor(http: Http) {
    this.#http = http;
  }

  #get<T>(path: string): Promise<T> {
    return this.#http.call<T>({ method: "GET", path });
  }

  #post<T>(path: string, body?: unknown, timeoutMs?: number): Promise<T> {
    return this.#http.call<T>({
      method: "POST",
      path,
      body,
      ...(timeoutMs === undefined ? {} : { timeoutMs }),
    });
  }

  // Registration. Asking for a code again would send another SMS, so it is not repeated.
  requestCode(body: wire.RequestCode): Promise<wire.CodeRequested> {
    return this.#http.call({ method: "POST", path: "/v1/registration/numbers", body, repeats: 0 });
  }
  submitCode(body: wire.SubmitCode): Promise<wire.RegistrationStep> {
    return this.#http.call({ method: "POST", path: "/v1/registration/codes", body, repeats: 0 });
  }
  submitEnrolmentCode(body: wire.SubmitEnrolmentCode): Promise<wire.RegistrationStep> {
    const path = "/v1/registration/enrolment-codes";
    return this.#http.call({ method: "POST", path, body, repeats: 0 });
  }
  checkRegistration(body: wire.CheckRegistration): Promise<wire.RegistrationStep> {
    return this.#post("/v1/registration/status", body);
  }
  registerClient(body: wire.RegisterClient): Promise<wire.ClientRegistered> {
    return this.#post("/v1/registration/clients", body);
  }
  trust(): Promise<wire.Trust> {
    return this.#get("/v1/trust");
  }
  conduct(language: wire.Language): Promise<wire.ConductCode> {
    return this.#get(`/v1/conduct${query({ language })}`);
  }
  acceptConduct(body: wire.AcceptConduct): Promise<wire.Me> {
    return this.#post("/v1/conduct/acceptances", body);
  }
  me(): Promise<wire.Me> {
    return this.#get("/v1/me");
  }
  renewCertificate(body: wire.RenewCertificate): Promise<wire.CertificateRenewed> {
    return this.#post("/v1/certificates", body);
  }
  revokeClient(clientId: string): Promise<wire.Me> {
    return this.#http.call({ method: "DELETE", path: `/v1/clients/${clientId}` });
  }
  signOut(): Promise<void> {
    return this.#http.call({ method: "POST", path: "/v1/sign-out", repeats: 0, timeoutMs: 5_000 });
  }
  approvals(): Promise<wire.PendingApprovals> {
    return this.#get("/v1/approvals");
  }
  decideApproval(approvalId: string, body: wire.DecideApproval): Promise<wire.PendingApprovals> {
    return this.#post(`/v1/approvals/${approvalId}`, body);
  }

  // People.
  /** Null when the directory is still at `version`. */
  async directory(version: string | null): Promise<wire.Directory | null> {
    const headers: Record<string, string> = {};
    if (version !== null) headers["if-none-match"] = `"${version}"`;
    const path = "/v1/directory";
    const answer = await this.#http.send({ method: "GET", path, headers, timeoutMs: 30_000 });
    if (answer.status === 304) return null;
    return unpack(answer.bytes) as wire.Directory;
  }
  people(parameters: Readonly<Record<string, string | number | boolean | undefined>>) {
    return this.#get<wire.People>(`/v1/people${query(parameters)}`);
  }
  person(personId: string): Promise<wire.Person> {
    return this.#get(`/v1/people/${personId}`);
  }
  lookUpPeople(body: wire.LookUpPeople): Promise<wire.People> {
    return this.#post("/v1/people/lookups", body);
  }

  // Key packages.
  uploadKeyPackages(body: wire.UploadKeyPackages): Promise<wire.KeyPackageCounts> {
    return this.#post("/v1/key-packages", body, GROUP_INFO_TIMEOUT_MS);
  }
  keyPackageCounts(): Promise<wire.KeyPackageCounts> {
    return this.#get("/v1/key-packages");
  }
  claimKeyPackages(body: wire.ClaimKeyPackages): Promise<wire.ClaimedKeyPackages> {
    return this.#post("/v1/key-packages/claims", body);
  }

  // Conversations.
  createConversation(body: wire.CreateConversation): Promise<wire.Conversation> {
    return this.#post("/v1/conversations", body);
  }
  conversations(): Promise<wire.Conversations> {
    return this.#get("/v1/conversations");
  }
  conversation(id: string): Promise<wire.Conversation> {
    return this.#get(`/v1/conversations/${id}`);
  }
  members(id: string, after: string | null, text = ""): Promise<wire.Members> {
    const asked = query({ text, after: after ?? undefined });
    return this.#get(`/v1/conversations/${id}/members${asked}`);
  }
  /** Of this person's newest messages, or of the one with this seq. */
  receipts(id: string, seq: number | null): Promise<wire.CountedReceipts> {
    return this.#get(`/v1/conversations/${id}/receipts${query({ seq: seq ?? undefined })}`);
  }
  changeMembers(id: string, body: wire.ChangeMembers): Promise<wire.Conversation> {
    return this.#post(`/v1/conversations/${id}/members`, body);
  }
  changePolicy(id: string, body: wire.ChangePolicy): Promise<wire.Conversation> {
    return this.#http.call({ method: "PUT", path: `/v1/conversations/${id}/policy`, body });
  }
  setPreferences(id: string, body: wire.SetPreferences): Promise<wire.Conversation> {
    return this.#http.call({ method: "PUT", path: `/v1/conversations/${id}/preferences`, body });
  }
  roster(id: string): Promise<wire.SignedRoster> {
    return this.#get(`/v1/conversations/${id}/roster`);
  }
  cellRoster(id: string, cellId: string): Promise<wire.CellRoster> {
    return this.#get(`/v1/conversations/${id}/cells/${cellId}/roster`);
  }
  rosterHeads(id: string, from: number, to: number): Promise<wire.RosterHeads> {
    return this.#get(`/v1/conversations/${id}/roster/heads${query({ from, to })}`);
  }
  rosterCells(id: string): Promise<wire.RosterCells> {
    return this.#get(`/v1/conversations/${id}/roster/cells`);
  }
  cellKeys(id: string, since: number): Promise<wire.CellKeys> {
    return this.#http.call({
      method: "GET",
      path: `/v1/conversations/${id}/keys${query({ since })}`,
      timeoutMs: 60_000,
    });
  }
  async uploadKeyRecord(id: string, cellId: string, body: wire.UploadKeyRecord): Promise<void> {
    const path = `/v1/conversations/${id}/cells/${cellId}/key-record`;
    await this.#http.call({ method: "PUT", path, body });
  }
  log(id: string, after: number, limit: number): Promise<wire.LogPage> {
    return this.#http.call({
      method: "GET",
      path: `/v1/conversations/${id}/log${query({ after, limit })}`,
      timeoutMs: 30_000,
    });
  }
  postMessage(id: string, body: wire.PostMessage): Promise<wire.Accepted> {
    return this.#post(`/v1/conversations/${id}/messages`, body);
  }
  postSealed(id: string, body: wire.PostSealed): Promise<wire.Accepted> {
    return this.#post(`/v1/conversations/${id}/sealed`, body, GROUP_INFO_TIMEOUT_MS);
  }
  sealedChain(id: string): Promise<wire.SenderChain> {
    return this.#get(`/v1/conversations/${id}/sealed/chain`);
  }
  sealedEntry(id: string, seq: number): Promise<wire.LogEntry> {
    return this.#get(`/v1/conversations/${id}/sealed/${seq}`);
  }
  sealsWanted(id: string): Promise<wire.SealsWanted> {
    return this.#get(`/v1/conversations/${id}/sealed/wanted`);
  }
  async lateSeals(id: string, seq: number, body: wire.LateSeals): Promise<void> {
    const path = `/v1/conversations/${id}/sealed/${seq}/seals`;
    await this.#http.call({ method: "POST", path, body, timeoutMs: GROUP_INFO_TIMEOUT_MS });
  }
  uploadCommit(id: string, cellId: string, body: wire.UploadCommit): Promise<wire.Accepted> {
    const path = `/v1/conversations/${id}/cells/${cellId}/commits`;
    return this.#post(path, body, GROUP_INFO_TIMEOUT_MS);
  }
  lease(id: string, cellId: string): Promise<wire.GroupInfoLease> {
    const path = `/v1/conversations/${id}/cells/${cellId}/leases`;
    return this.#post(path, undefined, GROUP_INFO_TIMEOUT_MS);
  }
  welcome(id: string, cellId: string): Promise<wire.PendingWelcome> {
    return this.#get(`/v1/conversations/${id}/cells/${cellId}/welcome`);
  }
  forgetWelcome(id: string, cellId: string): Promise<void> {
    const path = `/v1/conversations/${id}/cells/${cellId}/welcome`;
    return this.#http.call({ method: "DELETE", path });
  }

  // Attachments.
  beginAttachment(body: wire.BeginAttachment, signal: AbortSignal): Promise<wire.AttachmentStatus> {
    return this.#http.call({ method: "POST", path: "/v1/attachments", body, signal });
  }
  putChunk(id: string, index: number, raw: Bytes, signal: AbortSignal) {
    const path = `/v1/attachments/${id}/chunks/${index}`;
    return this.#http.call<wire.AttachmentStatus>({
      method: "PUT",
      path,
      raw,
      signal,
      timeoutMs: 120_000,
    });
  }
  async chunk(id: string, index: number, signal: AbortSignal): Promise<Bytes> {
    const path = `/v1/attachments/${id}/chunks/${index}`;
    const answer = await this.#http.send({ method: "GET", path, signal, timeoutMs: 120_000 });
    return answer.bytes;
  }
  deleteAttachment(id: string): Promise<void> {
    return this.#http.call({ method: "DELETE", path: `/v1/attachments/${id}` });
  }
}

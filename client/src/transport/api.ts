/** The server's routes, typed (docs/protocol.md, "Routes"). One method for each; no state. */
import type {
  AttachmentId,
  CellId,
  ClientId,
  ConfirmationId,
  ConversationId,
  DeviceId,
  KeyId,
  PersonId,
  PostId,
  UnitId,
  UploadId,
} from "../ids.ts";
import type { Bytes } from "../octets.ts";
import { unpack } from "../unpack.ts";
import type * as wire from "../wire.ts";
import { DEFAULT_TIMEOUT_MS, type Http } from "./http.ts";
import { given, query, type Query } from "./query.ts";
import { ConductApi } from "./conduct-api.ts";
import { OrderApi } from "./order-api.ts";
import { ReportApi } from "./report-api.ts";
import { TrainingApi } from "./training-api.ts";

/** Records with up to 2 MiB of seals, over a slow network. */
const SEALS_TIMEOUT_MS = 60_000;
const LOG_TIMEOUT_MS = 30_000;
/** An act may import a hundred thousand rows. */
const ACT_TIMEOUT_MS = 180_000;
const FILE_TIMEOUT_MS = 120_000;

export class Api {
  readonly orders: OrderApi;
  readonly reports: ReportApi;
  readonly conductConsole: ConductApi;
  readonly training: TrainingApi;
  readonly #http: Http;

  constructor(http: Http) {
    this.#http = http;
    this.orders = new OrderApi(http);
    this.reports = new ReportApi(http);
    this.conductConsole = new ConductApi(http);
    this.training = new TrainingApi(http);
  }

  #get<T>(path: string): Promise<T> {
    return this.#http.call<T>({ method: "GET", path });
  }

  #post<T>(path: string, body?: unknown, timeoutMs = DEFAULT_TIMEOUT_MS): Promise<T> {
    return this.#http.call<T>({ method: "POST", path, body, timeoutMs });
  }

  #put<T>(path: string, body: unknown): Promise<T> {
    return this.#http.call<T>({ method: "PUT", path, body });
  }

  #once<T>(path: string, body: unknown): Promise<T> {
    return this.#http.call<T>({ method: "POST", path, body, repeats: 0 });
  }

  #delete<T>(path: string): Promise<T> {
    return this.#http.call<T>({ method: "DELETE", path });
  }

  async #file(path: string): Promise<Bytes> {
    const answer = await this.#http.send({ method: "GET", path, timeoutMs: FILE_TIMEOUT_MS });
    return answer.bytes;
  }

  // Registration. A repetition would send another text, or use up a try.
  requestCode = (body: wire.RequestCode): Promise<wire.CodeRequested> =>
    this.#once("/v1/registration/numbers", body);
  submitCode = (body: wire.SubmitCode): Promise<wire.RegistrationStep> =>
    this.#once("/v1/registration/codes", body);
  submitEnrolmentCode = (body: wire.SubmitEnrolmentCode): Promise<wire.RegistrationStep> =>
    this.#once("/v1/registration/enrolment-codes", body);
  registerWithoutText = (body: wire.RegisterWithoutText): Promise<wire.RegistrationStep> =>
    this.#once("/v1/registration/without-text", body);
  checkRegistration = (body: wire.CheckRegistration): Promise<wire.RegistrationStep> =>
    this.#post("/v1/registration/status", body);
  registerClient = (body: wire.RegisterClient): Promise<wire.ClientRegistered> =>
    this.#post("/v1/registration/clients", body);
  conduct(language: wire.Language, version?: number): Promise<wire.ConductCode> {
    return this.#get(`/v1/conduct${query({ language, version })}`);
  }
  acceptConduct(body: wire.AcceptConduct): Promise<wire.Me> {
    return this.#post("/v1/conduct/acceptances", body);
  }
  guard(): Promise<wire.Guard> {
    return this.#get("/v1/guard");
  }
  guardWeights(): Promise<wire.GuardWeights> {
    return this.#get("/v1/guard/weights");
  }
  guardPictures(after: number, to: number): Promise<wire.GuardPictures> {
    return this.#get(`/v1/guard/pictures?after=${String(after)}&to=${String(to)}`);
  }
  me(): Promise<wire.Me> {
    return this.#get("/v1/me");
  }
  renewCertificate(body: wire.RenewCertificate): Promise<wire.CertificateRenewed> {
    return this.#http.call({ method: "POST", path: "/v1/certificates", body, signed: true });
  }
  renameClient(clientId: ClientId, body: wire.RenameClient): Promise<wire.Me> {
    return this.#put(`/v1/clients/${clientId}/label`, body);
  }
  signOut(body: wire.SignOut): Promise<void> {
    const options = { signed: true, repeats: 0, timeoutMs: 5_000 };
    return this.#http.call({ method: "POST", path: "/v1/sign-out", body, ...options });
  }

  // Trust.
  trust(): Promise<wire.Trust> {
    return this.#get("/v1/trust");
  }
  lookUpTrust(body: wire.LookUpTrust): Promise<wire.PeopleTrust> {
    return this.#post("/v1/people/trust", body, LOG_TIMEOUT_MS);
  }
  putDeviceKeys(body: wire.PutDeviceKeys): Promise<void> {
    return this.#put("/v1/device-keys", body);
  }
  /** Asked once: a repeat would take longer than the answer may be on its way (T1). */
  time(body: wire.AskTime): Promise<wire.TimeAnswer> {
    return this.#http.call({ method: "POST", path: "/v1/time", body, repeats: 0 });
  }
  postEndorsement(body: wire.PostEndorsement): Promise<void> {
    return this.#post("/v1/endorsements", body);
  }
  logConsistency(first: number, second: number): Promise<wire.LogConsistency> {
    return this.#get(`/v1/audit/consistency${query({ first, second })}`);
  }
  authenticators = (): Promise<wire.Authenticators> => this.#get("/v1/authenticators");
  addAuthenticator(body: wire.AddAuthenticator): Promise<void> {
    return this.#post("/v1/authenticators", body);
  }
  postAct(body: wire.PostAct): Promise<wire.ActAnswer> {
    return this.#post("/v1/admin/acts", body, ACT_TIMEOUT_MS);
  }
  postRevocation(body: wire.PostRevocation): Promise<void> {
    return this.#post("/v1/revocations", body);
  }
  /** A device's endorsements and grants: the person who revokes it says which still stand. */
  madeBy(device: DeviceId): Promise<wire.MadeRecords> {
    return this.#get(`/v1/devices/${device}/made`);
  }
  phoneLock = (personId: PersonId): Promise<wire.PhoneLock> =>
    this.#get(`/v1/people/${personId}/lock`);
  unconfirmed(): Promise<wire.UnconfirmedDevices> {
    return this.#get("/v1/unconfirmed");
  }
  confirmations(): Promise<wire.Confirmations> {
    return this.#get("/v1/confirmations");
  }
  beginConfirmation(body: wire.BeginConfirmation): Promise<wire.Confirmation> {
    return this.#post("/v1/confirmations", body);
  }
  answerConfirmation(
    id: ConfirmationId,
    body: wire.AnswerConfirmation,
  ): Promise<wire.Confirmation> {
    return this.#post(`/v1/confirmations/${id}/answer`, body);
  }
  revealConfirmation(
    id: ConfirmationId,
    body: wire.RevealConfirmation,
  ): Promise<wire.Confirmation> {
    return this.#post(`/v1/confirmations/${id}/reveal`, body);
  }
  endConfirmation(id: ConfirmationId): Promise<void> {
    return this.#delete(`/v1/confirmations/${id}`);
  }

  // The console.
  adminRights(): Promise<wire.AdminRights> {
    return this.#get("/v1/admin/rights");
  }
  adminOverview(): Promise<wire.AdminOverview> {
    return this.#get("/v1/admin/overview");
  }
  adminCharts(): Promise<wire.AdminCharts> {
    return this.#get("/v1/admin/charts");
  }
  adminPeople(asked: Query): Promise<wire.AdminPeople> {
    const body: wire.Search = { asked: given(asked) };
    return this.#post("/v1/admin/people/searches", body);
  }
  adminDevices(asked: Query): Promise<wire.AdminDevices> {
    return this.#get(`/v1/admin/devices${query(asked)}`);
  }
  adminGrants(): Promise<wire.AdminGrants> {
    return this.#get("/v1/admin/grants");
  }
  waitingActs(): Promise<wire.WaitingActs> {
    return this.#get("/v1/admin/acts");
  }
  previewAct(body: wire.PreviewAct): Promise<wire.ActPreview> {
    return this.#post("/v1/admin/previews", body);
  }
  previewReorganisation(body: wire.PreviewReorganisation): Promise<wire.ReorganisationPreview> {
    return this.#post("/v1/admin/reorganisations/previews", body, LOG_TIMEOUT_MS);
  }
  reorganisations(): Promise<wire.PastReorganisations> {
    return this.#get("/v1/admin/reorganisations");
  }
  unitCounts(): Promise<wire.UnitCounts> {
    return this.#get("/v1/admin/units");
  }
  adminImports(): Promise<wire.AdminImports> {
    return this.#get("/v1/admin/imports");
  }
  beginUpload(body: wire.BeginUpload): Promise<wire.UploadBegun> {
    return this.#post("/v1/admin/uploads", body);
  }
  putUploadChunk(id: UploadId, index: number, raw: Bytes): Promise<void> {
    const path = `/v1/admin/uploads/${id}/chunks/${index}`;
    return this.#http.call({ method: "PUT", path, raw, timeoutMs: FILE_TIMEOUT_MS });
  }
  examineUpload(id: UploadId, body: wire.ImportChoices): Promise<void> {
    return this.#post(`/v1/admin/uploads/${id}/previews`, body);
  }
  upload(id: UploadId): Promise<wire.Upload> {
    return this.#get(`/v1/admin/uploads/${id}`);
  }
  uploadRows(id: UploadId, asked: Query): Promise<wire.ImportRows> {
    return this.#get(`/v1/admin/uploads/${id}/rows${query(asked)}`);
  }
  async postExport(body: wire.PostAct): Promise<Bytes> {
    const options = { path: "/v1/admin/exports", body, repeats: 0, timeoutMs: FILE_TIMEOUT_MS };
    return (await this.#http.send({ method: "POST", ...options })).bytes;
  }
  enrolling = (): Promise<wire.AuthenticatorsAsked> => this.#get("/v1/admin/authenticators");
  uploadReport(id: UploadId): Promise<Bytes> {
    return this.#file(`/v1/admin/uploads/${id}/report`);
  }
  adminFindPeople(body: wire.FindPeople): Promise<wire.FoundPeople> {
    return this.#post("/v1/admin/people/lookups", body);
  }
  adminPostings(id: PersonId, asked: Query): Promise<wire.PersonPostings> {
    return this.#get(`/v1/admin/people/${id}/postings${query(asked)}`);
  }
  plannedTransfers(): Promise<wire.PlannedTransfers> {
    return this.#get("/v1/admin/moves/planned");
  }
  previewMoves(body: wire.PreviewMoves): Promise<wire.MovesPreview> {
    return this.#post("/v1/admin/moves/previews", body, LOG_TIMEOUT_MS);
  }
  previewAudience(body: wire.PreviewAudience): Promise<wire.AudiencePreview> {
    return this.#post("/v1/admin/audiences/previews", body);
  }
  adminGroups(): Promise<wire.AdminGroups> {
    return this.#get("/v1/admin/groups");
  }
  audit(asked: Query): Promise<wire.AuditPage> {
    return this.#get(`/v1/admin/audit${query(asked)}`);
  }
  /** Every entry after a number, in order. */
  auditChain(after: number): Promise<wire.AuditPage> {
    const path = `/v1/admin/audit/chain${query({ after })}`;
    return this.#http.call({ method: "GET", path, timeoutMs: LOG_TIMEOUT_MS });
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
  people(parameters: Query) {
    const body: wire.Search = { asked: given(parameters) };
    return this.#post<wire.People>("/v1/people/searches", body);
  }
  person(personId: PersonId): Promise<wire.Person> {
    return this.#get(`/v1/people/${personId}`);
  }
  chainOfCommand(unitId: UnitId): Promise<wire.ChainOfCommand> {
    return this.#get(`/v1/units/${encodeURIComponent(unitId)}/chain`);
  }
  unitPosts(unitId: UnitId): Promise<wire.Posts> {
    return this.#get(`/v1/units/${encodeURIComponent(unitId)}/posts`);
  }
  posts(parameters: Query): Promise<wire.Posts> {
    const body: wire.Search = { asked: given(parameters) };
    return this.#post("/v1/posts/searches", body);
  }
  onePost(postId: PostId): Promise<wire.Post> {
    return this.#get(`/v1/posts/${postId}`);
  }

  // Conversations.
  /** The own one with the holders of a post. */
  openPost(postId: PostId): Promise<wire.Conversation> {
    return this.#put(`/v1/posts/${postId}/conversation`, {});
  }
  createConversation(body: wire.CreateConversation): Promise<wire.Conversation> {
    return this.#post("/v1/conversations", body);
  }
  conversations(): Promise<wire.Conversations> {
    return this.#get("/v1/conversations");
  }
  conversation(id: ConversationId): Promise<wire.Conversation> {
    return this.#get(`/v1/conversations/${id}`);
  }
  startConversation(id: ConversationId, body: wire.StartConversation): Promise<wire.Start> {
    return this.#post(`/v1/conversations/${id}/start`, body);
  }
  members(id: ConversationId, after: string | null, text = ""): Promise<wire.Members> {
    const asked = { text, after: after ?? undefined };
    const path = `/v1/conversations/${id}/members`;
    if (text === "") return this.#get(`${path}${query(asked)}`);
    const body: wire.Search = { asked: given(asked) };
    return this.#post(`${path}/searches`, body);
  }
  /** Fetch receipts of this person's newest messages, or of the one with this seq. */
  receipts(id: ConversationId, seq: number | null): Promise<wire.CountedReceipts> {
    return this.#get(`/v1/conversations/${id}/receipts${query({ seq: seq ?? undefined })}`);
  }
  changeMembers(id: ConversationId, body: wire.ChangeMembers): Promise<wire.Conversation> {
    return this.#post(`/v1/conversations/${id}/members`, body);
  }
  changePolicy(id: ConversationId, body: wire.ChangePolicy): Promise<wire.Conversation> {
    return this.#put(`/v1/conversations/${id}/policy`, body);
  }
  setPreferences(id: ConversationId, body: wire.SetPreferences): Promise<wire.Conversation> {
    return this.#put(`/v1/conversations/${id}/preferences`, body);
  }

  // Rosters.
  head(id: ConversationId): Promise<wire.RosterState> {
    return this.#get(`/v1/conversations/${id}/head`);
  }
  headOf(id: ConversationId, epoch: number): Promise<wire.Head> {
    return this.#get(`/v1/conversations/${id}/heads/${epoch}`);
  }
  proofs(id: ConversationId, body: wire.AskProofs): Promise<wire.Proofs> {
    return this.#post(`/v1/conversations/${id}/proofs`, body);
  }
  ownCell(id: ConversationId): Promise<wire.CellLeaves> {
    return this.#get(`/v1/conversations/${id}/cells/own`);
  }
  /** The leaves of any cell, under the newest head. */
  cellLeaves(id: ConversationId, cellId: CellId): Promise<wire.CellLeaves> {
    return this.#get(`/v1/conversations/${id}/cells/${cellId}`);
  }

  // Messages. Entries ascend in every page.
  /** The oldest entries after a seq. */
  logAfter(id: ConversationId, after: number, limit: number): Promise<wire.LogPage> {
    return this.#log(id, query({ after, limit }));
  }
  /** The newest entries before a seq. */
  logBefore(id: ConversationId, before: number, limit: number): Promise<wire.LogPage> {
    return this.#log(id, query({ before, limit }));
  }
  #log(id: ConversationId, asked: string): Promise<wire.LogPage> {
    const path = `/v1/conversations/${id}/log${asked}`;
    return this.#http.call({ method: "GET", path, timeoutMs: LOG_TIMEOUT_MS });
  }
  postMessage(id: ConversationId, body: wire.PostMessage): Promise<wire.Accepted> {
    return this.#post(`/v1/conversations/${id}/messages`, body, LOG_TIMEOUT_MS);
  }
  chain(id: ConversationId): Promise<wire.SenderChain> {
    return this.#get(`/v1/conversations/${id}/chain`);
  }

  // Conversation keys, cell keys and key shares.
  postKey(id: ConversationId, body: wire.PostKey): Promise<wire.KeyAccepted> {
    return this.#post(`/v1/conversations/${id}/keys`, body, SEALS_TIMEOUT_MS);
  }
  /** The key with this id; without one, the newest that is usable now. */
  key(id: ConversationId, keyId: KeyId | null): Promise<wire.Keys> {
    return this.#get(`/v1/conversations/${id}/keys${query({ key: keyId ?? undefined })}`);
  }
  postLateSeals(id: ConversationId, body: wire.PostLateSeals): Promise<void> {
    return this.#post(`/v1/conversations/${id}/keys/seals`, body, SEALS_TIMEOUT_MS);
  }
  postCellKey(id: ConversationId, body: wire.PostCellKey): Promise<void> {
    return this.#post(`/v1/conversations/${id}/cells/own/keys`, body, SEALS_TIMEOUT_MS);
  }
  ownCellKeys(id: ConversationId): Promise<wire.OwnCellKeys> {
    return this.#get(`/v1/conversations/${id}/cells/own/keys`);
  }
  markCellKey(id: ConversationId, body: wire.MarkCellKey): Promise<void> {
    return this.#post(`/v1/conversations/${id}/cells/own/marks`, body);
  }
  /** All cell lines, and the cell keys that changed after a version. */
  cellKeys(id: ConversationId, since: number): Promise<wire.CellKeys> {
    const path = `/v1/conversations/${id}/cells${query({ since })}`;
    return this.#http.call({ method: "GET", path, timeoutMs: SEALS_TIMEOUT_MS });
  }
  requestShares(id: ConversationId, body: wire.ShareRequest): Promise<void> {
    return this.#post(`/v1/conversations/${id}/share-requests`, body);
  }
  sharesDone(id: ConversationId, body: wire.ShareRequest): Promise<void> {
    return this.#post(`/v1/conversations/${id}/share-requests/done`, body);
  }
  postShares(id: ConversationId, body: wire.PostShares): Promise<void> {
    return this.#post(`/v1/conversations/${id}/shares`, body);
  }
  shares(id: ConversationId): Promise<wire.Shares> {
    return this.#get(`/v1/conversations/${id}/shares`);
  }

  // Attachments.
  beginAttachment(body: wire.BeginAttachment, signal: AbortSignal): Promise<wire.AttachmentStatus> {
    return this.#http.call({ method: "POST", path: "/v1/attachments", body, signal });
  }
  putChunk(id: AttachmentId, index: number, raw: Bytes, signal: AbortSignal) {
    const path = `/v1/attachments/${id}/chunks/${index}`;
    return this.#http.call<wire.AttachmentStatus>({
      method: "PUT",
      path,
      raw,
      signal,
      timeoutMs: FILE_TIMEOUT_MS,
    });
  }
  async chunk(id: AttachmentId, index: number, signal: AbortSignal): Promise<Bytes> {
    const path = `/v1/attachments/${id}/chunks/${index}`;
    const answer = await this.#http.send({
      method: "GET",
      path,
      signal,
      timeoutMs: FILE_TIMEOUT_MS,
    });
    return answer.bytes;
  }
  shareAttachment(id: AttachmentId, body: wire.ShareAttachment): Promise<void> {
    return this.#post(`/v1/attachments/${id}/shares`, body);
  }
  deleteAttachment(id: AttachmentId): Promise<void> {
    return this.#http.call({ method: "DELETE", path: `/v1/attachments/${id}` });
  }

  // Pushes.
  pushKey(): Promise<wire.PushKey> {
    return this.#get("/v1/push/key");
  }
  subscribePushes(endpoint: string): Promise<void> {
    return this.#put("/v1/push/subscription", { endpoint } satisfies wire.PutPushSubscription);
  }
  unsubscribePushes(): Promise<void> {
    return this.#delete("/v1/push/subscription");
  }
}

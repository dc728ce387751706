// Generated from the rows of src/copconnect/*/operations.py by `python -m make.operations`.
// Do not edit: change the row or the types of its function, and run `make types`.
/** The server's operations, a method for each (docs/protocol.md, "Routes"). No state. */
import type { Bytes } from "../octets.ts";
import type * as wire from "../wire.ts";
import { type OptionalParameters, Calling, at } from "./http.ts";

export class Operations extends Calling {
  requestCode(body: wire.RequestCode): Promise<wire.CodeRequested> {
    return this.call("POST", "/v1/registration/numbers", { body, repeats: 0, public: true });
  }

  submitCode(body: wire.SubmitCode): Promise<wire.RegistrationStep> {
    return this.call("POST", "/v1/registration/codes", { body, repeats: 0, public: true });
  }

  registerWithoutText(body: wire.RegisterWithoutText): Promise<wire.RegistrationStep> {
    return this.call("POST", "/v1/registration/without-text", { body, repeats: 0, public: true });
  }

  submitEnrolmentCode(body: wire.SubmitEnrolmentCode): Promise<wire.RegistrationStep> {
    return this.call("POST", "/v1/registration/enrolment-codes", { body, repeats: 0, public: true });
  }

  checkRegistration(body: wire.CheckRegistration): Promise<wire.RegistrationStep> {
    return this.call("POST", "/v1/registration/status", { body, public: true });
  }

  registerClient(body: wire.RegisterClient): Promise<wire.ClientRegistered> {
    return this.call("POST", "/v1/registration/clients", { body, public: true });
  }

  trust(): Promise<wire.Trust> {
    return this.call("GET", "/v1/trust", { public: true });
  }

  me(): Promise<wire.Me> {
    return this.call("GET", "/v1/me");
  }

  renewCertificate(body: wire.RenewCertificate): Promise<wire.CertificateRenewed> {
    return this.call("POST", "/v1/certificates", { body, public: true });
  }

  signOut(body: wire.SignOut): Promise<void> {
    return this.call("POST", "/v1/sign-out", { body, repeats: 0, timeoutMs: 5_000, public: true });
  }

  renameClient(clientId: wire.ClientId, body: wire.RenameClient): Promise<wire.Me> {
    return this.call("PUT", at`/v1/clients/${clientId}/label`, { body });
  }

  grants(asked?: OptionalParameters<{ person: wire.PersonId }>): Promise<wire.Grants> {
    return this.call("GET", "/v1/grants", { query: asked });
  }

  madeBy(deviceId: wire.DeviceId): Promise<wire.MadeRecords> {
    return this.call("GET", at`/v1/devices/${deviceId}/made`);
  }

  lookUpTrust(body: wire.LookUpTrust): Promise<wire.PeopleTrust> {
    return this.call("POST", "/v1/people/trust", { body, timeoutMs: 30_000 });
  }

  putDeviceKeys(body: wire.PutDeviceKeys): Promise<void> {
    return this.call("PUT", "/v1/device-keys", { body });
  }

  time(body: wire.AskTime): Promise<wire.TimeAnswer> {
    return this.call("POST", "/v1/time", { body, repeats: 0 });
  }

  logConsistency(asked?: OptionalParameters<{ first: number; second: number }>): Promise<wire.LogConsistency> {
    return this.call("GET", "/v1/audit/consistency", { query: asked });
  }

  authenticators(): Promise<wire.Authenticators> {
    return this.call("GET", "/v1/authenticators");
  }

  addAuthenticator(body: wire.AddAuthenticator): Promise<void> {
    return this.call("POST", "/v1/authenticators", { body });
  }

  endorse(body: wire.SubmitEndorsement): Promise<void> {
    return this.call("POST", "/v1/endorsements", { body });
  }

  submitRevocation(body: wire.SubmitRevocation): Promise<void> {
    return this.call("POST", "/v1/revocations", { body });
  }

  unconfirmed(): Promise<wire.UnconfirmedDevices> {
    return this.call("GET", "/v1/unconfirmed");
  }

  beginConfirmation(body: wire.BeginConfirmation): Promise<wire.Confirmation> {
    return this.call("POST", "/v1/confirmations", { body });
  }

  answerConfirmation(confirmationId: wire.ConfirmationId, body: wire.AnswerConfirmation): Promise<wire.Confirmation> {
    return this.call("POST", at`/v1/confirmations/${confirmationId}/answer`, { body });
  }

  revealConfirmation(confirmationId: wire.ConfirmationId, body: wire.RevealConfirmation): Promise<wire.Confirmation> {
    return this.call("POST", at`/v1/confirmations/${confirmationId}/reveal`, { body });
  }

  confirmations(): Promise<wire.Confirmations> {
    return this.call("GET", "/v1/confirmations");
  }

  cancelConfirmation(confirmationId: wire.ConfirmationId): Promise<void> {
    return this.call("DELETE", at`/v1/confirmations/${confirmationId}`);
  }

  conduct(asked?: OptionalParameters<{ language: string; version: number }>): Promise<wire.ConductCode> {
    return this.call("GET", "/v1/conduct", { query: asked });
  }

  acceptConduct(body: wire.AcceptConduct): Promise<wire.Me> {
    return this.call("POST", "/v1/conduct/acceptances", { body });
  }

  guard(): Promise<wire.Guard> {
    return this.call("GET", "/v1/guard");
  }

  guardWeights(): Promise<wire.GuardWeights> {
    return this.call("GET", "/v1/guard/weights");
  }

  guardPictures(asked?: OptionalParameters<{ after: number; to: number }>): Promise<wire.GuardPictures> {
    return this.call("GET", "/v1/guard/pictures", { query: asked });
  }

  people(asked?: OptionalParameters<{ text: string; unit: string; deep: boolean; rank: string; role: string; after: string; limit: number }>): Promise<wire.People> {
    return this.call("POST", "/v1/people/searches", { search: asked });
  }

  person(personId: wire.PersonId): Promise<wire.Person> {
    return this.call("GET", at`/v1/people/${personId}`);
  }

  chainOfCommand(unitId: wire.UnitId): Promise<wire.ChainOfCommand> {
    return this.call("GET", at`/v1/units/${unitId}/chain`);
  }

  unitPosts(unitId: wire.UnitId): Promise<wire.Posts> {
    return this.call("GET", at`/v1/units/${unitId}/posts`);
  }

  posts(asked?: OptionalParameters<{ text: string; unit: string; limit: number }>): Promise<wire.Posts> {
    return this.call("POST", "/v1/posts/searches", { search: asked });
  }

  onePost(postId: wire.PostId): Promise<wire.Post> {
    return this.call("GET", at`/v1/posts/${postId}`);
  }

  submitAct(body: wire.SubmitAct): Promise<wire.ActAnswer> {
    return this.call("POST", "/v1/admin/acts", { body, timeoutMs: 180_000 });
  }

  previewAct(body: wire.PreviewAct): Promise<wire.ActPreview> {
    return this.call("POST", "/v1/admin/previews", { body });
  }

  waitingActs(): Promise<wire.WaitingActs> {
    return this.call("GET", "/v1/admin/acts");
  }

  authenticatorsAsked(): Promise<wire.AuthenticatorsAsked> {
    return this.call("GET", "/v1/admin/authenticators");
  }

  phoneLock(personId: wire.PersonId): Promise<wire.PhoneLock> {
    return this.call("GET", at`/v1/people/${personId}/lock`);
  }

  adminRights(): Promise<wire.AdminRights> {
    return this.call("GET", "/v1/admin/rights");
  }

  adminOverview(): Promise<wire.AdminOverview> {
    return this.call("GET", "/v1/admin/overview");
  }

  adminCharts(): Promise<wire.AdminCharts> {
    return this.call("GET", "/v1/admin/charts");
  }

  adminPeople(asked?: OptionalParameters<{ text: string; unit: wire.UnitId; deep: boolean; rank: string; role: string; status: string; state: "registered" | "unregistered" | "unconfirmed" | "silent"; after: string; limit: number }>): Promise<wire.AdminPeople> {
    return this.call("POST", "/v1/admin/people/searches", { search: asked });
  }

  adminDevices(asked?: OptionalParameters<{ state: "confirmed" | "unconfirmed" | "silent" | "locked" | "revoked" | "unreached"; after: string; limit: number }>): Promise<wire.AdminDevices> {
    return this.call("GET", "/v1/admin/devices", { query: asked });
  }

  adminGrants(): Promise<wire.AdminGrants> {
    return this.call("GET", "/v1/admin/grants");
  }

  audit(asked?: OptionalParameters<{ kinds: string; by: string; about: string; act: string; from: number; until: number; before: number; limit: number }>): Promise<wire.AuditPage> {
    return this.call("GET", "/v1/admin/audit", { query: asked });
  }

  auditChain(asked?: OptionalParameters<{ after: number }>): Promise<wire.AuditPage> {
    return this.call("GET", "/v1/admin/audit/chain", { query: asked, timeoutMs: 30_000 });
  }

  conductVersions(): Promise<wire.ConductVersions> {
    return this.call("GET", "/v1/admin/conduct");
  }

  conductTexts(version: number): Promise<wire.ConductTexts> {
    return this.call("GET", at`/v1/admin/conduct/versions/${version}`);
  }

  conductAcceptances(): Promise<wire.ConductAcceptances> {
    return this.call("GET", "/v1/admin/conduct/acceptances");
  }

  conductPending(asked?: OptionalParameters<{ text: string; unit: wire.UnitId; deep: boolean; after: string; limit: number }>): Promise<wire.People> {
    return this.call("POST", "/v1/admin/conduct/pending", { search: asked });
  }

  guardPolicies(): Promise<wire.GuardPolicies> {
    return this.call("GET", "/v1/admin/guard");
  }

  knownPictures(asked?: OptionalParameters<{ before: number }>): Promise<wire.KnownPictures> {
    return this.call("GET", "/v1/admin/pictures", { query: asked });
  }

  legalHolds(): Promise<wire.LegalHolds> {
    return this.call("GET", "/v1/admin/holds");
  }

  findPeopleToHold(body: wire.FindPeople): Promise<wire.FoundPeople> {
    return this.call("POST", "/v1/admin/holds/lookups", { body });
  }

  previewReorganisation(body: wire.PreviewReorganisation): Promise<wire.ReorganisationPreview> {
    return this.call("POST", "/v1/admin/reorganisations/previews", { body, timeoutMs: 30_000 });
  }

  reorganisations(): Promise<wire.PastReorganisations> {
    return this.call("GET", "/v1/admin/reorganisations");
  }

  unitCounts(): Promise<wire.UnitCounts> {
    return this.call("GET", "/v1/admin/units");
  }

  findPeople(body: wire.FindPeople): Promise<wire.FoundPeople> {
    return this.call("POST", "/v1/admin/people/lookups", { body });
  }

  postings(personId: wire.PersonId, asked?: OptionalParameters<{ at: number }>): Promise<wire.PersonPostings> {
    return this.call("GET", at`/v1/admin/people/${personId}/postings`, { query: asked });
  }

  plannedTransfers(): Promise<wire.PlannedTransfers> {
    return this.call("GET", "/v1/admin/moves/planned");
  }

  previewMoves(body: wire.PreviewMoves): Promise<wire.MovesPreview> {
    return this.call("POST", "/v1/admin/moves/previews", { body, timeoutMs: 30_000 });
  }

  previewAudience(body: wire.PreviewAudience): Promise<wire.AudiencePreview> {
    return this.call("POST", "/v1/admin/audiences/previews", { body });
  }

  allGroups(): Promise<wire.AdminGroups> {
    return this.call("GET", "/v1/admin/groups");
  }

  exportPart(body: wire.SubmitAct): Promise<Bytes> {
    return this.file("POST", "/v1/admin/exports", { body, repeats: 0, timeoutMs: 120_000 });
  }

  imports(): Promise<wire.AdminImports> {
    return this.call("GET", "/v1/admin/imports");
  }

  beginUpload(body: wire.BeginUpload): Promise<wire.UploadBegun> {
    return this.call("POST", "/v1/admin/uploads", { body });
  }

  putUploadChunk(uploadId: wire.UploadId, index: number, raw: Bytes): Promise<void> {
    return this.call("PUT", at`/v1/admin/uploads/${uploadId}/chunks/${index}`, { raw, timeoutMs: 120_000 });
  }

  examineUpload(uploadId: wire.UploadId, body: wire.ImportChoices): Promise<void> {
    return this.call("POST", at`/v1/admin/uploads/${uploadId}/previews`, { body });
  }

  upload(uploadId: wire.UploadId): Promise<wire.Upload> {
    return this.call("GET", at`/v1/admin/uploads/${uploadId}`);
  }

  uploadRows(uploadId: wire.UploadId, asked: { show: wire.ImportShow } & OptionalParameters<{ after: number }>): Promise<wire.ImportRows> {
    return this.call("GET", at`/v1/admin/uploads/${uploadId}/rows`, { query: asked });
  }

  uploadReport(uploadId: wire.UploadId): Promise<Bytes> {
    return this.file("GET", at`/v1/admin/uploads/${uploadId}/report`, { timeoutMs: 120_000 });
  }

  createConversation(body: wire.CreateConversation): Promise<wire.Conversation> {
    return this.call("POST", "/v1/conversations", { body });
  }

  conversations(): Promise<wire.Conversations> {
    return this.call("GET", "/v1/conversations");
  }

  conversation(conversationId: wire.ConversationId): Promise<wire.Conversation> {
    return this.call("GET", at`/v1/conversations/${conversationId}`);
  }

  changeWhoMaySend(conversationId: wire.ConversationId, body: wire.ChangeWhoMaySend): Promise<wire.Conversation> {
    return this.call("PUT", at`/v1/conversations/${conversationId}/who-may-send`, { body });
  }

  setPreferences(conversationId: wire.ConversationId, body: wire.SetPreferences): Promise<wire.Conversation> {
    return this.call("PUT", at`/v1/conversations/${conversationId}/preferences`, { body });
  }

  openPost(postId: wire.PostId): Promise<wire.Conversation> {
    return this.call("PUT", at`/v1/posts/${postId}/conversation`);
  }

  openUnitOrders(unitId: wire.UnitId): Promise<wire.Conversation> {
    return this.call("PUT", at`/v1/units/${unitId}/orders`);
  }

  members(conversationId: wire.ConversationId, asked?: OptionalParameters<{ after: wire.PersonId }>): Promise<wire.Members> {
    return this.call("GET", at`/v1/conversations/${conversationId}/members`, { query: asked });
  }

  findMembers(conversationId: wire.ConversationId, asked?: OptionalParameters<{ after: string; text: string }>): Promise<wire.Members> {
    return this.call("POST", at`/v1/conversations/${conversationId}/members/searches`, { search: asked });
  }

  changeMembers(conversationId: wire.ConversationId, body: wire.ChangeMembers): Promise<wire.Conversation> {
    return this.call("POST", at`/v1/conversations/${conversationId}/members`, { body });
  }

  joining(): Promise<wire.Joining> {
    return this.call("GET", "/v1/joining");
  }

  setListing(conversationId: wire.ConversationId, body: wire.SetListing): Promise<void> {
    return this.call("PUT", at`/v1/conversations/${conversationId}/listing`, { body });
  }

  askToJoin(conversationId: wire.ConversationId, body: wire.AskToJoin): Promise<void> {
    return this.call("PUT", at`/v1/conversations/${conversationId}/join-request`, { body });
  }

  withdrawRequest(conversationId: wire.ConversationId): Promise<void> {
    return this.call("DELETE", at`/v1/conversations/${conversationId}/join-request`);
  }

  refuseToJoin(conversationId: wire.ConversationId, body: wire.RefuseToJoin): Promise<void> {
    return this.call("POST", at`/v1/conversations/${conversationId}/join-refusals`, { body });
  }

  receipts(conversationId: wire.ConversationId, asked?: OptionalParameters<{ seq: wire.Seq }>): Promise<wire.CountedReceipts> {
    return this.call("GET", at`/v1/conversations/${conversationId}/receipts`, { query: asked });
  }

  rosterState(conversationId: wire.ConversationId): Promise<wire.RosterState> {
    return this.call("GET", at`/v1/conversations/${conversationId}/head`);
  }

  head(conversationId: wire.ConversationId, epoch: number): Promise<wire.Head> {
    return this.call("GET", at`/v1/conversations/${conversationId}/heads/${epoch}`);
  }

  proofs(conversationId: wire.ConversationId, body: wire.AskProofs): Promise<wire.Proofs> {
    return this.call("POST", at`/v1/conversations/${conversationId}/proofs`, { body });
  }

  ownCell(conversationId: wire.ConversationId): Promise<wire.CellLeaves> {
    return this.call("GET", at`/v1/conversations/${conversationId}/cells/own`);
  }

  cell(conversationId: wire.ConversationId, cellId: wire.CellId): Promise<wire.CellLeaves> {
    return this.call("GET", at`/v1/conversations/${conversationId}/cells/${cellId}`);
  }

  sendMessage(conversationId: wire.ConversationId, body: wire.SendMessage): Promise<wire.Accepted> {
    return this.call("POST", at`/v1/conversations/${conversationId}/messages`, { body, repeats: 0, timeoutMs: 30_000 });
  }

  startConversation(conversationId: wire.ConversationId, body: wire.StartConversation): Promise<wire.Start> {
    return this.call("POST", at`/v1/conversations/${conversationId}/start`, { body });
  }

  log(conversationId: wire.ConversationId, asked?: OptionalParameters<{ after: number; before: number; limit: number }>): Promise<wire.LogPage> {
    return this.call("GET", at`/v1/conversations/${conversationId}/log`, { query: asked, timeoutMs: 30_000 });
  }

  senderChain(conversationId: wire.ConversationId): Promise<wire.SenderChain> {
    return this.call("GET", at`/v1/conversations/${conversationId}/chain`);
  }

  submitKey(conversationId: wire.ConversationId, body: wire.SubmitKey): Promise<wire.KeyAccepted> {
    return this.call("POST", at`/v1/conversations/${conversationId}/keys`, { body, timeoutMs: 60_000 });
  }

  keys(conversationId: wire.ConversationId, asked?: OptionalParameters<{ key: wire.KeyId }>): Promise<wire.Keys> {
    return this.call("GET", at`/v1/conversations/${conversationId}/keys`, { query: asked });
  }

  submitLateSeals(conversationId: wire.ConversationId, body: wire.SubmitLateSeals): Promise<void> {
    return this.call("POST", at`/v1/conversations/${conversationId}/keys/seals`, { body, timeoutMs: 60_000 });
  }

  ownCellKeys(conversationId: wire.ConversationId): Promise<wire.OwnCellKeys> {
    return this.call("GET", at`/v1/conversations/${conversationId}/cells/own/keys`);
  }

  submitCellKey(conversationId: wire.ConversationId, body: wire.SubmitCellKey): Promise<void> {
    return this.call("POST", at`/v1/conversations/${conversationId}/cells/own/keys`, { body, timeoutMs: 60_000 });
  }

  flagCellKey(conversationId: wire.ConversationId, body: wire.FlagCellKey): Promise<void> {
    return this.call("POST", at`/v1/conversations/${conversationId}/cells/own/flags`, { body });
  }

  cellKeys(conversationId: wire.ConversationId, asked?: OptionalParameters<{ since: number }>): Promise<wire.CellKeys> {
    return this.call("GET", at`/v1/conversations/${conversationId}/cells`, { query: asked, timeoutMs: 60_000 });
  }

  requestShares(conversationId: wire.ConversationId, body: wire.ShareRequest): Promise<void> {
    return this.call("POST", at`/v1/conversations/${conversationId}/share-requests`, { body });
  }

  sharesDone(conversationId: wire.ConversationId, body: wire.ShareRequest): Promise<void> {
    return this.call("POST", at`/v1/conversations/${conversationId}/share-requests/done`, { body });
  }

  submitShares(conversationId: wire.ConversationId, body: wire.SubmitShares): Promise<void> {
    return this.call("POST", at`/v1/conversations/${conversationId}/shares`, { body });
  }

  shares(conversationId: wire.ConversationId): Promise<wire.Shares> {
    return this.call("GET", at`/v1/conversations/${conversationId}/shares`);
  }

  beginAttachment(body: wire.BeginAttachment): Promise<wire.AttachmentStatus> {
    return this.call("POST", "/v1/attachments", { body });
  }

  putChunk(attachmentId: wire.AttachmentId, index: number, raw: Bytes): Promise<wire.AttachmentStatus> {
    return this.call("PUT", at`/v1/attachments/${attachmentId}/chunks/${index}`, { raw, timeoutMs: 120_000 });
  }

  getChunk(attachmentId: wire.AttachmentId, index: number): Promise<Bytes> {
    return this.file("GET", at`/v1/attachments/${attachmentId}/chunks/${index}`, { timeoutMs: 120_000 });
  }

  shareAttachment(attachmentId: wire.AttachmentId, body: wire.ShareAttachment): Promise<wire.AttachmentStatus> {
    return this.call("POST", at`/v1/attachments/${attachmentId}/shares`, { body });
  }

  deleteAttachment(attachmentId: wire.AttachmentId): Promise<void> {
    return this.call("DELETE", at`/v1/attachments/${attachmentId}`);
  }

  pushKey(): Promise<wire.PushKey> {
    return this.call("GET", "/v1/push/key");
  }

  subscribePushes(body: wire.PutPushSubscription): Promise<void> {
    return this.call("PUT", "/v1/push/subscription", { body });
  }

  unsubscribePushes(): Promise<void> {
    return this.call("DELETE", "/v1/push/subscription");
  }

  previewLink(body: wire.AskLinkPreview): Promise<wire.LinkPreview> {
    return this.call("POST", "/v1/link-previews", { body, repeats: 0 });
  }

  orders(asked?: OptionalParameters<{ box: "open" | "issued" | "all"; after: string }>): Promise<wire.Orders> {
    return this.call("GET", "/v1/orders", { query: asked });
  }

  mayIssue(asked?: OptionalParameters<{ conversation: wire.ConversationId }>): Promise<wire.Issuing> {
    return this.call("GET", "/v1/issuing", { query: asked });
  }

  issuableUnits(): Promise<wire.IssuableUnits> {
    return this.call("GET", "/v1/issuing/units");
  }

  orderTotals(body: wire.CountOrders): Promise<wire.OrderTotals> {
    return this.call("POST", "/v1/orders/totals", { body });
  }

  order(orderId: wire.MessageId): Promise<wire.Order> {
    return this.call("GET", at`/v1/orders/${orderId}`);
  }

  acknowledgeOrder(orderId: wire.MessageId, body: wire.SubmitAcknowledgements): Promise<wire.AcknowledgementOutcomes> {
    return this.call("POST", at`/v1/orders/${orderId}/acknowledgements`, { body });
  }

  orderRecords(orderId: wire.MessageId, asked?: OptionalParameters<{ answered: boolean; after: string; trust: boolean }>): Promise<wire.OrderRecords> {
    return this.call("GET", at`/v1/orders/${orderId}/acknowledgements`, { query: asked, timeoutMs: 60_000 });
  }

  remindOfOrder(orderId: wire.MessageId, body: wire.RemindOfOrder): Promise<wire.OrderReminded> {
    return this.call("POST", at`/v1/orders/${orderId}/reminders`, { body });
  }

  orderProgress(orderId: wire.MessageId, asked?: OptionalParameters<{ unit: wire.UnitId }>): Promise<wire.OrderProgress> {
    return this.call("GET", at`/v1/orders/${orderId}/progress`, { query: asked });
  }

  orderPeople(orderId: wire.MessageId, asked?: OptionalParameters<{ unit: wire.UnitId; state: wire.OrderState; choice: number; lacking: number; photo: boolean; after: string; text: string; limit: number }>): Promise<wire.OrderPeople> {
    return this.call("POST", at`/v1/orders/${orderId}/people/searches`, { search: asked });
  }

  orderCurve(orderId: wire.MessageId): Promise<wire.OrderCurve> {
    return this.call("GET", at`/v1/orders/${orderId}/curve`);
  }

  reportReaders(asked: { conversation: wire.ConversationId; message: wire.MessageId }): Promise<wire.ReportReaders> {
    return this.call("GET", "/v1/reports/readers", { query: asked });
  }

  submitReport(body: wire.SubmitReport): Promise<wire.OwnReport> {
    return this.call("POST", "/v1/reports", { body, timeoutMs: 60_000 });
  }

  ownReports(): Promise<wire.OwnReports> {
    return this.call("GET", "/v1/reports/mine");
  }

  cases(asked?: OptionalParameters<{ box: wire.CaseBox; after: string }>): Promise<wire.Cases> {
    return this.call("GET", "/v1/reports", { query: asked });
  }

  reportStatistics(asked?: OptionalParameters<{ path: string }>): Promise<wire.ReportStatistics> {
    return this.call("GET", "/v1/reports/statistics", { query: asked });
  }

  case(reportId: wire.ReportId): Promise<wire.CaseDetail> {
    return this.call("GET", at`/v1/reports/${reportId}`, { timeoutMs: 60_000 });
  }

  wantingCases(asked?: OptionalParameters<{ envelope: wire.CaseEnvelope; after: string }>): Promise<wire.WantingCases> {
    return this.call("GET", "/v1/reports/wanting", { query: asked });
  }

  addSeals(reportId: wire.ReportId, body: wire.SubmitSeals): Promise<wire.SealsAdded> {
    return this.call("POST", at`/v1/reports/${reportId}/seals`, { body });
  }

  ownSanctions(): Promise<wire.Sanctions> {
    return this.call("GET", "/v1/sanctions");
  }

  acknowledgeSanction(reportId: wire.ReportId): Promise<wire.Sanction> {
    return this.call("POST", at`/v1/sanctions/${reportId}/acknowledgement`);
  }

  appealReaders(reportId: wire.ReportId): Promise<wire.ReportReaders> {
    return this.call("GET", at`/v1/sanctions/${reportId}/readers`);
  }

  appeal(reportId: wire.ReportId, body: wire.SubmitAppeal): Promise<wire.Sanction> {
    return this.call("POST", at`/v1/sanctions/${reportId}/appeal`, { body });
  }

  training(asked?: OptionalParameters<{ language: wire.Language }>): Promise<wire.Training> {
    return this.call("GET", "/v1/training", { query: asked });
  }

  lesson(lessonId: wire.LessonId, asked?: OptionalParameters<{ language: wire.Language }>): Promise<wire.LessonPage> {
    return this.call("GET", at`/v1/training/lessons/${lessonId}`, { query: asked });
  }

  lessonsDone(body: wire.SubmitLessonsDone, asked?: OptionalParameters<{ language: wire.Language }>): Promise<wire.Training> {
    return this.call("POST", "/v1/training/done", { body, query: asked });
  }

  trainingCertificate(asked?: OptionalParameters<{ course: wire.CourseName; language: wire.Language }>): Promise<Bytes> {
    return this.file("GET", "/v1/training/certificate", { query: asked, timeoutMs: 120_000 });
  }

  trainingProgress(asked?: OptionalParameters<{ course: wire.CourseName; path: string }>): Promise<wire.TrainingProgress> {
    return this.call("GET", "/v1/admin/training", { query: asked });
  }

  remindOfTraining(body: wire.RemindOfTraining): Promise<wire.TrainingReminded> {
    return this.call("POST", "/v1/admin/training/reminders", { body });
  }

  untrained(asked?: OptionalParameters<{ course: wire.CourseName; path: string; after: string }>): Promise<wire.Untrained> {
    return this.call("GET", "/v1/admin/training/people", { query: asked });
  }

  untrainedFile(asked?: OptionalParameters<{ course: wire.CourseName; path: string; language: wire.Language }>): Promise<Bytes> {
    return this.file("GET", "/v1/admin/training/people.xlsx", { query: asked, timeoutMs: 120_000 });
  }

  lessonStates(): Promise<wire.LessonStates> {
    return this.call("GET", "/v1/admin/training/lessons");
  }

  writtenLesson(lessonId: wire.LessonId): Promise<wire.WrittenLesson> {
    return this.call("GET", at`/v1/admin/training/lessons/${lessonId}`);
  }

  keepLessonPicture(body: wire.SubmitLessonPicture): Promise<wire.LessonPictureKept> {
    return this.call("POST", "/v1/admin/training/pictures", { body });
  }

  previewLesson(body: wire.PreviewLesson): Promise<wire.LessonPreview> {
    return this.call("POST", "/v1/admin/training/previews", { body });
  }
}

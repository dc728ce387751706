/** Every route of CONTRACT.md that a client uses, on the roles of the server in memory. */
import { concat, fromHex, utf8 } from "../../src/octets.ts";
import { verifySignature } from "../../src/keys/format/signature.ts";
import { newId } from "../../src/ids.ts";
import type {
  AttachmentId,
  CellId,
  ClientId,
  ConfirmationId,
  ConversationId,
  DeviceId,
  KeyId,
  MessageId,
  PersonId,
  ReportId,
} from "../../src/ids.ts";
import type * as wire from "../../src/wire.ts";
import type { Attachments } from "./attachments.ts";
import type { CellKeys } from "./cell-keys.ts";
import type { AdminRole } from "./console/acts.ts";
import type { Conversations } from "./conversations.ts";
import type { Joining } from "./console/joining.ts";
import type { Keys } from "./keys.ts";
import type { Log } from "./log.ts";
import type { Orders } from "./orders.ts";
import type { Reports } from "./console/reports.ts";
import { findPeople, personIdOf, type People } from "./people.ts";
import type { Receipts } from "./receipts.ts";
import type { Shares } from "./shares.ts";
import type { TrustRole } from "./trust.ts";
import { Refusal } from "./refusal.ts";
import { leafOf, type Rosters } from "./rosters.ts";
import type { ServerPorts } from "./ports.ts";
import type { ClientState, ConversationState } from "./state.ts";

/** The roles whole, as the routes call them. */
interface Roles extends ServerPorts {
  readonly admin: AdminRole;
  readonly attachments: Attachments;
  readonly cellKeys: CellKeys;
  readonly conversations: Conversations;
  readonly joining: Joining;
  readonly keys: Keys;
  readonly log: Log;
  readonly orders: Orders;
  readonly people: People;
  readonly receipts: Receipts;
  readonly reports: Reports;
  readonly rosters: Rosters;
  readonly shares: Shares;
  readonly trust: TrustRole;
  /** See MemoryServer. */
  readonly pages: ReadonlyMap<string, wire.LinkPreview>;
  /** The time that Time records state. */
  signedTime(): number;
}

export interface Request {
  readonly ids: readonly string[];
  /** Decoded MessagePack, or the raw bytes of a chunk. */
  readonly body: unknown;
  readonly query: URLSearchParams;
}

export interface Route {
  readonly method: string;
  readonly path: RegExp;
  /** Null: no token is asked for. */
  readonly who: "anybody" | "device" | "confirmed";
  answer(request: Request, caller: ClientState): unknown;
}

/** The value of T that a body is; the server in memory trusts its clients' encoders for the shape. */
function as<T>(body: unknown): T {
  return body as T;
}

type Answer = (request: Request, caller: ClientState) => unknown;
type Within = (one: ConversationState, caller: ClientState, request: Request) => unknown;

export function routesOf(server: Roles): readonly Route[] {
  const routes: Route[] = [];
  const at = (who: Route["who"], line: string, answer: Answer): void => {
    const [method = "", path = ""] = line.split(" ");
    const pattern = path.replaceAll("{}", "([0-9a-f]+)");
    routes.push({ method, path: new RegExp(`^/v1${pattern}$`, "u"), who, answer });
  };
  /** A route of one conversation, for its members' devices. */
  const within = (line: string, answer: Within): void => {
    const [method = "", path = ""] = line.split(" ");
    at("confirmed", `${method} /conversations/{}${path}`, (request, caller) => {
      const [id = "", ...ids] = request.ids;
      const conversation = server.state.conversations.get(id as ConversationId);
      if (conversation?.members.get(caller.personId)?.removedMs !== null)
        throw new Refusal("not_member");
      return answer(conversation, caller, { ...request, ids });
    });
  };
  /** A route of one conversation, for devices that its newest head lists. */
  const listed = (line: string, answer: Within): void => {
    within(line, (one, caller, request) => {
      if (leafOf(one, caller.device) === null) throw new Refusal("not_member");
      return answer(one, caller, request);
    });
  };
  registrationRoutes(server, at);
  trustRoutes(server, at);
  conversationRoutes(server, at, within, listed);
  attachmentRoutes(server, at);
  at("confirmed", "POST /link-previews", ({ body }) => {
    if (server.pages.size === 0) throw new Refusal("link_previews_off");
    const page = server.pages.get(as<wire.AskLinkPreview>(body).url);
    if (page === undefined) throw new Refusal("link_without_preview");
    return page;
  });
  orderRoutes(server, at);
  reportRoutes(server, at);
  return routes;
}

type At = (who: Route["who"], line: string, answer: Answer) => void;
type InConversation = (line: string, answer: Within) => void;

function registrationRoutes(server: Roles, at: At): void {
  const { people } = server;
  at("anybody", "POST /registration/numbers", ({ body }) => {
    const challengeId = newId();
    server.state.tickets.set(challengeId, as<wire.RequestCode>(body).number);
    return { challengeId, codeLength: 6, expiresInMs: 300_000, resendAfterMs: 0 };
  });
  at("anybody", "POST /registration/codes", ({ body }) => {
    const ticket = as<wire.SubmitCode>(body).challengeId;
    const number = server.state.tickets.get(ticket);
    if (number === undefined) throw new Refusal("code_wrong");
    const { names } = people.plate(personIdOf(number));
    return { ticket, next: "device", names, expiresInMs: 300_000 };
  });
  at("anybody", "POST /registration/status", ({ body }) => ({
    ...{ ticket: as<wire.CheckRegistration>(body).ticket, next: "device" },
    ...{ names: null, expiresInMs: 300_000 },
  }));
  at("anybody", "POST /registration/clients", async ({ body }) => {
    const asked = as<wire.RegisterClient>(body);
    const { ticket, clientId, signaturePublicKey, proof } = asked;
    const label = utf8("copconnect register v1\0");
    const signed = concat(label, utf8(ticket), fromHex(clientId), signaturePublicKey);
    if (!(await verifySignature(signaturePublicKey, signed, proof)))
      throw new Refusal("proof_invalid");
    return people.register(asked);
  });
  at("anybody", "GET /conduct", () => ({
    version: people.conduct,
    createdMs: 1,
    language: "en",
    title: "Rules",
    rules: ["Be brief."],
  }));
  at("device", "POST /conduct/acceptances", async ({ body }, caller) => {
    const { version } = as<wire.AcceptConduct>(body);
    if (version < people.conduct) throw new Refusal("conduct_changed");
    (await people.person(caller.personId)).accepted = version;
    return people.me(caller);
  });
  // This department has no courses, and every group is open.
  at("device", "GET /training", () => ({ courses: [], closedFrom: null, remind: false }));
  at("device", "GET /me", (_, caller) => people.me(caller));
  at("anybody", "POST /certificates", ({ body }) => people.renew(as<wire.RenewCertificate>(body)));
  at("device", "PUT /clients/{}/label", ({ ids: [id = ""], body }, caller) => {
    const client = people.client(id as ClientId);
    if (client.personId !== caller.personId) throw new Refusal("not_found");
    client.label = as<wire.RenameClient>(body).label;
    return people.me(caller);
  });
  at("anybody", "POST /sign-out", async ({ body }) => {
    const asked = as<wire.SignOut>(body);
    const { clientId } = await people.proven("sign-out v1", asked, new Uint8Array());
    await server.trust.revokeByAuthority(clientId);
  });
  at("device", "PUT /device-keys", ({ body }, caller) =>
    people.putKeys(caller, as<wire.PutDeviceKeys>(body).keys),
  );
}

function trustRoutes(server: Roles, at: At): void {
  const { people, trust } = server;
  at("anybody", "GET /trust", () =>
    server.department.trust(server.state.version, server.state.incarnation),
  );
  at("device", "POST /people/trust", ({ body }) => trust.lookUp(as<wire.LookUpTrust>(body)));
  at("device", "POST /time", async ({ body }) => {
    const { nonce } = as<wire.AskTime>(body);
    return { time: (await server.department.time(nonce, server.signedTime())).bytes };
  });
  at("confirmed", "POST /endorsements", ({ body }, caller) =>
    trust.endorse(caller, as<wire.SubmitEndorsement>(body)),
  );
  at("device", "GET /authenticators", () => ({
    ...{ host: "", enrolled: [], ever: false, asked: null, enrols: false },
  }));
  at("confirmed", "POST /admin/acts", ({ body }, caller) =>
    server.admin.act(caller, as<wire.SubmitAct>(body)),
  );
  at("device", "GET /grants", ({ query }, caller) =>
    trust.grants((query.get("person") as PersonId | null) ?? caller.personId),
  );
  at("confirmed", "POST /revocations", ({ body }, caller) =>
    trust.revoke(caller, as<wire.SubmitRevocation>(body).revocation),
  );
  at("confirmed", "GET /devices/{}/made", ({ ids: [device = ""] }) =>
    trust.made(device as DeviceId),
  );
  at("confirmed", "GET /people/{}/lock", ({ ids: [personId = ""] }) =>
    trust.lockOf(personId as PersonId),
  );
  at("device", "GET /unconfirmed", (_, caller) => trust.unconfirmed(caller));
  at("device", "GET /confirmations", (_, caller) => trust.list(caller));
  at("confirmed", "POST /confirmations", ({ body }, caller) =>
    trust.begin(caller, as<wire.BeginConfirmation>(body)),
  );
  at("device", "POST /confirmations/{}/answer", ({ ids: [id = ""], body }, caller) =>
    trust.answer(caller, id as ConfirmationId, as<wire.AnswerConfirmation>(body)),
  );
  at("device", "POST /confirmations/{}/reveal", ({ ids: [id = ""], body }, caller) =>
    trust.reveal(caller, id as ConfirmationId, as<wire.RevealConfirmation>(body)),
  );
  at("device", "DELETE /confirmations/{}", ({ ids: [id = ""] }, caller) =>
    trust.end(caller, id as ConfirmationId),
  );
  at("device", "GET /directory", () => ({
    ...{ version: "1", units: [], levels: [], ranks: [], roles: [] },
  }));
  at("device", "POST /people/searches", ({ body }) => {
    const { asked } = as<wire.Search>(body);
    const ids = findPeople(server.state.people.keys(), asked["text"] ?? "");
    const found = ids.map((id) => people.plate(id));
    return { people: found, next: null, total: found.length };
  });
  at("device", "GET /people/{}", ({ ids: [id = ""] }) => people.plate(id as PersonId));
}

function conversationRoutes(
  server: Roles,
  at: At,
  within: InConversation,
  listed: InConversation,
): void {
  const { cellKeys, conversations, joining, keys, log, receipts, rosters, shares } = server;
  const number = (query: URLSearchParams, name: string): number => Number(query.get(name) ?? 0);
  at("confirmed", "POST /conversations", ({ body }, caller) =>
    conversations.create(caller, as<wire.CreateConversation>(body)),
  );
  at("confirmed", "GET /conversations", (_, caller) => conversations.list(caller));
  at("confirmed", "GET /joining", (_, caller) => joining.current(caller));
  within("PUT /listing", (one, caller, { body }) =>
    joining.list(one, caller, as<wire.SetListing>(body)),
  );
  at("confirmed", "PUT /conversations/{}/join-request", ({ ids: [id = ""], body }, caller) =>
    joining.ask(id as ConversationId, caller, as<wire.AskToJoin>(body)),
  );
  at("confirmed", "DELETE /conversations/{}/join-request", ({ ids: [id = ""] }, caller) =>
    joining.withdraw(id as ConversationId, caller),
  );
  within("POST /join-refusals", (one, caller, { body }) =>
    joining.refuse(one, caller, as<wire.RefuseToJoin>(body)),
  );
  within("GET ", (one, caller) => conversations.view(one, caller));
  within("GET /members", (one, caller) => conversations.members(one, caller));
  within("POST /members/searches", (one, caller) => conversations.members(one, caller));
  within("POST /members", (one, caller, { body }) =>
    conversations.change(one, caller, as<wire.ChangeMembers>(body)),
  );
  within("PUT /who-may-send", (one, caller, { body }) =>
    conversations.setWhoMaySend(one, caller, as<wire.ChangeWhoMaySend>(body)),
  );
  within("PUT /preferences", (one, caller, { body }) =>
    conversations.setPreferences(one, caller, as<wire.SetPreferences>(body)),
  );
  within("GET /receipts", (one, caller, { query }) => {
    const seq = query.get("seq");
    return receipts.counts(one, caller.personId, seq === null ? null : Number(seq));
  });
  listed("POST /start", async (one, caller, { body }) => {
    const before = String(Number.MAX_SAFE_INTEGER);
    const limit = String(as<wire.StartConversation>(body).entries);
    const page = await log.page(one, caller, new URLSearchParams({ before, limit }));
    const { keys: own } = cellKeys.own(one, caller);
    const conversation = await conversations.view(one, caller);
    const asked = shares.lacking(page, own);
    if (asked.length > 0) await shares.request(one, caller, { references: asked });
    // Each key is shared as soon as a device lacks it: none waits for a seal to its cell.
    return { conversation, page, cellKeys: own, asked, awaited: [] } satisfies wire.Start;
  });
  listed("GET /log", (one, caller, { query }) => log.page(one, caller, query));
  listed("POST /messages", (one, caller, { body }) =>
    log.post(one, caller, as<wire.SendMessage>(body)),
  );
  listed("GET /chain", (one, caller) => log.chain(one, caller.device));
  listed("GET /head", (one, caller) => rosters.state(one, caller.device));
  listed("GET /heads/{}", (one, _, { ids: [epoch] }) => rosters.head(one, Number(epoch)));
  listed("POST /proofs", (one, _, { body }) => rosters.proofs(one, as<wire.AskProofs>(body)));
  listed("GET /cells/own", (one, caller) =>
    rosters.cellLeaves(one, leafOf(one, caller.device)?.cell ?? ("" as CellId)),
  );
  listed("GET /cells/{}", (one, _, { ids: [cell = ""] }) =>
    rosters.cellLeaves(one, cell as CellId),
  );
  listed("GET /cells/own/keys", (one, caller) => cellKeys.own(one, caller));
  listed("POST /cells/own/keys", (one, caller, { body }) =>
    cellKeys.post(one, caller, as<wire.SubmitCellKey>(body)),
  );
  listed("POST /cells/own/flags", (one, caller, { body }) =>
    cellKeys.flag(one, caller, as<wire.FlagCellKey>(body).keyId),
  );
  listed("GET /cells", (one, caller, { query }) =>
    cellKeys.answer(one, caller, number(query, "since")),
  );
  listed("POST /keys", (one, caller, { body }) =>
    keys.submit(one, caller, as<wire.SubmitKey>(body)),
  );
  listed("POST /keys/seals", (one, caller, { body }) => {
    keys.submitLate(one, caller, as<wire.SubmitLateSeals>(body));
  });
  listed("GET /keys", (one, caller, { query }) =>
    keys.answer(one, caller, query.get("key") as KeyId | null),
  );
  listed("POST /share-requests", (one, caller, { body }) =>
    shares.request(one, caller, as<wire.ShareRequest>(body)),
  );
  listed("POST /share-requests/done", (one, caller, { body }) =>
    shares.done(one, caller, as<wire.ShareRequest>(body)),
  );
  listed("POST /shares", (one, caller, { body }) =>
    shares.submit(one, caller, as<wire.SubmitShares>(body)),
  );
  listed("GET /shares", (one, caller) => shares.waiting(one, caller));
}

function attachmentRoutes(server: Roles, at: At): void {
  const { attachments } = server;
  at("confirmed", "POST /attachments", ({ body }, caller) =>
    attachments.begin(caller, as<wire.BeginAttachment>(body)),
  );
  at("confirmed", "PUT /attachments/{}/chunks/{}", ({ ids: [id = "", index], body }) =>
    attachments.put(id as AttachmentId, Number(index), as<Uint8Array>(body)),
  );
  at("confirmed", "GET /attachments/{}/chunks/{}", ({ ids: [id = "", index] }) =>
    attachments.chunk(id as AttachmentId, Number(index)),
  );
  at("confirmed", "POST /attachments/{}/shares", ({ ids: [id = ""], body }) =>
    attachments.share(id as AttachmentId, as<wire.ShareAttachment>(body).conversationId),
  );
  at("confirmed", "DELETE /attachments/{}", ({ ids: [id = ""] }) =>
    attachments.remove(id as AttachmentId),
  );
}

function reportRoutes({ reports }: Roles, at: At): void {
  at("confirmed", "GET /reports/readers", () => reports.readers());
  at("confirmed", "GET /reports/mine", (_, caller) => reports.mine(caller));
  at("confirmed", "POST /reports", ({ body }, caller) =>
    reports.post(caller, as<wire.SubmitReport>(body)),
  );
  at("confirmed", "GET /reports", ({ query }, caller) =>
    reports.cases(caller, query.get("box") ?? "open"),
  );
  at("confirmed", "GET /reports/wanting", (_, caller) => reports.wanting(caller));
  at("confirmed", "GET /reports/{}", ({ ids: [id = ""] }, caller) =>
    reports.one(caller, id as ReportId),
  );
  at("confirmed", "GET /admin/acts", () => ({ acts: [] }));
}

function orderRoutes({ orders }: Roles, at: At): void {
  at("confirmed", "GET /orders", ({ query }, caller) => orders.list(caller, query));
  at("confirmed", "GET /issuing", ({ query }, caller) => orders.issuing(caller, query));
  at("confirmed", "GET /orders/{}", ({ ids: [id = ""] }, caller) =>
    orders.one(caller, id as MessageId),
  );
  at("confirmed", "POST /orders/{}/reminders", ({ ids: [id = ""], body }, caller) =>
    orders.remind(caller, id as MessageId, as<wire.RemindOfOrder>(body)),
  );
  at("confirmed", "POST /orders/{}/acknowledgements", ({ ids: [id = ""], body }, caller) =>
    orders.acknowledge(caller, id as MessageId, as<wire.SubmitAcknowledgements>(body)),
  );
}

/** Conversations of the server in memory: founding, members, rights, and how a device sees one. */
import type { ConversationId, PersonId } from "../../src/ids.ts";
import { fromHex, toHex } from "../../src/octets.ts";
import { DAY_MS } from "../../src/keys/format/times.ts";
import { directId } from "../../src/keys/roster/direct.ts";
import type * as wire from "../../src/wire.ts";
import { Refusal } from "./refusal.ts";
import { newest } from "./rosters.ts";
import type { ServerPorts } from "./ports.ts";
import type { ClientState, ConversationState, MemberState } from "./state.ts";

const NO_PREFERENCES: wire.Preferences = { mutedUntilMs: null };
const AUDIENCE_DAYS = 30;

export class Conversations {
  readonly #server: ServerPorts;

  constructor(server: ServerPorts) {
    this.#server = server;
  }

  async create(caller: ClientState, body: wire.CreateConversation): Promise<wire.Conversation> {
    const known = this.#server.state.conversations.get(body.conversationId);
    if (known !== undefined) return this.view(known, caller);
    this.#server.judge.requireConfirmed(caller);
    const people = [...new Set([caller.personId, ...body.personIds])];
    if (body.kind === "direct") requireDirectId(body.conversationId, people);
    const conversation = this.#empty(caller.personId, body);
    for (const personId of people) {
      await this.#server.people.person(personId);
      const admin = body.kind !== "direct" && personId === caller.personId;
      const member = this.#member(conversation, admin, false, conversation.createdMs);
      conversation.members.set(personId, member);
    }
    this.#server.state.conversations.set(conversation.id, conversation);
    await this.#server.rosters.refresh(conversation);
    return this.view(conversation, caller);
  }

  #empty(createdBy: PersonId, body: wire.CreateConversation): ConversationState {
    return {
      ...{ id: body.conversationId, kind: body.kind, createdBy, createdMs: this.#server.now() },
      ...{ historyDays: body.historyDays, audience: body.audience, infoVersion: 1 },
      ...{ whoMaySend: body.whoMaySend, members: new Map(), changes: new Set() },
      ...{
        rosters: new Map(),
        epoch: 0,
        kem: this.#server.kem,
        log: [],
        exports: [],
        chains: new Map(),
      },
      ...{ stateSeq: null, keys: [], keyAsk: null, cellKeys: [], cellVersion: 0 },
      ...{ cellAsks: new Map(), shareAsks: new Map(), shares: new Map() },
      ...{ cursors: new Map(), receiptsVersion: 0 },
    };
  }

  /** history_from is the joining time less the policy; a returner's is the return. */
  #member(
    conversation: ConversationState,
    admin: boolean,
    returns = false,
    addedMs = this.#server.now(),
  ): MemberState {
    const days = conversation.audience === null ? conversation.historyDays : AUDIENCE_DAYS;
    const policy = days === null ? 0 : addedMs - days * DAY_MS;
    const historyFromMs = returns ? addedMs : policy;
    return { admin, addedMs, historyFromMs, removedMs: null, preferences: NO_PREFERENCES };
  }

  async change(
    conversation: ConversationState,
    caller: ClientState,
    body: wire.ChangeMembers,
  ): Promise<wire.Conversation | undefined> {
    if (!conversation.changes.has(body.changeId)) {
      this.#requireMayChange(conversation, caller, body);
      for (const personId of body.add) await this.#server.people.person(personId);
      this.#apply(conversation, body);
      conversation.changes.add(body.changeId);
      conversation.infoVersion += 1;
      await this.#server.rosters.refresh(conversation);
      this.#tellInfo(conversation);
    }
    const belongs = this.#belongs(conversation, caller.personId);
    return belongs ? this.view(conversation, caller) : undefined;
  }

  #requireMayChange(
    conversation: ConversationState,
    caller: ClientState,
    body: wire.ChangeMembers,
  ): void {
    const member = conversation.members.get(caller.personId);
    if (member === undefined || member.removedMs !== null) throw new Refusal("not_member");
    const rest = [...body.add, ...body.makeAdmin, ...body.revokeAdmin];
    const leaves = rest.length === 0 && body.remove.every((one) => one === caller.personId);
    if (!leaves && !member.admin) throw new Refusal("not_admin");
    if (conversation.kind !== "group") throw new Refusal("bad_request");
    this.#requireAdmin(conversation, body);
  }

  /** A group of anybody has an admin. */
  #requireAdmin({ members }: ConversationState, body: wire.ChangeMembers): void {
    const present = [...members].filter(([, { removedMs }]) => removedMs === null);
    const after = new Map(present.map(([personId, { admin }]) => [personId, admin]));
    for (const personId of body.remove) after.delete(personId);
    for (const personId of body.add) if (!after.has(personId)) after.set(personId, false);
    for (const personId of body.makeAdmin) if (after.has(personId)) after.set(personId, true);
    for (const personId of body.revokeAdmin) if (after.has(personId)) after.set(personId, false);
    if (after.size > 0 && ![...after.values()].includes(true)) throw new Refusal("last_admin");
  }

  #apply(conversation: ConversationState, body: wire.ChangeMembers): void {
    const { members } = conversation;
    const now = this.#server.now();
    for (const personId of body.remove) {
      const member = members.get(personId);
      if (member === undefined || member.removedMs !== null) continue;
      member.removedMs = now;
      member.admin = false;
    }
    for (const personId of body.add) {
      const known = members.get(personId);
      if (known?.removedMs === null) continue;
      members.set(personId, this.#member(conversation, false, known !== undefined));
    }
    for (const personId of body.makeAdmin) {
      const member = members.get(personId);
      if (member?.removedMs === null) member.admin = true;
    }
    for (const personId of body.revokeAdmin) {
      const member = members.get(personId);
      if (member !== undefined) member.admin = false;
    }
  }

  async setWhoMaySend(
    conversation: ConversationState,
    caller: ClientState,
    { whoMaySend }: wire.ChangeWhoMaySend,
  ): Promise<wire.Conversation> {
    if (conversation.members.get(caller.personId)?.admin !== true) throw new Refusal("not_admin");
    if (conversation.whoMaySend !== whoMaySend) {
      conversation.whoMaySend = whoMaySend;
      conversation.infoVersion += 1;
      await this.#server.rosters.refresh(conversation);
      this.#tellInfo(conversation);
    }
    return this.view(conversation, caller);
  }

  setPreferences(
    conversation: ConversationState,
    caller: ClientState,
    preferences: wire.SetPreferences,
  ): Promise<wire.Conversation> {
    const member = conversation.members.get(caller.personId);
    if (member === undefined) throw new Refusal("not_member");
    member.preferences = preferences;
    return this.view(conversation, caller);
  }

  #tellInfo(conversation: ConversationState): void {
    const conversationId = conversation.id;
    this.#server.live.pushAll(conversation, () => ({ t: "conversation", conversationId }));
  }

  // --- Views ----------------------------------------------------------------------------------

  #belongs(conversation: ConversationState, personId: PersonId): boolean {
    return conversation.members.get(personId)?.removedMs === null;
  }

  infoVersion(conversation: ConversationState, personId: PersonId): string {
    const { mutedUntilMs } = conversation.members.get(personId)?.preferences ?? NO_PREFERENCES;
    return [conversation.infoVersion, String(mutedUntilMs)].join(".");
  }

  async list(caller: ClientState): Promise<wire.Conversations> {
    const conversations: wire.Conversation[] = [];
    for (const one of this.#server.conversationsOf(caller.personId))
      conversations.push({ ...(await this.view(one, caller)), admins: null, state: null });
    return { conversations };
  }

  async view(conversation: ConversationState, caller: ClientState): Promise<wire.Conversation> {
    const { personId } = caller;
    const own = conversation.members.get(personId);
    if (own === undefined || own.removedMs !== null) throw new Refusal("not_member");
    const present = [...conversation.members].filter(([, { removedMs }]) => removedMs === null);
    const roster = newest(conversation);
    const listed = new Set([...roster.leaves.values()].map((leaf) => leaf.personId));
    const other = present.find(([one]) => one !== personId)?.[0] ?? personId;
    const { stateSeq } = conversation;
    return {
      ...{ conversationId: conversation.id, kind: conversation.kind },
      ...{ createdBy: conversation.createdBy, createdMs: conversation.createdMs },
      lastSeq: conversation.log.length,
      ...{ members: present.length, devices: roster.leaves.size, cells: roster.cells.size },
      unregistered: present.filter(([one]) => !listed.has(one)).length,
      ...{ whoMaySend: conversation.whoMaySend, admin: own.admin },
      admins: present.filter(([, { admin }]) => admin).map(([one]) => one),
      audience: conversation.audience,
      standing: null,
      directPersonId: conversation.kind === "direct" ? other : null,
      ...{ historyDays: conversation.historyDays, historyFromMs: own.historyFromMs },
      roster: await this.#server.rosters.state(conversation, caller.device),
      state: stateSeq === null ? null : (conversation.log[stateSeq - 1]?.entry ?? null),
      stateSeq,
      deliveredSeq: conversation.cursors.get(caller.device)?.deliveredSeq ?? 0,
      readSeq: this.#server.receipts.of(conversation, personId).readSeq,
      preferences: own.preferences,
      infoVersion: this.infoVersion(conversation, personId),
    };
  }

  members(conversation: ConversationState, caller: ClientState): wire.Members {
    if (!this.#belongs(conversation, caller.personId)) throw new Refusal("not_member");
    const { people, receipts } = this.#server;
    const leaves = [...newest(conversation).leaves.values()];
    const members = [...conversation.members]
      .filter(([, { removedMs }]) => removedMs === null)
      .map(([personId, { admin, addedMs, historyFromMs }]) => ({
        ...{ admin, addedMs, historyFromMs, ...receipts.of(conversation, personId) },
        devices: leaves.filter((leaf) => leaf.personId === personId).length,
        registered: people.clientsOf(personId).length > 0,
      }));
    return { members, next: null, receiptsVersion: conversation.receiptsVersion };
  }
}

function requireDirectId(conversationId: ConversationId, people: readonly PersonId[]): void {
  const [one, other, ...more] = people.map(fromHex);
  if (one === undefined || more.length > 0) throw new Refusal("direct_people");
  if (toHex(directId(one, other ?? one)) !== conversationId) throw new Refusal("direct_id");
}

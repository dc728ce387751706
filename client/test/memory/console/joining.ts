/** Listed groups and requests to join them; everybody is of one unit. */
import type { ConversationId, PersonId } from "../../../src/ids.ts";
import { copy, type Bytes } from "../../../src/octets.ts";
import type * as wire from "../../../src/wire.ts";
import type { ServerPorts } from "../ports.ts";
import { Refusal } from "../refusal.ts";
import type { ClientState, ConversationState } from "../state.ts";

const DAY_MS = 86_400_000;

interface Asked {
  readonly askedMs: number;
  readonly refusedMs: number | null;
  readonly sealed: Bytes;
}

export class Joining {
  readonly #server: ServerPorts;
  readonly #listings = new Map<ConversationId, wire.GroupListing>();
  readonly #asked = new Map<ConversationId, Map<PersonId, Asked>>();

  constructor(server: ServerPorts) {
    this.#server = server;
  }

  current({ personId }: ClientState): wire.Joining {
    const groups: wire.ListedGroup[] = [];
    const requests: wire.JoinRequest[] = [];
    for (const [conversationId, listing] of this.#listings) {
      const admins = this.#admins(conversationId);
      const mine = admins.includes(personId);
      if (this.#isMember(conversationId, personId) && !mine) continue;
      const asked = this.#asked.get(conversationId)?.get(personId);
      const refusedMs = asked?.refusedMs ?? null;
      const askedMs = refusedMs === null ? (asked?.askedMs ?? null) : null;
      const members = this.#server.state.conversations.get(conversationId)?.members.size ?? 0;
      groups.push({ conversationId, listing, members, admins, mine, askedMs, refusedMs });
      for (const [asking, one] of mine ? (this.#asked.get(conversationId) ?? []) : [])
        if (one.refusedMs === null && !this.#isMember(conversationId, asking))
          requests.push({ conversationId, personId: asking, ...one });
    }
    return { groups, requests };
  }

  list(conversation: ConversationState, caller: ClientState, { listing }: wire.SetListing): void {
    this.#requireAdmin(conversation, caller);
    if (listing !== null) return void this.#listings.set(conversation.id, listing);
    this.#listings.delete(conversation.id);
    this.#asked.delete(conversation.id);
  }

  ask(conversationId: ConversationId, { personId }: ClientState, body: wire.AskToJoin): void {
    if (this.#isMember(conversationId, personId)) return;
    if (!this.#listings.has(conversationId)) throw new Refusal("not_found");
    const asked = this.#asked.get(conversationId) ?? new Map<PersonId, Asked>();
    const { refusedMs = null } = asked.get(personId) ?? {};
    const askedMs = this.#server.now();
    if (refusedMs !== null && askedMs < refusedMs + DAY_MS)
      throw new Refusal("join_refused", { until_ms: refusedMs + DAY_MS });
    this.#asked.set(
      conversationId,
      asked.set(personId, { askedMs, refusedMs: null, sealed: copy(body.sealed) }),
    );
    this.#server.live.pushPeople(this.#admins(conversationId), "joining");
  }

  withdraw(conversationId: ConversationId, { personId }: ClientState): void {
    const asked = this.#asked.get(conversationId);
    if (asked?.get(personId)?.refusedMs === null) asked.delete(personId);
  }

  refuse(
    conversation: ConversationState,
    caller: ClientState,
    { personId }: wire.RefuseToJoin,
  ): void {
    this.#requireAdmin(conversation, caller);
    const asked = this.#asked.get(conversation.id);
    const one = asked?.get(personId);
    if (one?.refusedMs !== null) return;
    asked?.set(personId, { ...one, refusedMs: this.#server.now() });
    this.#server.live.pushPeople([personId, ...this.#admins(conversation.id)], "joining");
  }

  /** A server that lies: one person's request is another's. */
  swap(conversationId: ConversationId, from: PersonId, to: PersonId): void {
    const asked = this.#asked.get(conversationId);
    const one = asked?.get(from);
    if (asked === undefined || one === undefined) return;
    asked.delete(from);
    asked.set(to, one);
  }

  #requireAdmin({ members }: ConversationState, { personId }: ClientState): void {
    if (members.get(personId)?.admin !== true) throw new Refusal("not_admin");
  }

  #isMember(conversationId: ConversationId, personId: PersonId): boolean {
    const { conversations } = this.#server.state;
    return conversations.get(conversationId)?.members.get(personId)?.removedMs === null;
  }

  #admins(conversationId: ConversationId): PersonId[] {
    const { members } = this.#server.state.conversations.get(conversationId) ?? {};
    return [...(members ?? [])].flatMap(([personId, { admin, removedMs }]) =>
      admin && removedMs === null ? [personId] : [],
    );
  }
}

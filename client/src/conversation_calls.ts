/** The calls of core.ts that concern conversations and messages, over a running {@link Device}. */
import { sha256 } from "@noble/hashes/sha2.js";
import { Work } from "./conversation.ts";
import type { Conversation } from "./conversation.ts";
import type { Core, ConversationItem, MemberItem, MessageItem } from "./core.ts";
import type { Device } from "./device.ts";
import { failure, hasCode } from "./failure.ts";
import { loadMessage, pageMessages } from "./messages.ts";
import { fromHex, newId, toHex, utf8 } from "./octets.ts";
import { SUITES } from "./mls/suites.ts";
import type { People } from "./people.ts";
import { readUpTo, seqOf } from "./reading.ts";
import { countsOf } from "./receipt_counts.ts";
import { RECEIPT_PEOPLE, receivers } from "./receipts.ts";
import { STORES } from "./records.ts";
import type { AttachmentRecord } from "./records.ts";
import { parseCertificate } from "./trust/certificate.ts";
import type { Change } from "./vault/vault.ts";
import type { ChangeMembers, Conversation as WireConversation, Member } from "./wire.ts";

export abstract class ConversationCalls {
  /** The running device. Throws `locked` or `not_registered`. */
  protected abstract device(): Promise<Device>;
  protected abstract peopleCache(): Promise<People>;

  async conversations(): Promise<readonly ConversationItem[]> {
    const device = await this.device();
    const all = [...device.sync.conversations.values()];
    const items = await Promise.all(all.map((one) => device.views.conversation(one)));
    const time = (item: ConversationItem): number => item.last?.sentMs ?? item.createdMs;
    return items.sort((a, b) => Number(b.pinned) - Number(a.pinned) || time(b) - time(a));
  }

  async conversation(conversationId: string): Promise<ConversationItem> {
    const device = await this.device();
    return device.views.conversation(device.find(conversationId));
  }

  async openDirect(personId: string): Promise<ConversationItem> {
    const device = await this.device();
    const account = device.context.account();
    if (personId === account.personId) throw failure("not_found");
    for (const conversation of device.sync.conversations.values()) {
      const { directPersonId, state } = conversation.record;
      if (directPersonId === personId && state !== "left") {
        return device.views.conversation(conversation);
      }
    }
    const conversationId = newId();
    const info = await device.context.api.createConversation({
      conversationId,
      kind: "direct",
      cellId: newId(),
      personIds: [personId],
      whoMayPost: "everyone",
      audience: null,
    });
    return this.#entered(device, info);
  }

  async createGroup(input: Parameters<Core["createGroup"]>[0]): Promise<ConversationItem> {
    const device = await this.device();
    const conversationId = input.conversationId ?? newId();
    const known = device.sync.find(conversationId);
    if (known !== null) return device.views.conversation(known);
    const title = input.title.trim();
    if (title === "") throw failure("message_invalid");
    const info = await device.context.api.createConversation({
      conversationId,
      kind: "group",
      // The same for a repeated call, so that the server sees the same request.
      cellId: toHex(sha256(utf8(`copconnect first cell ${conversationId}`)).subarray(0, 16)),
      personIds: [...new Set(input.personIds)],
      whoMayPost: input.whoMayPost,
      audience: null,
    });
    const conversation = await device.sync.adopt(info);
    await device.sendProfile(conversation, title, input.photo);
    return this.#entered(device, info);
  }

  /** A conversation that was just made: enter its cell, and show it whatever comes of that. */
  async #entered(device: Device, info: WireConversation): Promise<ConversationItem> {
    const conversation = await device.sync.adopt(info);
    await device.sync.refresh(conversation.id).catch(rejectUnlessOffline);
    return device.views.conversation(conversation);
  }

  async members(conversationId: string): Promise<readonly MemberItem[]> {
    const device = await this.device();
    const conversation = device.find(conversationId);
    const clients = new Map<string, { clientId: string; expiresMs: number }[]>();
    await conversation.run(async () => {
      for (const { personId, clientId, certificate } of conversation.group?.members() ?? []) {
        const own = clients.get(personId) ?? [];
        own.push({ clientId, expiresMs: parseCertificate(certificate).notAfterMs });
        clients.set(personId, own);
      }
    });
    return this.#memberItems(conversation.members.members, clients);
  }

  async memberPage(
    conversationId: string,
    after: string | null,
    text?: string,
  ): ReturnType<Core["memberPage"]> {
    const device = await this.device();
    const { id } = device.find(conversationId);
    const { members, next } = await device.context.api.members(id, after, text);
    return { members: await this.#memberItems(members, new Map()), next };
  }

  async #memberItems(
    members: readonly Member[],
    clients: ReadonlyMap<string, MemberItem["clients"]>,
  ): Promise<readonly MemberItem[]> {
    const people = await this.peopleCache();
    const { personId: ownId } = (await this.device()).context.account();
    await people.prefetch(members.map(({ personId }) => personId));
    const items = await Promise.all(
      members.map(async ({ personId, admin, deliveredSeq, readSeq }) => {
        const plate = await people.plate(personId);
        if (plate === null) return null;
        const devices = clients.get(personId) ?? [];
        return { plate, admin, me: personId === ownId, deliveredSeq, readSeq, clients: devices };
      }),
    );
    return items.filter((item) => item !== null);
  }

  async changeMembers(
    conversationId: string,
    change: Parameters<Core["changeMembers"]>[1],
  ): Promise<void> {
    const device = await this.device();
    const conversation = device.find(conversationId);
    const body: ChangeMembers = {
      changeId: newId(),
      add: [...(change.add ?? [])],
      remove: [...(change.remove ?? [])],
      makeAdmin: [...(change.makeAdmin ?? [])],
      revokeAdmin: [...(change.revokeAdmin ?? [])],
    };
    await device.sync.adopt(await device.context.api.changeMembers(conversationId, body));
    const added = new Set(body.add);
    await conversation.run(async () => {
      await device.membership.guard(conversation, () => device.inbox.catchUp(conversation));
      for (const leaf of conversation.roster?.leaves() ?? []) {
        if (added.has(leaf.personId)) conversation.toAdd.add(leaf.clientId);
      }
      conversation.duty = true;
    });
    // The roster has changed already; if the commit must wait for the network, others do it too.
    await device.membership.attendNow(conversation).catch((error: unknown) => {
      device.membership.attend(conversation);
      rejectUnlessOffline(error);
    });
    device.membership.attend(conversation);
    await device.sync.refresh(conversationId).catch(rejectUnlessOffline);
  }

  async leave(conversationId: string): Promise<void> {
    const device = await this.device();
    const conversation = device.find(conversationId);
    const { personId } = device.context.account();
    await device.context.api
      .changeMembers(conversationId, {
        changeId: newId(),
        add: [],
        remove: [personId],
        makeAdmin: [],
        revokeAdmin: [],
      })
      .catch((error: unknown) => {
        if (!hasCode(error, "not_member", "not_found")) throw error;
      });
    await conversation.run(() => device.membership.left(conversation, true));
  }

  async forget(conversationId: string): Promise<void> {
    const device = await this.device();
    const conversation = device.find(conversationId);
    if (conversation.record.state !== "left") throw failure("message_invalid");
    await conversation.run(async () => {
      const { vault } = device.context;
      const files = await vault.page<AttachmentRecord>({
        store: STORES.attachments,
        group: conversationId,
        limit: Number.MAX_SAFE_INTEGER,
        descending: false,
      });
      const group = [STORES.groups, STORES.trees, STORES.rosters, STORES.commits];
      const one = [STORES.conversations, ...group];
      const several = [STORES.heads, STORES.formerSeeds, STORES.cellKeys, STORES.chains];
      const grouped = [STORES.messages, STORES.attachments, STORES.senders, STORES.waiting];
      const changes: Change[] = [
        ...[...one, ...several, STORES.members].map((store): Change => ({
          op: "delete",
          store,
          key: conversationId,
        })),
        ...[...grouped, STORES.kept].map((store): Change => ({
          op: "delete_group",
          store,
          group: conversationId,
        })),
        ...files.map(({ attachmentId }): Change => ({ op: "delete_chunks", attachmentId })),
        ...device.outgoing
          .of(conversationId)
          .map(({ messageId }): Change => ({ op: "delete", store: STORES.outbox, key: messageId })),
      ];
      await vault.write(changes);
      for (const { messageId } of device.outgoing.of(conversationId)) {
        device.outgoing.delete(messageId);
      }
      device.sync.conversations.delete(conversationId);
    });
    device.context.emit({ type: "conversation_gone", conversationId });
  }

  async setProfile(
    conversationId: string,
    profile: Parameters<Core["setProfile"]>[1],
  ): Promise<void> {
    const device = await this.device();
    const conversation = writable(device.find(conversationId));
    if (!conversation.record.admin) throw failure("not_admin");
    await device.sendProfile(conversation, profile.title.trim(), profile.photo);
  }

  async setWhoMayPost(
    conversationId: string,
    whoMayPost: Parameters<Core["setWhoMayPost"]>[1],
  ): Promise<void> {
    const device = await this.device();
    await device.sync.adopt(await device.context.api.changePolicy(conversationId, { whoMayPost }));
  }

  async setPreferences(
    conversationId: string,
    preferences: Parameters<Core["setPreferences"]>[1],
  ): Promise<void> {
    const device = await this.device();
    const info = await device.context.api.setPreferences(conversationId, preferences);
    await device.sync.adopt(info);
  }

  async encryption(conversationId: string): ReturnType<Core["encryption"]> {
    const device = await this.device();
    const conversation = device.find(conversationId);
    await conversation.run(() => Promise.resolve());
    // How many cells are ready changes without a word to those in the others.
    if (conversation.record.cells > 1 && conversation.record.state === "ready")
      await device.sync.refresh(conversationId).catch(ignoreOffline);
    const { record, group, heads } = conversation;
    const own = group === null ? null : codeOf(group.epochAuthenticator());
    const several = record.cells > 1 && heads !== null;
    const clients = group?.members().length ?? 0;
    return {
      conversationId,
      suite: SUITES.find(({ number }) => number === record.suite)?.name ?? String(record.suite),
      cells: record.cells,
      cellsReady: record.cells > 1 ? (record.cellsReady ?? 0) : group === null ? 0 : 1,
      waiting: record.waiting ?? 0,
      refused: record.refused?.count ?? 0,
      cellsUnreached: record.cells > 1 ? (record.unreached ?? []).length : 0,
      epoch: group?.epoch ?? null,
      rosterEpoch: record.rosterEpoch,
      people: record.members,
      clients,
      allClients: several ? heads.newest.leaves : clients,
      epochCode: own,
      safetyCode: several && own !== null ? codeOf(fromHex(heads.newest.hash)) : own,
    };
  }

  // --- Messages --------------------------------------------------------------------------------

  async messages(
    conversationId: string,
    before: string | null,
    limit: number,
  ): ReturnType<Core["messages"]> {
    const device = await this.device();
    const conversation = device.find(conversationId);
    const { vault } = device.context;
    let below: number | null = null;
    if (before !== null) {
      const from = await loadMessage(vault, conversationId, before);
      if (from === null) throw failure("not_found");
      below = from.order;
    }
    const size = Math.max(1, Math.min(200, limit));
    const found = await pageMessages(vault, conversationId, below, size + 1);
    const page = found.slice(0, size).reverse();
    const { readSeq } = conversation.record;
    const unread = page.find(
      ({ seq, mine, notice }) => seq !== null && seq > readSeq && !mine && notice === null,
    );
    return {
      messages: await Promise.all(page.map((one) => device.views.message(conversation, one))),
      more: found.length > size,
      firstUnread: unread?.messageId ?? null,
    };
  }

  async send(...args: Parameters<Core["send"]>): Promise<MessageItem> {
    const device = await this.device();
    const { record } = device.find(args[0]);
    if (record.whoMayPost === "admins" && !record.admin) throw failure("may_not_post");
    return device.send(...args);
  }

  async retry(messageId: string): Promise<void> {
    const device = await this.device();
    await device.preparing.retry(this.#conversationOf(device, messageId), messageId);
  }

  async cancel(messageId: string): Promise<void> {
    const device = await this.device();
    await device.outbox.cancel(this.#conversationOf(device, messageId), messageId);
  }

  #conversationOf(device: Device, messageId: string): Conversation {
    const outgoing = device.outgoing.find(messageId);
    if (outgoing === null) throw failure("not_found");
    return device.find(outgoing.conversationId);
  }

  async markRead(conversationId: string, messageId: string): Promise<void> {
    const device = await this.device();
    const conversation = device.find(conversationId);
    const seq = await seqOf(device.context, conversationId, messageId);
    if (seq === null) return;
    const upTo = Math.floor(seq);
    const moved = await conversation.run(() => readUpTo(device.context, conversation, upTo));
    if (moved) device.sync.onCursor(conversation);
  }

  async receipts(conversationId: string, messageId: string): ReturnType<Core["receipts"]> {
    const device = await this.device();
    const people = await this.peopleCache();
    const message = await loadMessage(device.context.vault, conversationId, messageId);
    if (message === null) throw failure("not_found");
    const conversation = device.find(conversationId);
    const members = await conversation.loadMembers();
    if (conversation.record.members > RECEIPT_PEOPLE) {
      const totals = await countsOf(device.context, conversation, message);
      return { messageId, many: true, totals, read: [], delivered: [], waiting: [] };
    }
    const seq = message.seq ?? Infinity;
    const { sentMs } = message;
    const others = receivers(members, device.context.account().personId, { seq, sentMs });
    const plates = (chosen: typeof others) => people.plates(chosen.map(({ personId }) => personId));
    return {
      messageId,
      many: false,
      totals: null,
      read: await plates(others.filter((one) => one.readSeq >= seq)),
      delivered: await plates(others.filter((one) => one.deliveredSeq >= seq && one.readSeq < seq)),
      waiting: await plates(others.filter((one) => one.deliveredSeq < seq)),
    };
  }

  async saveDraft(conversationId: string, text: string): Promise<void> {
    const device = await this.device();
    const conversation = device.find(conversationId);
    await conversation.run(async () => {
      const draft = text.trim() === "" ? null : text;
      if (draft === conversation.record.draft) return;
      const work = new Work(conversation);
      work.set({ draft });
      await conversation.store(work);
    });
  }

  // --- Attachments -----------------------------------------------------------------------------

  async attachment(attachmentId: string): Promise<Blob> {
    return (await this.device()).attachments.blob(attachmentId);
  }

  async attachmentRange(attachmentId: string, start: number, end: number): Promise<Uint8Array> {
    return (await this.device()).attachments.range(attachmentId, start, end);
  }

  async cancelDownload(attachmentId: string): Promise<void> {
    (await this.device()).attachments.cancelDownload(attachmentId);
  }
}

function writable(conversation: Conversation): Conversation {
  if (conversation.record.state === "left") throw failure("conversation_left");
  if (conversation.record.state === "alarm") throw failure("security_alarm");
  return conversation;
}

/** What was known before is shown where the server cannot be asked. */
function ignoreOffline(error: unknown): void {
  if (!hasCode(error, "network", "overloaded", "locked")) throw error;
}

function rejectUnlessOffline(error: unknown): void {
  if (!hasCode(error, "network")) throw error;
}

/** Eight groups of five digits, of four bytes each. */
function codeOf(bytes: Uint8Array): string {
  const view = new DataView(bytes.buffer, bytes.byteOffset);
  const groups = Array.from({ length: 8 }, (_, i) => view.getUint32(4 * i) % 100_000);
  return groups.map((group) => String(group).padStart(5, "0")).join(" ");
}

/** `core.conversations`: list, open, make, leave, forget, name, encryption. */
import { GROUPED_STORES, SINGLE_STORES, type Conversation } from "../conversation/conversation.ts";
import { forgetWords } from "../conversation/indexed.ts";
import { MOST_DESCRIPTION } from "../seam.ts";
import type { ConversationItem, DraftForm, EncryptionView, OutgoingAttachment } from "../seam.ts";
import { failure, hasCode, rejectUnlessOffline } from "../failure.ts";
import type { Content } from "../kinds/content.ts";
import { KNOWN_DEVICES } from "../limits.ts";
import { XWING } from "../keys/hpke.ts";
import { fromHex } from "../octets.ts";
import { idOf, newId } from "../ids.ts";
import type { AttachmentId, ConversationId, PersonId, PostId } from "../ids.ts";
import { putAttachment } from "../attachments/uploads.ts";
import { fileGone, shownElsewhere, type ShownIn } from "../conversation/files.ts";
import { outgoingRecord } from "../outbox/compose.ts";
import { keepDraftFiles, openDraftFiles } from "../outbox/draft-files.ts";
import { STORES, type AttachmentRecord } from "../records.ts";
import { readableFrom, withDraft } from "../conversation/record.ts";
import { knownRoster } from "../roster/roster.ts";
import { directId } from "../keys/roster/direct.ts";
import type { Change } from "../vault/vault.ts";
import type { Conversation as WireConversation, CreateConversation, WhoMaySend } from "../wire.ts";
import type { Device } from "./device.ts";
import { writable, type DeviceAccess } from "./reach.ts";

const MOST_TITLE = 255;

export class ConversationCalls {
  readonly #reach: DeviceAccess;

  constructor(reach: DeviceAccess) {
    this.#reach = reach;
  }

  async list(): Promise<readonly ConversationItem[]> {
    const device = await this.#reach.device();
    const all = device.book.chats;
    const items = await Promise.all(all.map((one) => device.views.conversation(one)));
    const time = (item: ConversationItem): number => item.last?.sentMs ?? item.createdMs;
    return items.sort((a, b) => Number(b.pinned) - Number(a.pinned) || time(b) - time(a));
  }

  async get(conversationId: ConversationId): Promise<ConversationItem> {
    const device = await this.#reach.device();
    return device.views.conversation(device.find(conversationId));
  }

  /** The direct conversation with a person, made if there is none. */
  async openDirect(personId: PersonId): Promise<ConversationItem> {
    const device = await this.#reach.device();
    const own = device.context.identity().personId;
    if (personId === own) throw failure("not_found");
    const conversationId = idOf<ConversationId>(directId(fromHex(own), fromHex(personId)));
    const known = device.book.find(conversationId);
    if (known !== null && known.record.state !== "left") return device.views.conversation(known);
    return create(device, {
      conversationId,
      kind: "direct",
      personIds: [personId],
      whoMaySend: "everyone",
      historyDays: null,
      audience: null,
    });
  }

  /** Every device of this person opens the same one: the server makes its id of both. */
  async openPost(postId: PostId): Promise<ConversationItem> {
    const device = await this.#reach.device();
    const own = device.context.identity().personId;
    try {
      return await adopt(device, await device.context.api.openPost(postId));
    } catch (error) {
      const known = [...device.book.conversations.values()].find(
        ({ record }) =>
          record.standing?.postId === postId && record.createdBy === own && record.state !== "left",
      );
      if (known === undefined || !hasCode(error, "network")) throw error;
      return device.views.conversation(known);
    }
  }

  async createGroup(input: {
    readonly title: string;
    readonly personIds: readonly PersonId[];
    readonly photo: OutgoingAttachment | null;
    readonly whoMaySend: WhoMaySend;
    /** The history that new members see. */
    readonly history: "none" | "30_days";
    /** Made by the host where absent, so that a repeated call makes no second group. */
    readonly conversationId?: ConversationId;
  }): Promise<ConversationItem> {
    const device = await this.#reach.device();
    const conversationId: ConversationId = input.conversationId ?? newId();
    const known = device.book.find(conversationId);
    if (known !== null) return device.views.conversation(known);
    const title = titleOf(input.title);
    const item = await create(device, {
      conversationId,
      kind: "group",
      personIds: [...new Set(input.personIds)],
      whoMaySend: input.whoMaySend,
      historyDays: input.history === "30_days" ? 30 : 0,
      audience: null,
    });
    const conversation = device.find(item.conversationId);
    await sendState(device, conversation, { title, photo: input.photo, description: "" });
    return device.views.conversation(conversation);
  }

  async leave(conversationId: ConversationId): Promise<void> {
    const device = await this.#reach.device();
    const conversation = device.find(conversationId);
    const { personId } = device.context.identity();
    await device.context.api
      .changeMembers(conversationId, {
        changeId: newId(),
        add: [],
        remove: [personId],
        makeAdmin: [],
        revokeAdmin: [],
        asked: false,
      })
      .catch((error: unknown) => {
        if (!hasCode(error, "not_member", "not_found")) throw error;
      });
    await device.book.left(conversation, true);
  }

  /** Take a conversation that was left or lost off this device. */
  async forget(conversationId: ConversationId): Promise<void> {
    const device = await this.#reach.device();
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
      const drafted = conversation.record.draftFiles.map(({ id }) => id);
      const kept: Change[] = [];
      const gone: AttachmentId[] = [];
      for (const file of files) {
        const isHere = (one: ShownIn): boolean => one.conversationId === conversationId;
        const heir = await shownElsewhere(vault, file.attachmentId, isHere);
        if (heir === null) gone.push(file.attachmentId);
        else kept.push(putAttachment({ ...file, ...heir }));
      }
      await device.attachments.forget([...gone, ...drafted]);
      const waiting = device.outgoing.of(conversationId);
      const changes: Change[] = [
        ...SINGLE_STORES.map((store) => ({ op: "delete", store, key: conversationId }) as const),
        ...GROUPED_STORES.map(
          (store) => ({ op: "delete_group", store, group: conversationId }) as const,
        ),
        ...waiting.map(
          ({ messageId }) => ({ op: "delete", store: STORES.outbox, key: messageId }) as const,
        ),
        ...gone.flatMap(fileGone),
        ...kept,
        forgetWords({ conversationId, order: null }),
      ];
      await vault.write(changes);
      for (const { messageId } of waiting) device.outgoing.delete(messageId);
      device.book.conversations.delete(conversationId);
    });
    device.context.emit({ type: "conversation_gone", conversationId });
  }

  async setProfile(
    conversationId: ConversationId,
    profile: {
      readonly title: string;
      readonly photo: OutgoingAttachment | "keep" | null;
      readonly description: string;
    },
  ): Promise<void> {
    const device = await this.#reach.device();
    const conversation = writable(this.#reach, device.find(conversationId));
    if (!conversation.record.admin) throw failure("not_admin");
    const title = titleOf(profile.title);
    const description = profile.description.trim();
    if (description.length > MOST_DESCRIPTION) throw failure("message_invalid");
    await sendState(device, conversation, { ...profile, title, description });
  }

  async setWhoMaySend(conversationId: ConversationId, whoMaySend: WhoMaySend): Promise<void> {
    const device = await this.#reach.device();
    await device.book.adopt(
      await device.context.api.changeWhoMaySend(conversationId, { whoMaySend }),
    );
  }

  async setPreferences(
    conversationId: ConversationId,
    preferences: { readonly mutedUntilMs: number | null },
  ): Promise<void> {
    const device = await this.#reach.device();
    const info = await device.context.api.setPreferences(conversationId, preferences);
    await device.book.adopt(info);
  }

  /** Keep the words of a form until they are sent: those of the composer, `send` drops. */
  async saveDraft(
    conversationId: ConversationId,
    text: string,
    form: DraftForm = "composer",
  ): Promise<void> {
    const device = await this.#reach.deviceThatKeeps();
    const draft = text.trim() === "" ? null : text;
    await device.find(conversationId).change((work) => {
      const { record } = work;
      const before = form === "composer" ? record.draft : (record.formDrafts?.[form] ?? null);
      if (draft !== before) work.set(withDraft(record, form, draft));
      return Promise.resolve();
    });
  }

  /**
   * Keep these files and no others with the draft, until a message takes them. Answers with them as
   * they are to be sent: `send` takes a file that is `kept` as it is sealed.
   */
  async keepDraftFiles(
    conversationId: ConversationId,
    files: readonly OutgoingAttachment[],
  ): Promise<readonly OutgoingAttachment[]> {
    const device = await this.#reach.deviceThatKeeps();
    return keepDraftFiles(device.attachments, device.find(conversationId), files);
  }

  /** The files of the draft that can still be read. */
  async draftFiles(conversationId: ConversationId): Promise<readonly OutgoingAttachment[]> {
    const device = await this.#reach.deviceThatKeeps();
    return openDraftFiles(device.attachments, device.find(conversationId));
  }

  async encryption(conversationId: ConversationId): Promise<EncryptionView> {
    const device = await this.#reach.device();
    const conversation = device.find(conversationId);
    const { record } = conversation;
    const { time, now } = device.context;
    const head = await conversation.heads.newest(null, record.headEpoch);
    const [newest] = (await conversation.keys.newest()).filter(({ secret }) => secret !== null);
    const members = await conversation.loadMembers();
    const missing = members.members.filter(({ registered }) => !registered);
    const unregistered = missing.map(({ personId }) => personId);
    const created = newest?.record.created;
    const clock = time.now() ?? now();
    return {
      conversationId,
      people: record.members,
      unregistered: record.unregistered,
      unregisteredPeople: await this.#reach.people.plates(unregistered),
      devices: record.devices,
      whole: record.devices <= KNOWN_DEVICES,
      unconfirmed: await this.#unconfirmed(device, conversation),
      waiting: record.waiting,
      refused: record.refused?.count ?? 0,
      rosterEpoch: record.headEpoch,
      keyAgeMs: created === undefined ? null : Math.max(0, clock - created),
      kem: head === null ? null : head.kem === XWING ? "x-wing" : "x25519",
      historyFromMs: readableFrom(record),
      headCode: head === null ? null : codeOf(head.hash),
    };
  }

  /** People whose listed device this device cannot confirm; in a large conversation none is sought. */
  async #unconfirmed(
    device: Device,
    conversation: Conversation,
  ): Promise<EncryptionView["unconfirmed"]> {
    const { trust, time, now } = device.context;
    const leaves = (await knownRoster(device.context, conversation)) ?? [];
    try {
      await time.anchor();
      await trust.ensure(leaves.map(({ person }) => person));
    } catch (error) {
      // Without the server this device judges by what it knows.
      if (!hasCode(error, "network", "overloaded")) throw error;
    }
    const at = time.now() ?? now();
    const found = new Set<PersonId>();
    for (const leaf of leaves) {
      const { confirmed } = await trust.verdict(leaf.person, leaf.device, at);
      if (confirmed === "no") found.add(leaf.person);
    }
    return this.#reach.people.plates([...found]);
  }
}

async function create(device: Device, body: CreateConversation): Promise<ConversationItem> {
  return adopt(device, await device.context.api.createConversation(body));
}

/** Show a conversation that the server made or found, whatever comes of entering it. */
export async function adopt(device: Device, info: WireConversation): Promise<ConversationItem> {
  const conversation = await device.book.adopt(info);
  await device.sync.refresh(conversation.id).catch(rejectUnlessOffline);
  return device.views.conversation(conversation);
}

function titleOf(text: string): string {
  const title = text.trim();
  if (title === "" || title.length > MOST_TITLE) throw failure("message_invalid");
  return title;
}

/** Send the conversation's state, after a new photo has been uploaded. */
async function sendState(
  device: Device,
  conversation: Conversation,
  stated: Parameters<ConversationCalls["setProfile"]>[1],
): Promise<void> {
  const { title, photo, description } = stated;
  const { profile } = conversation.record;
  const prepared = photo === "keep" || photo === null ? null : device.attachments.prepare(photo);
  const kept = photo === "keep" ? (profile?.photo ?? null) : null;
  const waiting = device.outgoing.of(conversation.id).filter(({ state }) => state).length;
  const content: Content = {
    kind: "state",
    version: (profile?.version ?? 0) + waiting + 1,
    title,
    photo: prepared?.pointer ?? kept,
    description,
  };
  const order = device.outgoing.nextOrder(device.context.now());
  const stage = prepared === null ? "ready" : "uploading";
  const queued = outgoingRecord(conversation, newId(), order, content, stage);
  if (prepared === null) await device.outbox.enqueue(conversation, queued, null);
  else await device.preparing.atOnce(conversation, queued, null, [prepared]);
}

/** Eight groups of five digits, of four bytes each. */
function codeOf(bytes: Uint8Array): string {
  const view = new DataView(bytes.buffer, bytes.byteOffset);
  const groups = Array.from({ length: 8 }, (_, i) => view.getUint32(4 * i) % 100_000);
  return groups.map((group) => String(group).padStart(5, "0")).join(" ");
}

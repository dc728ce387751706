/**
 * The conversations of this device, and what the server says of them: adopted, refreshed, lost.
 *
 * States of a record (records.ts): waiting → ready when a stamped head lists this device; ready →
 * waiting when none does any more; any → left when its person is no member; left → waiting when its
 * person is one again. Calls in quick succession share one fetch.
 */
import type { OnEvent } from "../device-events.ts";
import type { DeviceContext } from "../context.ts";
import { hasCode } from "../failure.ts";
import { FIRST_PAGE } from "../inbox/history.ts";
import { takeState } from "../inbox/newest-state.ts";
import { Refused } from "../keys/format/refused.ts";
import type { Announcer } from "../messages/announcer.ts";
import { notice, noticeMessage } from "../conversation/messages.ts";
import { readUpTo } from "../messages/reading.ts";
import { newId, type ConversationId } from "../ids.ts";
import { STORES, type ConversationRecord } from "../records.ts";
import { takeRoster } from "../roster/newest.ts";
import { learnParties, oneselfId } from "../conversation/parties.ts";
import { pause } from "../transport/backoff.ts";
import type { Start, Conversation as WireConversation } from "../wire.ts";
import { Conversation } from "../conversation/conversation.ts";
import type { ConversationIndex, ConversationListener } from "../conversation/conversation.ts";
import { newRecord, refreshed } from "../conversation/record.ts";
import { UnitOfWork } from "../conversation/unit-of-work.ts";

/** Changes of one conversation within this time are fetched once. */
const REFRESH_MS = 150;

/** A conversation as the server has it now; null: this person is no member. */
export interface Refreshed {
  readonly conversation: Conversation | null;
  /** Null: this device follows its log already, or is not listed. */
  readonly start: Start | null;
}

const UNHEARD: Omit<ConversationListener, "conversation"> = {
  message: () => undefined,
  removed: () => undefined,
  notify: () => undefined,
  members: () => undefined,
  filesDropped: () => undefined,
};

export class Book implements ConversationIndex {
  readonly conversations = new Map<ConversationId, Conversation>();
  readonly #context: DeviceContext;
  readonly #announcer: Announcer;
  readonly #onEvent: OnEvent;
  #oneself: ConversationId | null = null;
  readonly #refreshing = new Map<ConversationId, Promise<Refreshed>>();

  constructor(context: DeviceContext, announcer: Announcer, onEvent: OnEvent) {
    this.#context = context;
    this.#announcer = announcer;
    this.#onEvent = onEvent;
  }

  /** Everything the vault knows, for a start without network. */
  async load(): Promise<void> {
    const records = await this.#context.vault.all<ConversationRecord>(STORES.conversations);
    for (const record of records) this.#add(record);
  }

  #add(record: ConversationRecord): Conversation {
    // The conversation of a person with oneself is no chat, and no screen shows it.
    const unheard: ConversationListener = {
      ...UNHEARD,
      conversation: () => void this.#onEvent({ type: "own_changed" }),
    };
    const listener = record.conversationId === this.oneself ? unheard : this.#announcer;
    const conversation = new Conversation(this.#context, listener, record, () => {
      void this.#onEvent({ type: "left", conversation });
    });
    this.conversations.set(conversation.id, conversation);
    return conversation;
  }

  /** All but the conversation of this person with oneself. */
  get chats(): readonly Conversation[] {
    return [...this.conversations.values()].filter(({ id }) => id !== this.oneself);
  }

  /** The conversation of this person with oneself, which is no chat. */
  get oneself(): ConversationId {
    this.#oneself ??= oneselfId(this.#context.identity().personId);
    return this.#oneself;
  }

  find(conversationId: ConversationId): Conversation | null {
    return this.conversations.get(conversationId) ?? null;
  }

  /** Take over what the server says about a conversation. */
  async adopt(info: WireConversation): Promise<Conversation> {
    const known = this.find(info.conversationId);
    const conversation = known ?? this.#add(newRecord(info));
    const missing = await conversation.run(async () => {
      const work = new UnitOfWork(conversation);
      const next = refreshed(work.record, info);
      if (known === null || JSON.stringify(next) !== JSON.stringify(work.record))
        work.record = { ...next };
      this.#judgeDirect(work, info);
      await this.#judgeListed(conversation, work, info);
      const { state } = info;
      const header =
        state === null || work.record.state !== "ready"
          ? null
          : await takeState(this.#context, conversation, work, state, null);
      await conversation.store(work);
      await readUpTo(this.#context, conversation, info.readSeq);
      return header;
    });
    if (missing !== null)
      void this.#onEvent({ type: "state_missing", conversation, header: missing });
    return conversation;
  }

  /** R10: the id says whose direct conversation it is, whatever the server says. */
  #judgeDirect(work: UnitOfWork, { kind, directPersonId }: WireConversation): void {
    const said = directPersonId === null ? [] : [directPersonId];
    learnParties(work, this.#context.identity().personId, said);
    const right = kind !== "direct" || work.record.directPersonId === directPersonId;
    if (!right) work.set({ alarm: "not_direct" });
  }

  async #judgeListed(
    conversation: Conversation,
    work: UnitOfWork,
    { roster }: WireConversation,
  ): Promise<void> {
    if (roster === null) {
      if (work.record.state !== "waiting") work.set({ state: "waiting" });
      return;
    }
    try {
      await takeRoster(this.#context, conversation, work, roster);
    } catch (error) {
      // A roster that does not verify lists nobody; the next answer may.
      if (!(error instanceof Refused)) throw error;
    }
  }

  /** k of the newest state has come: with it the state opens. */
  async openState(conversation: Conversation, k: Uint8Array): Promise<void> {
    const { state } = await this.#context.api.conversation(conversation.id);
    if (state === null) return;
    await conversation.change(async (work) => {
      await takeState(this.#context, conversation, work, state, k);
    });
  }

  /** Fetch a conversation's head; null when this person is no member (any more). */
  async fetch(conversationId: ConversationId): Promise<Conversation | null> {
    try {
      return await this.adopt(await this.#context.api.conversation(conversationId));
    } catch (error) {
      if (!hasCode(error, "not_found", "not_member")) throw error;
      const known = this.find(conversationId);
      if (known !== null) await this.left(known, false);
      return null;
    }
  }

  /** Ask for a conversation whose log this device does not follow, with all that it begins with. */
  async #start(conversationId: ConversationId): Promise<Refreshed | null> {
    try {
      const body = { entries: FIRST_PAGE };
      const start = await this.#context.api.startConversation(conversationId, body);
      return { conversation: await this.adopt(start.conversation), start };
    } catch (error) {
      // Not listed yet, or not any more: the conversation alone says which.
      if (!hasCode(error, "not_found", "not_member")) throw error;
      return null;
    }
  }

  /** The same as {@link fetch}, once for calls in quick succession. */
  refresh(conversationId: ConversationId): Promise<Refreshed> {
    const running = this.#refreshing.get(conversationId);
    if (running !== undefined) return running;
    const refresh = (async (): Promise<Refreshed> => {
      const known = this.find(conversationId);
      if (known !== null) await pause(REFRESH_MS, this.#context.signal);
      this.#refreshing.delete(conversationId);
      const started =
        (known?.record.log ?? null) === null ? await this.#start(conversationId) : null;
      return started ?? { conversation: await this.fetch(conversationId), start: null };
    })().finally(() => this.#refreshing.delete(conversationId));
    this.#refreshing.set(conversationId, refresh);
    return refresh;
  }

  /** This person is no member any more. `byMe`: this person left. */
  async left(conversation: Conversation, byMe: boolean): Promise<void> {
    const { personId } = this.#context.identity();
    await conversation.change(async (work) => {
      if (work.record.state === "left") return;
      work.set({ state: "left", infoVersion: null });
      const seq = work.record.log?.cursor ?? 0;
      const at = { seq, order: seq + 0.9, sentMs: this.#context.now() };
      const what = notice(byMe ? "left" : "removed", { people: [personId] });
      work.put(noticeMessage(conversation.id, newId(), at, what));
    });
  }
}

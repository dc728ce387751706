/**
 * A `ConnectedCore` that keeps everything in memory and answers as colleagues would. For
 * development and screenshots only: it encrypts nothing, stores nothing and is in no build that
 * ships.
 */
import type {
  ConnectedCore,
  Core,
  ConversationItem,
  MessageBody,
  MessageItem,
  Outgoing,
  OutgoingAttachment,
} from "@copconnect/client/core";
import type {
  AttachmentId,
  ConversationId,
  MessageId,
  PersonId,
  WhoMayPost,
} from "@copconnect/client/wire";
import { never, pause } from "./account.ts";
import { acceptedIn, consulting } from "./consultation.ts";
import { refusal } from "./refusal.ts";
import { ScriptedConsole } from "./console/console.ts";
import { ME, PEOPLE, id } from "./organisation.ts";
import { ScriptedOverseeing } from "./overseeing.ts";
import { barredIn, ScriptedReports } from "./reports.ts";
import { sampleImage } from "./sample-image.ts";
import type { Scenario } from "./scenario.ts";
import { asked } from "./posts.ts";
import { deviceId, plate } from "./plates.ts";
import { ScriptedOrders } from "./orders.ts";
import { sentAttachment, makeTalks, previewOf, quoteOf, type Talk } from "./talk.ts";

const ANSWERS = ["Copy.", "On my way.", "సరే సార్.", "Noted, sir.", "Reached.", "جی، ٹھیک ہے۔"];
const MEMBERS_IN_PAGE = 100;
export class ScriptedCore extends ScriptedOrders implements ConnectedCore {
  readonly #talks: Talk[];
  readonly #files = new Map<AttachmentId, Blob>();
  readonly #draftFiles = new Map<ConversationId, readonly OutgoingAttachment[]>();
  readonly admin = new ScriptedConsole(new URLSearchParams(location.search));
  readonly overseeing = new ScriptedOverseeing(
    (event) => this.emit(event),
    this.scenario.ordered,
    this.scenario.lively,
  );
  readonly reports = new ScriptedReports((event) => this.emit(event), this.scenario);
  #made = 800_000;

  constructor(scenario: Scenario) {
    super(scenario);
    const kind =
      scenario.chats === "error" || scenario.chats === "loading" ? "some" : scenario.chats;
    this.#talks = makeTalks(kind, scenario.messages, scenario.alarm);
    for (const { item, messages } of this.#talks) messages.push(...this.ordersIn(item));
    if (scenario.lively) setInterval(() => this.#answer(this.#talks[0] as Talk), 4000);
  }

  #talk(conversationId: ConversationId): Talk {
    const talk = this.#talks.find((one) => one.item.conversationId === conversationId);
    if (talk === undefined) throw refusal("not_found");
    return talk;
  }

  #change(talk: Talk, change: Partial<ConversationItem>): ConversationItem {
    talk.item = { ...talk.item, ...change };
    const item = barredIn(this.scenario, talk.item);
    this.emit({ type: "conversation", item });
    return item;
  }

  #put(talk: Talk, message: MessageItem): void {
    const at = talk.messages.findIndex((one) => one.messageId === message.messageId);
    if (at >= 0) talk.messages[at] = message;
    else talk.messages.push(message);
    const { conversationId } = talk.item;
    this.emit({ type: "messages", conversationId, items: [message] });
    this.#change(talk, {
      unread: message.mine ? 0 : talk.item.unread + (at >= 0 ? 0 : 1),
      last: {
        preview: message.preview,
        sender: message.sender,
        mine: message.mine,
        sentMs: message.sentMs,
        status: message.status,
      },
    });
  }

  #answer(talk: Talk): void {
    const others = talk.people.filter((person) => person.personId !== ME.personId);
    const person = others[this.#made % others.length];
    if (person === undefined) return;
    const number = this.#made++;
    const text = ANSWERS[number % ANSWERS.length] ?? "";
    const body = { kind: "text", text, mentions: [] } as const;
    const message: MessageItem = {
      messageId: id(4, number),
      conversationId: talk.item.conversationId,
      seq: number,
      sender: plate(person),
      mine: false,
      sentMs: Date.now(),
      body,
      preview: previewOf(body),
      ...{ replyTo: null, answer: null, status: null, failure: null },
    };
    this.#put(talk, message);
    this.emit({ type: "notify", conversationId: talk.item.conversationId, item: message });
  }

  // --- Conversations ---------------------------------------------------------------------------

  readonly conversations: Core["conversations"] = {
    list: async () => {
      await pause(60);
      if (this.scenario.chats === "error") throw refusal("storage_failed");
      if (this.scenario.chats === "loading") return never();
      return this.#talks.map(({ item }) => barredIn(this.scenario, item));
    },
    get: async (conversationId) => barredIn(this.scenario, this.#talk(conversationId).item),
    openDirect: async (personId) => {
      await pause(200);
      const known = this.#talks.find((talk) => talk.item.direct?.personId === personId);
      if (known) return known.item;
      return this.#begin("direct", null, [personId], "everyone");
    },
    openPost: async (postId) => {
      await pause(200);
      const known = this.#talks.find(({ item }) => item.standing?.postId === postId);
      if (known) return known.item;
      const { holders, change } = asked(postId);
      const item = this.#begin("unit", null, holders, "everyone");
      return this.#change(this.#talk(item.conversationId), change);
    },
    createGroup: async (input) => {
      await pause(400);
      if (input.personIds.length > 1024) throw refusal("group_too_large", { limit: 1024 });
      return this.#begin("group", input.title, input.personIds, input.whoMayPost);
    },
    leave: async (conversationId) => {
      await pause(200);
      this.#change(this.#talk(conversationId), { state: "left", canPost: false });
    },
    forget: async (conversationId) => {
      this.#talks.splice(this.#talks.indexOf(this.#talk(conversationId)), 1);
      this.emit({ type: "conversation_gone", conversationId });
    },
    setProfile: async (conversationId, profile) => {
      this.#change(this.#talk(conversationId), { title: profile.title });
    },
    setWhoMayPost: async (conversationId, whoMayPost) => {
      this.#change(this.#talk(conversationId), { whoMayPost });
    },
    setPreferences: async (conversationId, preferences) => {
      this.#change(this.#talk(conversationId), preferences);
    },
    encryption: async (conversationId) => {
      await pause(60);
      const { item, people } = this.#talk(conversationId);
      const many = item.members > 256;
      return {
        conversationId,
        people: item.members,
        unregistered: item.unregistered,
        unregisteredPeople: many ? [] : people.filter(({ registered }) => !registered).map(plate),
        ...{ devices: item.devices, whole: !many },
        unconfirmed: many ? [] : people.slice(4, 5).map(plate),
        waiting: many ? 3 : 0,
        refused: many ? 1 : 0,
        rosterEpoch: 17,
        keyAgeMs: 4 * 3_600_000,
        kem: "x-wing",
        historyFromMs: many ? Date.now() - 30 * 86_400_000 : null,
        headCode: "48213 90117 66304 20981 73345 11860 52947 30662",
      };
    },
    saveDraft: async (at, text) =>
      void this.#change(this.#talk(at), { draft: text === "" ? null : text }),
    keepDraftFiles: async (conversationId, files) => {
      this.#draftFiles.set(conversationId, files);
      this.#change(this.#talk(conversationId), { draftFiles: files.length });
      return files.map((one) => ({ kept: id<AttachmentId>(6, this.#made++), ...one }));
    },
    draftFiles: async (at) => this.#draftFiles.get(at) ?? [],
  };

  #begin(
    kind: "direct" | "group" | "unit",
    title: string | null,
    personIds: readonly PersonId[],
    whoMayPost: WhoMayPost,
  ): ConversationItem {
    const template = makeTalks("some", 1)[2] as Talk;
    const people = [ME, ...PEOPLE.filter((person) => personIds.includes(person.personId))];
    const others = people.slice(1).map(plate);
    const talk: Talk = {
      people,
      messages: [],
      item: {
        ...template.item,
        conversationId: id(3, this.#made++),
        kind,
        title,
        direct: kind === "direct" ? (others[0] ?? null) : null,
        some: others.slice(0, 3),
        members: people.length,
        unregistered: people.filter((person) => !person.registered).length,
        history: null,
        last: null,
        admin: kind === "group",
        whoMayPost,
        createdMs: Date.now(),
      },
    };
    this.#talks.push(talk);
    this.emit({ type: "conversation", item: talk.item });
    return talk.item;
  }
  readonly members: Core["members"] = {
    list: async (conversationId) => {
      await pause(60);
      const talk = this.#talk(conversationId);
      return talk.people.map((person, index) => ({
        plate: plate(person),
        admin: person.personId === ME.personId ? talk.item.admin : index === 1,
        me: person.personId === ME.personId,
        ...{ deliveredSeq: talk.messages.length, readSeq: talk.messages.length - (index % 3) },
        registered: person.registered,
        reads: person.registered ? "yes" : "no",
        ...{ listed: true, historyFromMs: null },
        devices: !person.registered
          ? []
          : [
              {
                device: deviceId(index + 10),
                clientId: id(9, index + 10),
                label: null,
                confirmed: (["admin", "first", "admin", "first", "no"] as const)[index] ?? "admin",
                by: index === 1 || index === 3 ? null : plate(ME),
                expiresMs: Date.now() + 60 * 86_400_000,
              },
            ],
      }));
    },
    page: async (conversationId, after, text = "") => {
      const everybody = await this.members.list(conversationId);
      const all = everybody.filter(({ plate }) =>
        `${plate.names.en} ${plate.post.en}`.toLowerCase().includes(text.toLowerCase()),
      );
      const from = Number(after ?? 0);
      const members = all.slice(from, from + MEMBERS_IN_PAGE);
      const to = from + members.length;
      return { members, next: to < all.length ? String(to) : null };
    },
    change: async (conversationId, change) => {
      await pause(300);
      const talk = this.#talk(conversationId);
      talk.people = [
        ...talk.people.filter((person) => !(change.remove ?? []).includes(person.personId)),
        ...PEOPLE.filter((person) => (change.add ?? []).includes(person.personId)),
      ];
      this.#change(talk, { members: talk.people.length });
      this.emit({ type: "members", conversationId });
    },
  };

  // --- Messages --------------------------------------------------------------------------------

  readonly messages: Core["messages"] = {
    page: async (conversationId, before, limit) => {
      await pause(before === null ? 40 : 250);
      if (this.scenario.pages === "error") throw refusal("storage_failed");
      if (this.scenario.pages === "loading") return never();
      const talk = this.#talk(conversationId);
      const end =
        before === null
          ? talk.messages.length
          : talk.messages.findIndex((message) => message.messageId === before);
      const from = Math.max(0, end - limit);
      const incoming = talk.messages.filter((message) => !message.mine);
      return {
        messages: talk.messages.slice(from, end),
        more: from > 0,
        firstUnread:
          talk.item.unread > 0 ? (incoming.at(-talk.item.unread)?.messageId ?? null) : null,
      };
    },
    send: async (conversationId, outgoing, replyTo) => {
      const { messages } = this.#talk(conversationId);
      const quoted = messages.find((message) => message.messageId === replyTo);
      const quote = quoted ? { replyTo: quoteOf(quoted) } : {};
      return this.say(conversationId, this.#bodyOf(outgoing), quote);
    },
    react: (conversationId, messageId, emoji) => {
      const talk = this.#talk(conversationId);
      const message = talk.messages.find((one) => one.messageId === messageId);
      if (message === undefined) return Promise.reject(refusal("not_found"));
      const own = emoji === null ? [] : [{ emoji, people: [plate(ME)], mine: true }];
      const others = (message.reactions ?? []).filter(({ mine }) => !mine);
      this.#put(talk, { ...message, reactions: [...others, ...own] });
      return Promise.resolve();
    },
    retry: async (messageId) => {
      for (const talk of this.#talks) {
        const message = talk.messages.find((one) => one.messageId === messageId);
        if (message === undefined) continue;
        const again = { ...message, status: "sending" as const, failure: null };
        this.#put(talk, again);
        await pause(400);
        this.#put(talk, { ...again, seq: this.#made++, status: "sent" });
      }
    },
    cancel: async (messageId) => {
      for (const talk of this.#talks) {
        const at = talk.messages.findIndex((one) => one.messageId === messageId);
        if (at < 0) continue;
        talk.messages.splice(at, 1);
        const { conversationId } = talk.item;
        this.emit({ type: "message_removed", conversationId, messageId });
      }
    },
    markRead: async (conversationId) => {
      const talk = this.#talk(conversationId);
      if (talk.item.unread > 0) this.#change(talk, { unread: 0, mentioned: false });
    },
    receipts: async (conversationId, messageId) => {
      await pause(80);
      const talk = this.#talk(conversationId);
      const others = talk.people.filter((person) => person.personId !== ME.personId).map(plate);
      if (talk.item.members > 256) {
        const people = talk.item.members - 1;
        const phones = Math.floor(0.98 * people);
        const come = { delivered: Math.floor(0.97 * people), read: Math.ceil(people / 2) };
        const nobody = { read: [], delivered: [], lacksKey: [], waiting: [] };
        const totals = { people, phones, ...come };
        return { messageId, many: true, totals, ...nobody, unregistered: [], signedOut: [] };
      }
      const third = Math.ceil(others.length / 3);
      const waiting = others.slice(2 * third);
      return {
        messageId,
        many: false,
        totals: null,
        read: others.slice(0, third),
        delivered: others.slice(third, 2 * third),
        unregistered: waiting.slice(0, 1),
        signedOut: waiting.slice(1, 2),
        lacksKey: waiting.slice(2, 3),
        waiting: waiting.slice(3),
      };
    },
  };

  protected override say(
    conversationId: ConversationId,
    body: MessageBody,
    more: Partial<MessageItem>,
  ): MessageItem {
    const talk = this.#talk(conversationId);
    const number = this.#made++;
    const message: MessageItem = {
      messageId: id(4, number),
      conversationId,
      seq: null,
      sender: plate(ME),
      mine: true,
      sentMs: Date.now(),
      body,
      preview: previewOf(body),
      replyTo: null,
      answer: null,
      status: "queued",
      failure: null,
      ...more,
    };
    this.#put(talk, message);
    this.#change(talk, { draft: null, draftFiles: 0 });
    void this.#deliver(talk, message, number);
    return message;
  }
  #bodyOf(outgoing: Outgoing): MessageBody {
    if (outgoing.kind === "poll" || outgoing.kind === "question" || outgoing.kind === "live")
      return consulting(outgoing);
    if (!("attachments" in outgoing)) return outgoing;
    return {
      ...outgoing,
      attachments: outgoing.attachments.map((one) => {
        const view = sentAttachment(this.#made++, one);
        this.#files.set(view.attachmentId, one.file);
        return view;
      }),
    };
  }
  async #deliver(talk: Talk, message: MessageItem, seq: number): Promise<void> {
    if (this.now.connection === "offline") return;
    await pause(200);
    if (message.body.kind === "text" && message.body.text.includes("fail")) {
      this.#put(talk, { ...message, status: "failed", failure: refusal("not_member") });
      return;
    }
    this.#put(talk, { ...message, seq, status: "sent" });
    await pause(600);
    this.#put(talk, { ...message, seq, status: "delivered" });
    await pause(900);
    this.#put(talk, { ...message, seq, status: "read" });
    this.#answer(talk);
  }
  protected override amend(messageId: MessageId, change: (body: MessageBody) => MessageBody): void {
    for (const talk of this.#talks) {
      const message = talk.messages.find((one) => one.messageId === messageId);
      if (message === undefined) continue;
      const body = change(message.body);
      this.#put(talk, { ...message, body, answer: acceptedIn(body, talk.messages) });
    }
  }

  // --- Attachments -----------------------------------------------------------------------------

  readonly attachments: Core["attachments"] = {
    get: async (attachmentId) => {
      await pause(200);
      return this.#files.get(attachmentId) ?? new Blob([sampleImage()], { type: "image/svg+xml" });
    },
    range: async (attachmentId, start, end) => {
      const blob = await this.attachments.get(attachmentId);
      return new Uint8Array(await blob.slice(start, end).arrayBuffer());
    },
    cancelDownload: async () => {
      // Nothing is under way.
    },
  };
}

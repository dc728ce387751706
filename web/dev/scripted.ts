/**
 * A `ConnectedCore` in memory (practice/station.ts) with every object of the core, and states that
 * are hard to reach. For development and screenshots only: it is in no build that ships.
 */
import type {
  ConnectedCore,
  Core,
  ConversationItem,
  MessageItem,
  OrderView,
  OutgoingAttachment,
} from "@copconnect/client/core";
import type { AttachmentId, ConversationId, PersonId, WhoMaySend } from "@copconnect/client/wire";
import { conversationOf, encryptionOf, id, messageOfOrder, refusal } from "#practice/items.ts";
import { pause, type ColleagueAnswer, type Talk } from "#practice/station.ts";
import { answering } from "./answering.ts";
import { ScriptedConsole } from "./console/console.ts";
import { joiningOf } from "./joining.ts";
import { ScriptedExports } from "./exports.ts";
import { ME, PEOPLE, deviceId, plate } from "./organisation.ts";
import { ScriptedOverseeing } from "./overseeing.ts";
import { barredIn, ScriptedReports } from "./reports.ts";
import { ownCore } from "./own.ts";
import { sampleImage, samplePicture } from "./sample-image.ts";
import { scenarioFrom, type Scenario } from "./scenario.ts";
import { asked } from "./posts.ts";
import { sampleOrders, ScriptedOrders } from "./orders.ts";
import { makeTalks } from "./talk.ts";

const ANSWERS = ["Copy.", "On my way.", "సరే సార్.", "Noted, sir.", "Reached.", "جی، ٹھیک ہے۔"];
const MEMBERS_IN_PAGE = 100;

function talksOf(scenario: Scenario, issued: readonly OrderView[]): readonly Talk[] {
  const { chats, messages, alarm } = scenario;
  const kind = chats === "error" || chats === "loading" ? "some" : chats;
  return makeTalks(kind, messages, alarm).map((talk) => {
    const here = issued.filter((one) => one.conversationId === talk.item.conversationId);
    return { ...talk, messages: [...talk.messages, ...here.flatMap(messageOfOrder)] };
  });
}

class ScriptedCore extends ScriptedOrders implements ConnectedCore {
  readonly #draftFiles = new Map<ConversationId, readonly OutgoingAttachment[]>();
  readonly admin = new ScriptedConsole(new URLSearchParams(location.search));
  readonly overseeing = new ScriptedOverseeing(
    (event) => this.emit(event),
    this.scenario.ordered,
    this.scenario.lively,
  );
  readonly exports = new ScriptedExports(
    (event) => this.emit(event),
    new URLSearchParams(location.search).has("broken"),
  );
  readonly reports = new ScriptedReports((event) => this.emit(event), this.scenario);

  constructor(scenario: Scenario) {
    const issued = scenario.chats === "empty" ? [] : sampleOrders();
    super(scenario, talksOf(scenario, issued), issued);
    if (scenario.lively) setInterval(() => this.answer(this.talks[0] as Talk), 4000);
  }

  protected override answerIn({ people }: Talk, number: number): ColleagueAnswer | null {
    const others = people.filter(({ personId }) => personId !== ME.personId);
    const person = others[number % others.length];
    if (person === undefined) return null;
    const text = ANSWERS[number % ANSWERS.length] ?? "";
    return { sender: plate(person), body: { kind: "text", text, mentions: [] } };
  }
  protected override noteRead(): void {
    // Only the practice counts steps.
  }
  protected override shown(item: ConversationItem): ConversationItem {
    return barredIn(this.scenario, item);
  }
  protected override absentFile(): Blob {
    return new Blob([sampleImage()], { type: "image/svg+xml" });
  }
  protected override async deliver(talk: Talk, message: MessageItem): Promise<void> {
    if (this.now.connection === "offline") return this.put(talk, { ...message, status: "queued" });
    if (message.body.kind !== "text" || !message.body.text.includes("fail"))
      return super.deliver(talk, message);
    await pause(200);
    this.put(talk, { ...message, status: "failed", failure: refusal("not_member") });
  }

  // --- Conversations ---------------------------------------------------------------------------

  readonly joining: Core["joining"] = joiningOf(this.talks, (event) => this.emit(event));
  readonly conversations: Core["conversations"] = {
    ...this.ownConversations,
    openDirect: async (personId) => {
      const known = this.talks.find((talk) => talk.item.direct?.personId === personId);
      if (known) return known.item;
      return this.#begin("direct", null, [personId], "everyone");
    },
    openPost: async (postId) => {
      const known = this.talks.find(({ item }) => item.standing?.postId === postId);
      if (known) return known.item;
      const { holders, change } = asked(postId);
      const item = this.#begin("unit", null, holders, "everyone");
      return this.change(this.talk(item.conversationId), change);
    },
    createGroup: async (input) => {
      if (input.personIds.length > 1024) throw refusal("group_too_large", { limit: 1024 });
      return this.#begin("group", input.title, input.personIds, input.whoMaySend);
    },
    leave: async (conversationId) => {
      this.change(this.talk(conversationId), { state: "left", canSend: false });
    },
    forget: async (conversationId) => {
      this.talks.splice(this.talks.indexOf(this.talk(conversationId)), 1);
      this.emit({ type: "conversation_gone", conversationId });
    },
    setProfile: async (conversationId, profile) => {
      const { title, description } = profile;
      this.change(this.talk(conversationId), { title, description });
    },
    setWhoMaySend: async (conversationId, whoMaySend) => {
      this.change(this.talk(conversationId), { whoMaySend });
    },
    encryption: async (conversationId) => {
      const { item, people } = this.talk(conversationId);
      const many = item.members > 256;
      return {
        ...encryptionOf(item),
        unregistered: item.unregistered,
        unregisteredPeople: many ? [] : people.filter(({ registered }) => !registered).map(plate),
        whole: !many,
        unconfirmed: many ? [] : people.slice(4, 5).map(plate),
        waiting: many ? 3 : 0,
        refused: many ? 1 : 0,
        historyFromMs: many ? Date.now() - 30 * 86_400_000 : null,
      };
    },
    keepDraftFiles: async (conversationId, files) => {
      this.#draftFiles.set(conversationId, files);
      this.change(this.talk(conversationId), { draftFiles: files.length });
      return files.map((one) => ({ kept: this.newId<AttachmentId>(6), ...one }));
    },
    draftFiles: async (at) => this.#draftFiles.get(at) ?? [],
  };

  #begin(
    kind: "direct" | "group" | "unit",
    title: string | null,
    personIds: readonly PersonId[],
    whoMaySend: WhoMaySend,
  ): ConversationItem {
    const people = [ME, ...PEOPLE.filter((person) => personIds.includes(person.personId))];
    const item = conversationOf(this.newId(3), people.slice(1).map(plate), undefined, {
      ...{ kind, title, admin: kind === "group", whoMaySend, createdMs: Date.now() },
      unregistered: people.filter((person) => !person.registered).length,
    });
    this.talks.push({ people, messages: [], item });
    this.emit({ type: "conversation", item });
    return item;
  }
  readonly members: Core["members"] = {
    list: async (conversationId) => {
      const talk = this.talk(conversationId);
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
      const talk = this.talk(conversationId);
      talk.people = [
        ...talk.people.filter((person) => !(change.remove ?? []).includes(person.personId)),
        ...PEOPLE.filter((person) => (change.add ?? []).includes(person.personId)),
      ];
      this.change(talk, { members: talk.people.length });
      this.emit({ type: "members", conversationId });
    },
  };

  readonly oneself = ownCore({
    talks: this.talks,
    talk: (conversationId) => this.talk(conversationId),
    change: (talk, change) => this.change(talk, change),
    put: (talk, message) => this.put(talk, message),
    remove: (talk, messageId) => {
      const at = talk.messages.findIndex((one) => one.messageId === messageId);
      if (at >= 0) talk.messages.splice(at, 1);
      const { conversationId } = talk.item;
      this.emit({ type: "message_removed", conversationId, messageId });
    },
    newId: () => this.newId(7),
  });

  // --- Messages --------------------------------------------------------------------------------

  readonly messages: Core["messages"] = {
    ...this.ownMessages,
    linkPreview: async (url) => ({
      title: `గోల్కొండ బోనాలు: ట్రాఫిక్ మళ్లింపులు, పార్కింగ్ స్థలాలు ${new URL(url).pathname}`,
      description: "Roads closed from 06:00, and where officers park.",
      picture: await samplePicture(),
    }),
    retry: async (messageId) => {
      for (const talk of this.talks) {
        const message = talk.messages.find((one) => one.messageId === messageId);
        if (message === undefined) continue;
        const again = { ...message, status: "sending", failure: null } as const;
        this.put(talk, again);
        void super.deliver(talk, again);
      }
    },
    cancel: async (messageId) => {
      for (const talk of this.talks) {
        const at = talk.messages.findIndex((one) => one.messageId === messageId);
        if (at < 0) continue;
        talk.messages.splice(at, 1);
        const { conversationId } = talk.item;
        this.emit({ type: "message_removed", conversationId, messageId });
      }
    },
    receipts: async (conversationId, messageId) => {
      const talk = this.talk(conversationId);
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
}

export function scriptedCore(): ConnectedCore {
  const scenario = scenarioFrom(new URLSearchParams(location.search));
  return answering(new ScriptedCore(scenario), scenario);
}

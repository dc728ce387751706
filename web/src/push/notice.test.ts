import type {
  CalledAs,
  ConversationItem,
  MessageItem,
  OrderView,
  Plate,
} from "@copconnect/client/core";
import type { ConversationId, MessageId } from "@copconnect/client/wire";
import { describe, expect, it } from "vitest";
import { en } from "#i18n/locales/en.ts";
import { hi } from "#i18n/locales/hi.ts";
import { te } from "#i18n/locales/te.ts";
import { ur } from "#i18n/locales/ur.ts";
import type { Duty } from "./duty.ts";
import {
  dataOf,
  lessonsNotice,
  noticeOf,
  plainNotice,
  reactionNotice,
  reminderOf,
  unsentNotice,
} from "./notice.ts";
import { PLAIN } from "./settings.ts";

const CHAT = "c".repeat(32) as ConversationId;
const MESSAGE = "d".repeat(32) as MessageId;
const item = {
  conversationId: CHAT,
  messageId: MESSAGE,
  sender: { names: { en: "Asha Rao", te: "ఆశా రావు", ur: "", hi: "" } },
  body: { kind: "text", text: "At the gate.", mentions: [] },
} as unknown as MessageItem;
const group = { title: "Night shift", mentions: 0 } as ConversationItem;
const CALLED_AS: readonly CalledAs[] = ["person", "post", "posts", "rank", "everybody"];
const telling = { ...PLAIN, detail: true };
const duty: Duty = { days: [0, 1, 2, 3, 4, 5, 6], from: 360, to: 1320, untilMs: null };
const [NOON, MIDNIGHT] = [new Date("2026-11-27T12:00:00"), new Date("2026-11-27T00:00:00")];

describe("an order's notification", () => {
  const order = {
    ...item,
    body: {
      ...{ kind: "order", title: "Report at 06:00", text: "South gate", priority: "flash" },
      language: "en",
      translations: [
        { language: "te", title: "06:00 కి హాజరు కండి", text: "", choices: [], items: [] },
      ],
    },
  } as unknown as MessageItem;

  it("has its title, leads to its page, and a flash order sounds off duty", () => {
    const { options } = noticeOf(order, group, { ...telling, duty }, MIDNIGHT);
    expect(options.body).toBe("Report at 06:00");
    expect([options.silent, options.requireInteraction]).toEqual([false, true]);
    expect(options.actions?.map(({ action }) => action)).toEqual(["acknowledge", "read"]);
    expect(dataOf({ data: options.data })?.order).toBe(true);
    const urgent = { ...order, body: { ...order.body, priority: "urgent" } } as MessageItem;
    expect(noticeOf(urgent, group, { ...telling, duty }, MIDNIGHT).options.silent).toBe(true);
  });

  it("reminds of what is owed, with the title only where the person wants it", () => {
    const owed = {
      orderId: MESSAGE,
      conversationId: CHAT,
      priority: "urgent",
      body: order.body,
    } as unknown as OrderView;
    expect(reminderOf(owed, telling, NOON).title).toBe("Report at 06:00");
    const telugu = { ...telling, language: "te" } as const;
    expect(reminderOf(owed, telugu, NOON).title).toBe("06:00 కి హాజరు కండి");
    const plain = reminderOf(owed, PLAIN, NOON);
    expect(JSON.stringify(plain)).not.toContain("06:00");
    expect(plain.options.tag).toBe(`order-${MESSAGE}`);
  });
});

describe("a reaction's notification", () => {
  const by = { names: { en: "Balu", te: "బాలు", ur: "", hi: "" } } as unknown as Plate;
  it("says who reacted to which words, where the person wants that, and stays apart", () => {
    const { title, options } = reactionNotice(item, { emoji: "👍", by }, telling, NOON);
    expect([title, options.body]).toEqual(["Balu", "Reacted 👍 to your message: At the gate."]);
    expect(options.tag).not.toBe(CHAT);
    expect(dataOf({ data: options.data })?.conversationId).toBe(CHAT);
    const plain = reactionNotice(item, { emoji: "👍", by }, PLAIN, NOON);
    expect([plain.title, plain.options.body]).toEqual(["Cop Connect", "New reaction"]);
    expect(
      reactionNotice(item, { emoji: "👍", by }, { ...telling, duty }, MIDNIGHT).options.silent,
    ).toBe(true);
  });
});

describe("a notification that a push brings", () => {
  it("says New message, unless the person wants more on the screen", () => {
    const { title, options } = noticeOf(item, group, PLAIN, NOON);
    expect([title, options.body]).toEqual(["Cop Connect", "New message"]);
    expect(JSON.stringify(options)).not.toContain("gate");
  });

  it("names sender, group and text where the person wants them", () => {
    const { title, options } = noticeOf(item, group, telling, NOON);
    expect([title, options.body]).toEqual(["Asha Rao · Night shift", "At the gate."]);
    const direct = { ...group, title: null };
    expect(noticeOf(item, direct, telling, NOON).title).toBe("Asha Rao");
  });

  it("names people in the reader's language, in English where there is no other name", () => {
    const of = (language: "te" | "ur"): string =>
      noticeOf(item, null, { ...telling, language }, NOON).title;
    expect([of("te"), of("ur")]).toEqual(["ఆశా రావు", "Asha Rao"]);
  });

  it("is one for each conversation, and finds its message again", () => {
    const { options } = noticeOf(item, group, telling, NOON);
    expect(options.tag).toBe(CHAT);
    expect(dataOf({ data: options.data })).toEqual({
      conversationId: CHAT,
      messageId: MESSAGE,
      telling: true,
    });
    expect(dataOf({ data: plainNotice(PLAIN, NOON).options.data })).toBeNull();
    expect(options.actions?.map(({ action, type }) => [action, type])).toEqual([
      ["reply", "text"],
      ["read", undefined],
    ]);
  });

  it("keeps a reply that was not sent, without showing it", () => {
    const data = dataOf({ data: noticeOf(item, group, PLAIN, NOON).options.data });
    if (data === null) throw new Error("no data");
    const { title, options } = unsentNotice(data, "On my way.", PLAIN);
    expect([title, options.body, options.tag]).toEqual(["Cop Connect", PLAIN.words.notSent, CHAT]);
    expect(dataOf({ data: options.data })).toEqual({ ...data, reply: "On my way." });
  });

  it("takes no reply where this person cannot send, and says until when", () => {
    const { options } = noticeOf(item, { ...group, canSend: false }, PLAIN, NOON);
    expect(options.actions?.map(({ action }) => action)).toEqual(["read"]);
    const data = dataOf({ data: options.data });
    if (data === null) throw new Error("no data");
    const { body } = unsentNotice(data, "On my way.", PLAIN, NOON.getTime()).options;
    expect(body).toMatch(/^You cannot write there until 27.Nov.2026, 12:00.pm\. Your/u);
  });

  it.each([
    ["en", en, "Mentions your post: At the gate."],
    ["te", te, "మీ పోస్టును ప్రస్తావించారు: At the gate."],
    ["ur", ur, "آپ کے عہدے کا ذکر: At the gate."],
    ["hi", hi, "आपके पद का उल्लेख: At the gate."],
  ] as const)("says in %s how a message mentions its reader", (language, { me }, byPost) => {
    const settings = { ...telling, language, words: { ...PLAIN.words, called: me.called } };
    const body = (called: CalledAs, detail = true): string | undefined =>
      noticeOf({ ...item, called }, group, { ...settings, detail }, NOON).options.body;
    expect(body("post")).toBe(byPost);
    for (const call of CALLED_AS) {
      expect(body(call)).toBe(`${me.called[call]}: At the gate.`);
      expect(body(call, false)).toBe("New message");
    }
    expect(new Set(Object.values(me.called)).size).toBe(CALLED_AS.length);
  });

  it("says how a message without words mentions its reader, in English before any settings", () => {
    const photo = { ...item, body: { kind: "attachments", text: "" }, called: "rank" };
    const { body } = noticeOf(photo as unknown as MessageItem, group, telling, NOON).options;
    expect(body).toBe("Mentions your rank");
    expect(PLAIN.words.called).toEqual(en.me.called);
  });

  it("makes no sound off duty, but for flash orders and those who are named", () => {
    const settings = { ...telling, duty };
    expect(noticeOf(item, group, settings, MIDNIGHT).options.silent).toBe(true);
    expect(noticeOf(item, group, settings, NOON).options.silent).toBe(false);
    const sounding = CALLED_AS.filter(
      (called) => !noticeOf({ ...item, called }, group, settings, MIDNIGHT).options.silent,
    );
    expect(sounding).toEqual(["person", "post"]);
    const order = (priority: string): MessageItem =>
      ({
        ...item,
        body: { kind: "order", priority, language: "en", title: "Stand to", translations: [] },
      }) as unknown as MessageItem;
    expect(noticeOf(order("flash"), group, settings, MIDNIGHT).options.silent).toBe(false);
    expect(noticeOf(order("urgent"), group, settings, MIDNIGHT).options.silent).toBe(true);
    expect(noticeOf(order("urgent"), group, settings, NOON).options.body).toBe("Stand to");
    expect(plainNotice(settings, MIDNIGHT).options.silent).toBe(true);
    expect(lessonsNotice(settings, MIDNIGHT).options.silent).toBe(true);
    expect(lessonsNotice(settings, NOON).options.silent).toBe(false);
  });
});

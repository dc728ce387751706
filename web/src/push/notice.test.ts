import type { ConversationItem, MessageItem } from "@copconnect/client/core";
import type { ConversationId, MessageId } from "@copconnect/client/wire";
import { describe, expect, it } from "vitest";
import { dataOf, isQuiet, noticeOf, plainNotice } from "./notice.ts";
import { PLAIN } from "./settings.ts";

const CHAT = "c".repeat(32) as ConversationId;
const MESSAGE = "d".repeat(32) as MessageId;
const item = {
  conversationId: CHAT,
  messageId: MESSAGE,
  sender: { names: { en: "Asha Rao", te: "ఆశా రావు", ur: "", hi: "" } },
  body: { kind: "text", text: "At the gate.", mentions: [] },
} as unknown as MessageItem;
const group = { title: "Night shift", mentioned: false } as ConversationItem;
const telling = { ...PLAIN, detail: true };
const night = { from: 22 * 60, to: 6 * 60 };
const [NOON, MIDNIGHT] = [12 * 60, 0];

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
    expect(options.actions?.map(({ action }) => action)).toEqual(["reply", "read"]);
  });

  it("makes no sound in quiet hours, but for those who are named", () => {
    const settings = { ...telling, quiet: night };
    expect(noticeOf(item, group, settings, MIDNIGHT).options.silent).toBe(true);
    expect(noticeOf(item, group, settings, NOON).options.silent).toBe(false);
    const named = { ...group, mentioned: true };
    expect(noticeOf(item, named, settings, MIDNIGHT).options.silent).toBe(false);
    expect(plainNotice(settings, MIDNIGHT).options.silent).toBe(true);
  });
});

describe("quiet hours", () => {
  it("may pass midnight", () => {
    const quiet = [21 * 60 + 59, 22 * 60, 0, 5 * 60 + 59, 6 * 60].map((at) => isQuiet(night, at));
    expect(quiet).toEqual([false, true, true, true, false]);
  });

  it("may lie within a day, and may be none", () => {
    const day = { from: 60, to: 120 };
    expect([59, 60, 119, 120].map((at) => isQuiet(day, at))).toEqual([false, true, true, false]);
    expect([isQuiet(null, 60), isQuiet({ from: 60, to: 60 }, 60)]).toEqual([false, false]);
  });
});

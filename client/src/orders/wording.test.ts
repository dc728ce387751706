/** An order in several languages: one message, read whole or not at all. */
import { encode } from "@msgpack/msgpack";
import { expect, it } from "vitest";
import { plain } from "./rightful.ts";
import { contentOf, decodeContent, previewOf, searchTexts } from "../kinds/content.ts";
import type { Outgoing } from "../kinds/content.ts";
import { MAX_TEXT } from "../kinds/fields.ts";
import type { OrderContent } from "../kinds/order.ts";
import { allWordsOf, wordingIn } from "../kinds/wording.ts";

const TELUGU = {
  language: "te",
  title: "బందోబస్తు",
  text: "06:00 కి రండి",
  choices: ["సరే", "కుదరదు"],
  items: ["లాకప్"],
} as const;
const ORDER: Extract<Outgoing, { kind: "order" }> = {
  ...{ kind: "order", language: "en", title: "Bandobast", text: "Come at 06:00" },
  ...{ choices: ["Yes", "No"], items: ["Lock-up"], translations: [TELUGU] },
  ...{
    reference: "7",
    priority: "urgent",
    validUntilMs: null,
    answers: false,
    photo: false,
    readers: [],
  },
  ...{ remindMinutes: [], escalateMinutes: null, escalateBelow: 80, mentions: [] },
  attachments: [],
};

function read(change: object): ReturnType<typeof decodeContent> {
  return decodeContent(encode({ v: 1, ...ORDER, series: null, ...change }));
}

function write(change: Partial<typeof ORDER>): OrderContent {
  const none = (): never => {
    throw new TypeError("no file");
  };
  return contentOf({ ...ORDER, ...change }, null, none) as OrderContent;
}

it("is shown in the reader's language, or in the first", () => {
  const found = read({}) as OrderContent;
  expect(wordingIn(found, "te")).toEqual(TELUGU);
  expect(wordingIn(found, "ur").title).toBe("Bandobast");
  expect(previewOf(found)).toMatchObject({
    ...{ language: "en", text: "Bandobast" },
    translations: [{ language: "te", text: TELUGU.title }],
  });
  expect(searchTexts(found)).toContain(TELUGU.text);
  expect(plain(found)).toMatchObject({
    text: ["Bandobast", "Come at 06:00", TELUGU.title, TELUGU.text, "7"].join("\n"),
  });
});

it("is none with a language twice, an unknown one, a missing choice or too long texts", () => {
  const wrong = (change: object): object => ({ translations: [{ ...TELUGU, ...change }] });
  const long = (length: number): object => ({ text: "x".repeat(length) });
  const one = TELUGU.text.length;
  expect(read(long(MAX_TEXT - one)).kind).toBe("order");
  for (const change of [
    ...[wrong({ language: "en" }), wrong({ language: "fr" }), wrong({ choices: ["సరే"] })],
    ...[wrong({ items: [] }), { items: [] }],
    ...[long(MAX_TEXT - one + 1), { translations: [TELUGU, TELUGU] }, { translations: null }],
  ])
    expect(read(change).kind).toBe("unsupported");
});

it("is not written so, nor without a title in each language", () => {
  expect(write({}).translations).toEqual([TELUGU]);
  for (const change of [
    ...[{ language: "en" }, { title: " " }, { choices: ["సరే"] }, { choices: ["సరే", ""] }],
    ...[{ items: [] }, { items: [" "] }],
    { text: "x".repeat(MAX_TEXT) },
  ] as const)
    expect(() => write({ translations: [{ ...TELUGU, ...change }] })).toThrow("message_invalid");
  // A tick replaces the acknowledgement, and would take the answer with it.
  expect(() => write({ answers: true })).toThrow("message_invalid");
});

it("is judged, and told in an export, with every word: choices and items too", () => {
  const words = ["Bandobast", "Come at 06:00", "Yes", "No", "Lock-up"];
  const telugu = [TELUGU.title, TELUGU.text, ...TELUGU.choices, ...TELUGU.items];
  expect(allWordsOf(ORDER)).toEqual([...words, ...telugu, "7"]);
});

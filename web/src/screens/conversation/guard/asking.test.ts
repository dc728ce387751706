import type { ConnectedCore, ConversationItem, Outgoing } from "@copconnect/client/core";
import { expect, it, vi } from "vitest";
import { useCore } from "#app/core.ts";
import { GuardAsking } from "./asking.svelte.ts";

it("judges the preview of a link beside its text: the words in it too", async () => {
  const judged: string[] = [];
  useCore({
    guard: {
      verdict: (_: string, text: string) => {
        judged.push(text);
        return Promise.resolve({ act: text.includes("Happy") ? "hold" : "fine" });
      },
    },
  } as unknown as ConnectedCore);
  const page = { title: "Happy Diwali", description: "to all", picture: null };
  const text = { kind: "text", text: "https://cards.in", mentions: [], page } as const;
  const asking = new GuardAsking();
  const to = [{ conversationId: "c" }] as unknown as readonly ConversationItem[];
  const allowed = asking.allows(to, text);
  await vi.waitFor(() => expect(asking.question?.text).toBe("Happy Diwali\nto all"));
  asking.question?.answer(false);
  expect(await allowed).toBe(false);
  expect(judged).toEqual(["https://cards.in", "Happy Diwali\nto all"]);
});

it("judges every word of an order: choices and checklist too, in each language", async () => {
  const judged: string[] = [];
  useCore({
    guard: {
      verdict: (_: string, text: string) => {
        judged.push(text);
        return Promise.resolve({ act: "fine" });
      },
    },
  } as unknown as ConnectedCore);
  const order = {
    ...{ kind: "order", language: "en", title: "Title", text: "Text", reference: "Reference" },
    ...{ choices: ["Choice"], items: ["Item"], attachments: [] },
    translations: [{ language: "te", title: "శీర్షిక", text: "", choices: ["ఎంపిక"], items: ["అంశం"] }],
  } as unknown as Outgoing;
  const asking = new GuardAsking();
  const to = [{ conversationId: "c" }] as unknown as readonly ConversationItem[];
  expect(await asking.allows(to, order)).toBe(true);
  const words = ["Title", "Text", "Choice", "Item", "శీర్షిక", "ఎంపిక", "అంశం", "Reference"];
  expect(judged).toEqual([words.join("\n")]);
});

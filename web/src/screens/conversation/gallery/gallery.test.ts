import type { AttachmentId, ConversationId, MessageId } from "@copconnect/client/wire";
import type {
  AttachmentView,
  ConnectedCore,
  MessageBody,
  MessageItem,
} from "@copconnect/client/core";
import { expect, it } from "vitest";
import { useCore } from "#app/core.ts";
import { Gallery } from "./gallery.svelte.ts";
import { monthsOf, sharedIn } from "./shared.ts";

const conversationId = "c" as ConversationId;

function message(name: string, body: MessageBody, sentMs = 0): MessageItem {
  return {
    ...{ messageId: name as MessageId, conversationId, seq: 1, sender: null, mine: false },
    ...{ sentMs, body, preview: { kind: "text", text: "" }, replyTo: null, answer: null },
    ...{ status: null, failure: null },
  };
}

const file = (kind: AttachmentView["kind"]): AttachmentView =>
  ({
    kind,
    attachmentId: `of ${kind}` as AttachmentId,
    local: true,
    progress: null,
  }) as AttachmentView;

const files = message("files", {
  ...{ kind: "attachments", text: "https://a.example www.b.example", mentions: [] },
  attachments: (["image", "document", "voice", "video", "audio"] as const).map(file),
});

it("shows pictures and videos, documents, links and places, each in its tab", () => {
  const keys = (kind: "media" | "document" | "link" | "place") =>
    sharedIn([files], kind).map(({ key }) => key);
  expect(keys("media")).toEqual(["files/of image", "files/of video"]);
  expect(keys("document")).toEqual(["files/of document"]);
  expect(sharedIn([files], "link").map(({ link }) => link?.href)).toEqual([
    "https://a.example/",
    "https://www.b.example/",
  ]);
  expect(keys("place")).toEqual(["files"]);
  expect(sharedIn([message("gone", { kind: "deleted", by: null })], "place")).toEqual([]);
});

it("makes months of this device's calendar", () => {
  const at = (month: number, day: number) => new Date(2026, month, day).getTime();
  const body = { kind: "text", text: "https://a.example", mentions: [] } as const;
  const messages = [at(11, 1), at(10, 30), at(10, 1)].map((ms) => message(String(ms), body, ms));
  const months = monthsOf(sharedIn(messages, "link"));
  expect(months.map(({ key, shared }) => [key, shared.length])).toEqual([
    ["2026-11", 1],
    ["2026-10", 2],
  ]);
});

it("reads pages, follows files, and leaves out what is deleted meanwhile", async () => {
  const asked: (number | undefined)[] = [];
  const pages = [
    {
      messages: [message("b", { ...files.body, text: "" } as MessageBody)],
      next: 7,
      indexing: null,
    },
    { messages: [files], next: null, indexing: null },
  ];
  const gallery = ({ before }: { readonly before?: number }) => {
    asked.push(before);
    return Promise.resolve(pages[asked.length - 1]);
  };
  useCore({ search: { gallery } } as unknown as ConnectedCore);
  const shown = new Gallery(conversationId, "document");
  const keys = () => shown.shared.map(({ key }) => key);
  await shown.load();
  expect([keys(), shown.more]).toEqual([["b/of document"], true]);
  await shown.loadMore();
  await shown.loadMore();
  expect([keys(), asked]).toEqual([
    ["b/of document", "files/of document"],
    [undefined, 7],
  ]);
  const progress = { done: 1, total: 2, direction: "down" } as const;
  const attachment = { ...file("document"), progress };
  shown.take({ type: "attachment", conversationId, attachment });
  expect(shown.shared.map((one) => one.attachment?.progress)).toEqual([progress, progress]);
  const gone = message("b", { kind: "deleted", by: null });
  shown.take({ type: "messages", conversationId, items: [gone] });
  shown.take({ type: "message_removed", conversationId, messageId: "files" as MessageId });
  expect(keys()).toEqual([]);
});

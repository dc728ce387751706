import type {
  ConnectedCore,
  ConversationItem,
  DraftForm,
  OutgoingAttachment,
} from "@copconnect/client/core";
import { expect, it, vi } from "vitest";
import { useCore } from "#app/core.ts";
import { Draft } from "./draft.svelte.ts";

const item = { conversationId: "one", draft: "", draftFiles: 0 } as unknown as ConversationItem;
const voice = { name: "note" } as unknown as OutgoingAttachment;
const photo = { name: "gate" } as unknown as OutgoingAttachment;

/** A draft, and what the core is asked to keep. */
function started(form?: DraftForm): { draft: Draft; saved: string[] } {
  const saved: string[] = [];
  const saveDraft = vi.fn((_: unknown, text: string, to: string) => {
    saved.push(to === "composer" ? text : `${to}: ${text}`);
    return Promise.resolve();
  });
  useCore({ conversations: { saveDraft } } as unknown as ConnectedCore);
  return { draft: new Draft(item, form), saved };
}

it("keeps what is written and chosen while a voice note goes out", () => {
  const { draft, saved } = started();
  draft.files = [voice];
  draft.text = "All posts are manned.";
  draft.files = [...draft.files, photo];
  draft.sent("", [voice]);
  expect(draft.text).toBe("All posts are manned.");
  expect(draft.files).toEqual([photo]);
  expect(saved).toEqual(["All posts are manned."]);
});

it("keeps what is added to a caption while its files go out", () => {
  const { draft, saved } = started();
  draft.text = "Gate three. And";
  draft.sent("Gate three.", []);
  expect(draft.text).toBe(" And");
  draft.text = "Gate four.";
  draft.sent("Gate four.", []);
  expect(draft.empty).toBe(true);
  expect(saved).toEqual([" And", ""]);
});

it("asks the core for nothing once words are in a message, which ends their draft there", () => {
  const { draft, saved } = started();
  draft.text = "All posts are manned.";
  draft.save();
  draft.takeText();
  draft.sent("", []);
  expect(saved).toEqual(["All posts are manned."]);
  draft.text = "Gate four.";
  draft.save();
  draft.text = "";
  draft.sent("", []);
  expect(saved.slice(1)).toEqual(["Gate four.", ""]);
});

it("gives refused words back before those that were written meanwhile", () => {
  const { draft } = started();
  draft.text = "Barricades go up at four.";
  const written = draft.takeText();
  draft.text = "Two constables at each gate.";
  draft.giveBack(written);
  expect(draft.text).toBe("Barricades go up at four.\nTwo constables at each gate.");
});

it("keeps the words of each form apart, until they are sent or discarded", () => {
  const { draft, saved } = started("question");
  draft.text = "Who has the key?";
  draft.save();
  draft.drop();
  draft.save();
  expect(saved).toEqual(["question: Who has the key?", "question: "]);
  const kept = { ...item, draft: "At the gate", formDrafts: { poll: "Who comes?" } };
  expect(new Draft(kept, "poll").text).toBe("Who comes?");
  expect(new Draft(kept, "question").text).toBe("");
});

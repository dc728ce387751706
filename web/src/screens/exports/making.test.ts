import type { ConnectedCore, CoreListener, MadeExport } from "@copconnect/client/core";
import type { ConversationId } from "@copconnect/client/wire";
import { beforeEach, expect, it, vi } from "vitest";
import { useCore } from "#app/core.ts";
import { followCore, leave } from "#app/state/app.svelte.ts";
import { clearToasts, toasts } from "#app/state/toasts.svelte.ts";
import { loadLater } from "#i18n/index.svelte.ts";
import { makingOf } from "./making.svelte.ts";

const id = "c" as ConversationId;
const CHOICE = { messageIds: null, files: true, title: "Gate 2", fromMs: null, toMs: null };
const MADE = { name: "export.zip" } as MadeExport;

let tell: CoreListener;
let end: { readonly with: (made: MadeExport) => void; readonly badly: (error: unknown) => void };
const cancel = vi.fn(() => Promise.resolve());

beforeEach(async () => {
  leave();
  clearToasts();
  cancel.mockClear();
  const make = (): Promise<MadeExport> =>
    new Promise((resolve, reject) => (end = { with: resolve, badly: reject }));
  useCore({
    subscribe: (listener: CoreListener) => (tell = listener),
    app: { start: () => Promise.resolve(null) },
    exports: { make, cancel },
  } as unknown as ConnectedCore);
  await followCore();
  await loadLater("exports");
});

function begins(step: "messages" | "telling"): Promise<void> {
  const done = makingOf(id).make(CHOICE);
  tell({ type: "conversation_export", conversationId: id, step, done: 0, total: 1 });
  return done;
}

it("keeps a file whose chat is told after its sheet was closed, and says that it is ready", async () => {
  const done = begins("telling");
  expect(makingOf(id).telling).toBe(true);
  makingOf(id).close();
  expect(cancel).not.toHaveBeenCalled();
  end.with(MADE);
  await done;
  expect(toasts.notes).toHaveLength(1);
  expect(makingOf(id).made).toBe(MADE);
  makingOf(id).close();
  expect(makingOf(id).made).toBeNull();
});

it("stops when its sheet is closed before the chat is told", async () => {
  const done = begins("messages");
  makingOf(id).close();
  expect(cancel).toHaveBeenCalledOnce();
  end.badly({ code: "cancelled" });
  await done;
  expect([toasts.notes, makingOf(id).busy]).toEqual([[], false]);
});

it("says that the notice was refused after the sheet was closed", async () => {
  const done = begins("telling");
  makingOf(id).close();
  end.badly({ code: "exports_off" });
  await done;
  expect(toasts.notes).toMatchObject([{ tone: "danger" }]);
});

it("holds no file once the person has left the app", async () => {
  const done = begins("telling");
  makingOf(id).close();
  leave();
  end.with(MADE);
  await done;
  expect([toasts.notes, makingOf(id).made]).toEqual([[], null]);
});

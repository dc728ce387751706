/** Acts on chats and messages that a person does for oneself, each with a note that undoes it. */
import type { ConversationItem } from "@copconnect/client/core";
import type { ConversationId, MessageId } from "@copconnect/client/wire";
import { core } from "#app/core.ts";
import { attempt, sayFailed } from "#app/state/task.svelte.ts";
import { UNDO_MS, toast } from "#app/state/toasts.svelte.ts";
import { t } from "#i18n/index.svelte.ts";

/** Do it and say so; the note undoes it where `undo` is there. */
export async function tell(
  act: () => Promise<unknown>,
  done: string,
  undo?: () => Promise<unknown>,
): Promise<void> {
  try {
    await act();
    const run = undo && { label: t("app.undo"), run: () => void tell(undo, t("app.done")) };
    toast(done, run === undefined ? {} : { action: run });
  } catch (error) {
    sayFailed(error);
  }
}

export function pin({ conversationId }: ConversationItem, on: boolean): void {
  const set = (pinned: boolean) => core().oneself.pin(conversationId, pinned);
  void tell(
    () => set(on),
    t(on ? "groups.pinned" : "groups.unpinned"),
    () => set(!on),
  );
}

export function archive({ conversationId }: ConversationItem, on: boolean): void {
  const set = (archived: boolean) => core().oneself.archive(conversationId, archived);
  const done = t(on ? "conversation.own.done.archive" : "conversation.own.done.unarchive");
  void tell(
    () => set(on),
    done,
    () => set(!on),
  );
}

/** A chat without unread messages becomes unread by the mark alone. */
export function isUnread({ unread, markedUnread }: ConversationItem): boolean {
  return unread > 0 || markedUnread;
}

export function markUnread({ conversationId }: ConversationItem, on: boolean): void {
  void attempt(() => core().oneself.markUnread(conversationId, on));
}

export async function clear({ conversationId }: ConversationItem): Promise<void> {
  await core().oneself.clear(conversationId, UNDO_MS);
  void tell(
    () => Promise.resolve(),
    t("conversation.own.done.clear"),
    () => core().oneself.undo(conversationId, null),
  );
}

export function star(of: ConversationId, messageIds: readonly MessageId[], on: boolean): void {
  const set = (starred: boolean) => core().oneself.star(of, messageIds, starred);
  const done = t(on ? "conversation.own.done.star" : "conversation.own.done.unstar");
  void tell(
    () => set(on),
    done,
    () => set(!on),
  );
}

export function deleteForMe(of: ConversationId, messageIds: readonly MessageId[]): void {
  void tell(
    () => core().oneself.delete(of, messageIds, UNDO_MS),
    t("conversation.own.done.delete"),
    () => core().oneself.undo(of, messageIds),
  );
}

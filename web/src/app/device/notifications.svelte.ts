/**
 * Notifications while the app is open but not looked at, and the badge on its icon.
 *
 * Invariant: a notification says "New message" and nothing else, unless the person has asked for
 * more on this device and the app is unlocked; one that says more goes when the app locks. Opening
 * one opens its conversation. A conversation has at most one notification of its messages and one of
 * reactions; reading the first takes it away, opening the conversation takes both away.
 */
import type { ConversationId } from "@copconnect/client/wire";
import type { CalledAs, MessageItem, ReactionNotice } from "@copconnect/client/core";
import { SvelteMap } from "svelte/reactivity";
import { nameOf } from "#i18n/format.ts";
import { language, t } from "#i18n/index.svelte.ts";
import { app, onCoreEvent } from "../state/app.svelte.ts";
import { adoptConversation, conversations } from "../state/conversations.svelte.ts";
import { isSilent } from "#push/duty.ts";
import { calls, reactionTag } from "#push/notice.ts";
import { isFilled, isOpenLessons, isOpenOrder, TAKE_FILLED } from "#push/messages.ts";
import { core } from "../core.ts";
import { duty } from "./duty.svelte.ts";
import { reactionWording, wording } from "./notification-wording.ts";
import { navigate, path } from "../router.svelte.ts";
import { sayFailed } from "../state/task.svelte.ts";

const DETAIL_KEY = "copconnect.notifications.detail";
const OFF_KEY = "copconnect.notifications.off";

function flag(key: string): boolean {
  try {
    return localStorage.getItem(key) === "1";
  } catch {
    return false;
  }
}

function setFlag(key: string, on: boolean): void {
  try {
    if (on) localStorage.setItem(key, "1");
    else localStorage.removeItem(key);
  } catch {
    // Refused in private modes: the choice lasts as long as the page.
  }
}

const possible = typeof Notification !== "undefined";
let permission = $state<NotificationPermission>(possible ? Notification.permission : "denied");
let off = $state(flag(OFF_KEY));
let detail = $state(flag(DETAIL_KEY));

export const notifications = {
  get possible(): boolean {
    return possible;
  },
  get blocked(): boolean {
    return permission === "denied";
  },
  get on(): boolean {
    return permission === "granted" && !off;
  },
  get detail(): boolean {
    return detail;
  },
  async turn(on: boolean): Promise<void> {
    off = !on;
    setFlag(OFF_KEY, off);
    if (on && possible) permission = await Notification.requestPermission();
  },
  showDetail(on: boolean): void {
    detail = on;
    setFlag(DETAIL_KEY, on);
  },
};

/** How a message mentions this person. */
export function calledWords(): Readonly<Record<CalledAs, string>> {
  return {
    person: t("me.called.person"),
    post: t("me.called.post"),
    posts: t("me.called.posts"),
    rank: t("me.called.rank"),
    everybody: t("me.called.everybody"),
  };
}

/** By tag. */
const shown = new SvelteMap<string, Notification>();

async function show(
  conversationId: ConversationId,
  item: MessageItem,
  reaction: ReactionNotice | null,
): Promise<void> {
  if (!notifications.on || (!document.hidden && document.hasFocus())) return;
  const allowed = detail && app.state?.phase === "ready";
  const newMessage = { plain: t("me.newMessage"), called: calledWords() };
  const words = { plain: t("me.newReaction"), told: t("me.reacted", { emoji: "{{emoji}}" }) };
  const { title, body } =
    reaction === null
      ? wording(item, allowed, newMessage, nameOf, language.current)
      : reactionWording(item, reaction, allowed, words, nameOf);
  const called = reaction === null && calls(item);
  const tag = reaction === null ? conversationId : reactionTag(conversationId);
  const options: NotificationOptions = {
    body,
    tag,
    icon: "/icon-192.png",
    badge: "/badge-96.png",
    silent: isSilent(duty.current, new Date(), called),
    data: { conversationId, messageId: item.messageId, telling: allowed },
  };
  // Phones refuse notifications made by a page; the service worker's are allowed everywhere.
  const registration = await navigator.serviceWorker?.getRegistration().catch(() => undefined);
  if (registration?.active) {
    await registration.showNotification(title, options);
    return;
  }
  const notification = new Notification(title, options);
  shown.set(tag, notification);
  notification.onclick = () => {
    window.focus();
    navigate(path("chats", conversationId));
    notification.close();
  };
}

/** The person has opened a conversation: close its notifications. */
export async function seen(conversationId: ConversationId): Promise<void> {
  await takeAway(conversationId);
  await takeAway(reactionTag(conversationId));
}

async function takeAway(tag: string): Promise<void> {
  shown.get(tag)?.close();
  shown.delete(tag);
  const registration = await navigator.serviceWorker?.getRegistration().catch(() => undefined);
  const old = (await registration?.getNotifications({ tag })) ?? [];
  for (const notification of old) notification.close();
}

/** Locked or signed out: nothing that says who wrote or what stays on the screen. */
async function takeAwayTelling(): Promise<void> {
  const registration = await navigator.serviceWorker?.getRegistration().catch(() => undefined);
  const old = [...shown.values(), ...((await registration?.getNotifications()) ?? [])];
  for (const notification of old) {
    if ((notification.data as { telling?: boolean } | null)?.telling === true) notification.close();
  }
}

/** A reply of a notification that could not be sent; it waits until the app is unlocked. */
let filled = $state.raw<{ conversationId: ConversationId; text: string } | null>(null);

/** Put a reply behind what the conversation's field holds, and open it. */
async function fillIn(reply: NonNullable<typeof filled>): Promise<void> {
  const { conversationId, text } = reply;
  filled = null;
  navigate(path("chats")); // A field that is open would keep what it holds.
  try {
    const { draft } = await core().conversations.get(conversationId);
    const whole = draft === null ? text : `${draft}\n${text}`;
    await core().conversations.saveDraft(conversationId, whole);
    // The field takes its draft from this item, when it opens; the item's event may come later.
    adoptConversation(await core().conversations.get(conversationId));
    navigate(path("chats", conversationId));
  } catch (error) {
    // If the app has locked meanwhile, the next unlock fills the reply in.
    if (app.state?.phase === "ready") sayFailed(error);
    else filled = reply;
  }
}

interface Badging {
  setAppBadge?(count: number): Promise<void>;
  clearAppBadge?(): Promise<void>;
}

/** Follow the core's events; to be called once the page runs. */
export function followNotifications(): () => void {
  const stop = onCoreEvent((event) => {
    if (event.type === "notify") {
      show(event.conversationId, event.item, event.reaction ?? null).catch(() => undefined);
    } else if (event.type === "conversation" && event.item.unread === 0) {
      takeAway(event.item.conversationId).catch(() => undefined);
    } else if (event.type === "messages") {
      // Words that were deleted go from the lock screen, too.
      if (event.items.some(({ body }) => body.kind === "deleted"))
        takeAway(event.conversationId).catch(() => undefined);
    } else if (event.type === "app" && event.state.phase !== "ready") {
      takeAwayTelling().catch(() => undefined);
    }
  });
  const onmessage = ({ data, ports }: MessageEvent<unknown>): void => {
    if (isOpenLessons(data)) navigate("/training");
    if (isOpenOrder(data)) navigate(path("orders", data.orderId));
    if (!isFilled(data)) return;
    ports[0]?.postMessage("taken");
    if (data.text === null) navigate(path("chats", data.conversationId));
    else filled = { conversationId: data.conversationId, text: data.text };
  };
  navigator.serviceWorker?.addEventListener("message", onmessage);
  navigator.serviceWorker?.controller?.postMessage(TAKE_FILLED);
  const stopBadge = $effect.root(() => {
    $effect(() => {
      if (filled !== null && app.state?.phase === "ready") void fillIn(filled);
    });
    $effect(() => {
      const badge = navigator as Badging;
      const count = conversations.unread;
      const set = count > 0 ? badge.setAppBadge?.(count) : badge.clearAppBadge?.();
      set?.catch(() => undefined);
    });
  });
  return () => {
    stop();
    stopBadge();
    navigator.serviceWorker?.removeEventListener("message", onmessage);
  };
}

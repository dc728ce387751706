/** A notification as it is written on the device. Pure. */
import {
  wordingIn,
  type ConversationItem,
  type MessageItem,
  type OrderView,
  type ReactionNotice,
  type TitledText,
} from "@copconnect/client/core";
import type { ConversationId, MessageId, Names } from "@copconnect/client/wire";
import { reactionWording, wording } from "#app/device/notification-wording.ts";
import { isSilent } from "./duty.ts";
import type { PushSettings } from "./settings.ts";

/** As the Notifications API takes them; TypeScript's own type lacks the actions. */
export interface NoticeOptions extends NotificationOptions {
  readonly renotify?: boolean;
  readonly actions?: readonly {
    readonly action: string;
    readonly title: string;
    readonly type?: "button" | "text";
    readonly placeholder?: string;
  }[];
}

export interface Notice {
  readonly title: string;
  readonly options: NoticeOptions;
}

/** A notification's memory for a later click. */
export interface NoticeData {
  readonly conversationId: ConversationId;
  readonly messageId: MessageId;
  readonly telling: boolean;
  /** The message is an order: a tap leads to its page. */
  readonly order?: boolean;
  /** A reply that could not be sent. */
  readonly reply?: string;
}

/** The tag of a reminder of lessons; a tap leads to them. */
export const LESSONS = "lessons";

/** The tag of the notice that this device is locked, or unlocked again. */
export const AWAY = "away";

/** Whether a message sounds off duty, too: a flash order, or a mention by name or by the post of one unit. */
export function calls({ body, called }: MessageItem): boolean {
  const isFlash = body.kind === "order" && body.priority === "flash";
  return isFlash || called === "person" || called === "post";
}

/** `conversation`: null where it is not known. */
export function noticeOf(
  item: MessageItem,
  conversation: ConversationItem | null,
  settings: PushSettings,
  now: Date,
): Notice {
  const { words, language, detail } = settings;
  const name = (names: Names): string => names[language] || names.en;
  const said = { plain: words.newMessage, called: words.called };
  const told = wording(item, detail, said, name, language);
  const group = detail && item.sender !== null ? (conversation?.title ?? null) : null;
  const data: NoticeData = {
    conversationId: item.conversationId,
    messageId: item.messageId,
    telling: detail,
    ...(item.body.kind === "order" ? { order: true } : {}),
  };
  const flash = item.body.kind === "order" && item.body.priority === "flash";
  return {
    title: group === null ? told.title : `${told.title} · ${group}`,
    options: {
      body: told.body,
      tag: item.conversationId,
      lang: language,
      icon: "/icon-192.png",
      badge: "/badge-96.png",
      silent: isSilent(settings.duty, now, calls(item)),
      renotify: true,
      ...(flash ? { requireInteraction: true } : {}),
      actions: [...answers(item, conversation, words), { action: "read", title: words.read }],
      data,
    },
  };
}

/** The tag of a notice about reactions in a conversation. */
export function reactionTag(conversationId: ConversationId): string {
  return `${conversationId}/reaction`;
}

/** Somebody reacted to a message of this person's. */
export function reactionNotice(
  item: MessageItem,
  reaction: ReactionNotice,
  settings: PushSettings,
  now: Date,
): Notice {
  const { words, language, detail } = settings;
  const name = (names: Names): string => names[language] || names.en;
  const said = { plain: words.newReaction, told: words.reacted };
  const { title, body } = reactionWording(item, reaction, detail, said, name);
  const { conversationId, messageId } = item;
  const data: NoticeData = { conversationId, messageId, telling: detail };
  return {
    title,
    options: {
      ...{ body, tag: reactionTag(conversationId), lang: language, data },
      ...{ icon: "/icon-192.png", badge: "/badge-96.png" },
      silent: isSilent(settings.duty, now, false),
    },
  };
}

/** The answers that a notification takes; none where this person cannot write. */
function answers(
  item: MessageItem,
  conversation: ConversationItem | null,
  words: PushSettings["words"],
): NonNullable<NoticeOptions["actions"]> {
  if (item.body.kind === "order") return [{ action: "acknowledge", title: words.acknowledge }];
  if (conversation?.canSend === false) return [];
  // A platform without a field in notifications opens the conversation.
  return [{ action: "reply", title: words.reply, type: "text", placeholder: words.write }];
}

/** A push without news reminds of an order that this person still owes, or has not finished. */
export function reminderOf(order: OrderView, settings: PushSettings, now: Date): Notice {
  const { words, language, detail } = settings;
  const { orderId: messageId, conversationId, priority } = order;
  const data: NoticeData = { conversationId, messageId, telling: detail, order: true };
  const title =
    detail && order.body !== null ? wordingIn<TitledText>(order.body, language).title : "";
  return {
    title: title === "" ? words.app : title,
    options: {
      body: order.unfinished ? words.unfinished : words.reminder,
      tag: `order-${messageId}`,
      lang: language,
      icon: "/icon-192.png",
      badge: "/badge-96.png",
      silent: isSilent(settings.duty, now, priority === "flash"),
      renotify: true,
      actions: order.unfinished ? [] : [{ action: "acknowledge", title: words.acknowledge }],
      data,
    },
  };
}

/** A push without news and without orders reminds of the officers' lessons, in a fixed text. */
export function lessonsNotice(settings: PushSettings, now: Date): Notice {
  return {
    title: settings.words.app,
    options: {
      body: settings.words.lessons,
      tag: LESSONS,
      lang: settings.language,
      icon: "/icon-192.png",
      badge: "/badge-96.png",
      silent: isSilent(settings.duty, now, false),
    },
  };
}

/** "New message" and nothing else: the app is locked, or nothing could be fetched in time. */
export function plainNotice(settings: PushSettings, now: Date): Notice {
  return {
    title: settings.words.app,
    options: {
      body: settings.words.newMessage,
      tag: "new",
      lang: settings.language,
      icon: "/icon-192.png",
      badge: "/badge-96.png",
      silent: isSilent(settings.duty, now, false),
    },
  };
}

/** The server turned this device away, or takes it again. */
export function awayNotice(away: boolean, settings: PushSettings, now: Date): Notice {
  const { title, options } = plainNotice(settings, now);
  const body = away ? settings.words.away : settings.words.back;
  return { title, options: { ...options, body, tag: AWAY } };
}

/** Take what notifications say from the screen. */
export async function hideNotices(registration: ServiceWorkerRegistration): Promise<void> {
  for (const one of await registration.getNotifications()) one.close();
}

/**
 * A reply that stays with its notification until the person opens the conversation. `barredUntilMs`: a
 * sanction closes it until then.
 */
export function unsentNotice(
  data: NoticeData,
  reply: string,
  settings: PushSettings,
  barredUntilMs: number | null = null,
): Notice {
  const { words, language } = settings;
  return {
    title: settings.words.app,
    options: {
      body: barredUntilMs === null ? words.notSent : notPosted(words, language, barredUntilMs),
      tag: data.conversationId,
      lang: settings.language,
      icon: "/icon-192.png",
      badge: "/badge-96.png",
      data: { ...data, reply },
    },
  };
}

function notPosted(
  { notPosted: text }: PushSettings["words"],
  language: PushSettings["language"],
  untilMs: number,
): string {
  const locale = `${language}-IN-u-nu-latn`;
  const until = new Intl.DateTimeFormat(locale, { dateStyle: "medium", timeStyle: "short" });
  return text.replace("{{until}}", until.format(untilMs));
}

export function dataOf(notification: { readonly data: unknown }): NoticeData | null {
  const { data } = notification;
  if (typeof data !== "object" || data === null || !("conversationId" in data)) return null;
  return data as NoticeData;
}

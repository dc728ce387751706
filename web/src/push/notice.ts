/** A notification as it is written on the device. Pure. */
import type { ConversationItem, MessageItem } from "@copconnect/client/core";
import type { ConversationId, MessageId, Names } from "@copconnect/client/wire";
import { wording } from "../app/device/notification-wording.ts";
import type { PushSettings, QuietHours } from "./settings.ts";

/** As the Notifications API takes them; TypeScript's own type lacks the actions. */
export interface NoticeOptions extends NotificationOptions {
  readonly renotify?: boolean;
  readonly actions?: readonly { readonly action: string; readonly title: string }[];
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
}

export function isQuiet(quiet: QuietHours | null, minute: number): boolean {
  if (quiet === null || quiet.from === quiet.to) return false;
  return quiet.from < quiet.to
    ? minute >= quiet.from && minute < quiet.to
    : minute >= quiet.from || minute < quiet.to;
}

/** `minute`: of the day. `conversation`: null where it is not known. */
export function noticeOf(
  item: MessageItem,
  conversation: ConversationItem | null,
  settings: PushSettings,
  minute: number,
): Notice {
  const { words, language, detail } = settings;
  const name = (names: Names): string => names[language] || names.en;
  const told = wording(item, detail, words.newMessage, name);
  const group = detail && item.sender !== null ? (conversation?.title ?? null) : null;
  const data: NoticeData = {
    conversationId: item.conversationId,
    messageId: item.messageId,
    telling: detail,
  };
  return {
    title: group === null ? told.title : `${told.title} · ${group}`,
    options: {
      body: told.body,
      tag: item.conversationId,
      lang: language,
      icon: "/icon-192.png",
      badge: "/badge-96.png",
      // A message sounds at night for people whom it names.
      silent: isQuiet(settings.quiet, minute) && conversation?.mentioned !== true,
      renotify: true,
      actions: [
        { action: "reply", title: words.reply },
        { action: "read", title: words.read },
      ],
      data,
    },
  };
}

/** "New message" and nothing else: the app is locked, or nothing could be fetched in time. */
export function plainNotice(settings: PushSettings, minute: number): Notice {
  return {
    title: settings.words.app,
    options: {
      body: settings.words.newMessage,
      tag: "new",
      lang: settings.language,
      icon: "/icon-192.png",
      badge: "/badge-96.png",
      silent: isQuiet(settings.quiet, minute),
    },
  };
}

export function dataOf(notification: { readonly data: unknown }): NoticeData | null {
  const { data } = notification;
  if (typeof data !== "object" || data === null || !("conversationId" in data)) return null;
  return data as NoticeData;
}

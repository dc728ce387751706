/** The conversations and the order that a practice begins with, in the reader's language. */
import type {
  ConversationItem,
  MessageBody,
  MessageItem,
  OrderView,
} from "@copconnect/client/core";
import type { ConversationId, MessageId, Names, Person, UnitId } from "@copconnect/client/wire";
import { LANGUAGES, t } from "#i18n/index.svelte.ts";
import {
  BEAT,
  DISTRICT,
  HEAD,
  ME,
  PEOPLE,
  SECTOR,
  STATION,
  WRITER,
  id,
  plateOf,
} from "./department.ts";
import { previewOf } from "./preview.ts";

const MINUTE_MS = 60_000;
const HOUR_MS = 60 * MINUTE_MS;
/** A group of so many is large: the guard holds a greeting there. */
const LARGE = 412;

export const STATION_TALK = id<ConversationId>(3, 1);
export const DISTRICT_TALK = id<ConversationId>(3, 2);
export const HEAD_TALK = id<ConversationId>(3, 3);
const ORDER = id<MessageId>(4, 500);

export interface Talk {
  item: ConversationItem;
  readonly people: readonly Person[];
  messages: MessageItem[];
}

export interface Scene {
  readonly talks: readonly Talk[];
  readonly order: OrderView;
}

/** One text of this page's language, wherever names are asked for in four. */
function spoken(text: string): Names {
  return Object.fromEntries(LANGUAGES.map((one) => [one, text])) as unknown as Names;
}

function said(
  number: number,
  conversationId: ConversationId,
  from: Person,
  minutesAgo: number,
  body: MessageBody,
): MessageItem {
  return {
    ...{ messageId: id<MessageId>(4, number), conversationId, seq: number, body },
    sender: plateOf(from),
    mine: from === ME,
    sentMs: Date.now() - minutesAgo * MINUTE_MS,
    preview: previewOf(body),
    replyTo: null,
    answer: null,
    status: null,
    failure: null,
  };
}

function talk(
  conversationId: ConversationId,
  people: readonly Person[],
  messages: MessageItem[],
  more: Partial<ConversationItem>,
): Talk {
  const last = messages.at(-1);
  const item: ConversationItem = {
    conversationId,
    empty: last === undefined,
    kind: "unit",
    title: null,
    photo: null,
    direct: null,
    some: people.slice(0, 3).map(plateOf),
    members: people.length,
    audience: null,
    standing: null,
    post: null,
    unregistered: 0,
    devices: people.length,
    historyFromMs: null,
    history: null,
    last:
      last === undefined
        ? null
        : {
            preview: last.preview,
            sender: last.sender,
            mine: last.mine,
            sentMs: last.sentMs,
            status: last.status,
          },
    unread: messages.length,
    mentioned: false,
    mutedUntilMs: null,
    pinned: false,
    draft: null,
    draftFiles: 0,
    canPost: true,
    trainingFirst: false,
    barred: null,
    admin: false,
    whoMayPost: "everyone",
    state: "ready",
    alarm: null,
    createdMs: Date.now() - 90 * 24 * HOUR_MS,
    ...more,
  };
  return { item, people, messages };
}

function standing(title: string, unitId: UnitId): ConversationItem["standing"] {
  return { key: null, title: spoken(title), unitId, about: "unit", postId: null };
}

function orderOf(): OrderView {
  const validUntilMs = Date.now() + 9 * HOUR_MS;
  return {
    orderId: ORDER,
    together: null,
    conversationId: STATION_TALK,
    seq: 500,
    issuedMs: Date.now() - 12 * MINUTE_MS,
    issuer: plateOf(HEAD),
    mine: false,
    mayWithdraw: false,
    priority: "urgent",
    validUntilMs,
    body: {
      kind: "order",
      title: t("training.scene.orderTitle"),
      text: t("training.scene.orderText"),
      reference: "PS/PRACTICE/1",
      priority: "urgent",
      validUntilMs,
      choices: [t("training.scene.choiceYes"), t("training.scene.choiceNo")],
      answers: false,
      readers: [],
      remindMinutes: [],
      escalateMinutes: null,
      escalateBelow: 80,
      mentions: [],
      attachments: [],
    },
    changes: [],
    withdrawnMs: null,
    owed: true,
    acknowledgement: null,
    earlier: null,
    sending: null,
    overseen: false,
    escalatedMs: null,
    differs: null,
  };
}

const text = (words: string): MessageBody => ({ kind: "text", text: words, mentions: [] });

/** `withOrder`: whether an order has come to the station. */
export function makeScene(withOrder: boolean): Scene {
  const order = orderOf();
  const here = [
    said(1, STATION_TALK, SECTOR, 48, text(t("training.scene.sector"))),
    said(2, STATION_TALK, WRITER, 31, text(t("training.scene.writer"))),
    said(3, STATION_TALK, BEAT, 14, text(t("training.scene.beat"))),
  ];
  if (withOrder && order.body !== null)
    here.push({ ...said(500, STATION_TALK, HEAD, 12, order.body), messageId: ORDER });
  const everywhere = [
    said(11, DISTRICT_TALK, HEAD, 190, text(t("training.scene.district"))),
    said(12, DISTRICT_TALK, WRITER, 22, text(t("training.scene.chain"))),
  ];
  return {
    order,
    talks: [
      talk(STATION_TALK, PEOPLE, here, {
        standing: standing(t("training.scene.station"), STATION),
        pinned: true,
      }),
      talk(DISTRICT_TALK, PEOPLE, everywhere, {
        ...{ standing: standing(t("training.scene.large"), DISTRICT), members: LARGE },
        devices: LARGE,
      }),
      talk(
        HEAD_TALK,
        [HEAD, ME],
        [said(21, HEAD_TALK, HEAD, 300, text(t("training.scene.head")))],
        {
          ...{ kind: "direct", direct: plateOf(HEAD), unread: 0 },
        },
      ),
    ],
  };
}

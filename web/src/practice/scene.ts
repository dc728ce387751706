/** The conversations and the order that a practice begins with, in the reader's language. */
import {
  blankOrder,
  type ConversationItem,
  type MessageItem,
  type OrderView,
} from "@copconnect/client/core";
import type { ConversationId, MessageId, Names, Person, UnitId } from "@copconnect/client/wire";
import { LANGUAGES, language, t } from "#i18n/index.svelte.ts";
import {
  BEAT,
  DISTRICT,
  HEAD,
  ME,
  PEOPLE,
  SECTOR,
  STATION,
  WRITER,
  plateOf,
} from "./department.ts";
import { conversationOf, id, messageOf, messageOfOrder, orderOf } from "./items.ts";
import type { Talk } from "./station.ts";

const MINUTE_MS = 60_000;
const HOUR_MS = 60 * MINUTE_MS;
/** A group of so many is large: the guard insists on a greeting there. */
const LARGE = 412;

const STATION_TALK = id<ConversationId>(3, 1);
export const DISTRICT_TALK = id<ConversationId>(3, 2);
const HEAD_TALK = id<ConversationId>(3, 3);

/** One text of this page's language, wherever names are asked for in four. */
function spoken(text: string): Names {
  return Object.fromEntries(LANGUAGES.map((one) => [one, text])) as unknown as Names;
}

function said(
  number: number,
  conversationId: ConversationId,
  from: Person,
  minutesAgo: number,
  text: string,
): MessageItem {
  const body = { kind: "text", text, mentions: [] } as const;
  const messageId = id<MessageId>(4, number);
  return messageOf(
    { messageId, conversationId, seq: number, sender: plateOf(from), body },
    { sentMs: Date.now() - minutesAgo * MINUTE_MS },
  );
}

function talk(
  conversationId: ConversationId,
  people: readonly Person[],
  messages: MessageItem[],
  more: Partial<ConversationItem>,
): Talk {
  const others = people.filter((one) => one !== ME).map(plateOf);
  const unread = messages.length;
  const item = conversationOf(conversationId, others, messages.at(-1), { unread, ...more });
  return { item, people, messages };
}

function standing(title: string, unitId: UnitId): ConversationItem["standing"] {
  return { key: null, title: spoken(title), unitId, about: "unit", postId: null };
}

export function orderOfScene(): OrderView {
  const issuedMs = Date.now() - 12 * MINUTE_MS;
  return orderOf({
    ...{ orderId: id<MessageId>(4, 500), conversationId: STATION_TALK, seq: 500 },
    ...{ issuedMs, issuer: plateOf(HEAD) },
    body: {
      ...blankOrder(language.current),
      title: t("training.scene.orderTitle"),
      text: t("training.scene.orderText"),
      reference: "PS/PRACTICE/1",
      priority: "urgent",
      validUntilMs: Date.now() + 9 * HOUR_MS,
      choices: [t("training.scene.choiceYes"), t("training.scene.choiceNo")],
      attachments: [],
    },
  });
}

/** The conversations; the orders are in that of the station. */
export function talksOf(orders: readonly OrderView[]): readonly Talk[] {
  const here = [
    said(1, STATION_TALK, SECTOR, 48, t("training.scene.sector")),
    said(2, STATION_TALK, WRITER, 31, t("training.scene.writer")),
    said(3, STATION_TALK, BEAT, 14, t("training.scene.beat")),
    ...orders.flatMap(messageOfOrder),
  ];
  const everywhere = [
    said(11, DISTRICT_TALK, HEAD, 190, t("training.scene.district")),
    said(12, DISTRICT_TALK, WRITER, 22, t("training.scene.chain")),
  ];
  return [
    talk(STATION_TALK, PEOPLE, here, {
      standing: standing(t("training.scene.station"), STATION),
      pinned: true,
    }),
    talk(DISTRICT_TALK, PEOPLE, everywhere, {
      ...{ standing: standing(t("training.scene.large"), DISTRICT), members: LARGE },
      devices: LARGE,
    }),
    talk(HEAD_TALK, [HEAD, ME], [said(21, HEAD_TALK, HEAD, 300, t("training.scene.head"))], {
      ...{ kind: "direct", unread: 0 },
    }),
  ];
}

/**
 * Personal items: a message from one of the person's devices to all of them, in the conversation that the
 * person has with oneself. It is no row of any conversation and wakes nobody.
 * oneself/items.ts says which of two values of an item counts.
 */
import type { ConversationId, FolderId, MessageId, PersonId } from "../ids.ts";
import { Misshapen, id, integer, isFields, list, nullable, string } from "./fields.ts";
import { NOT_FORWARDED, type ContentKind } from "./kind.ts";

/** Items of one message. With 130 bytes each they stay below half of the longest message. */
export const MOST_ITEMS = 200;
/** The longest name of a folder, in UTF-16 units. */
export const MAX_FOLDER_NAME = 40;

const NAMES = [
  /** A message is starred; the value: when. */
  "star",
  /** A message is deleted for this person alone. */
  "gone",
  /** A conversation is cleared up to this position. */
  "cleared",
  /** A conversation was archived at this position. */
  "archived",
  /** A conversation was marked as unread when it was read up to this position. */
  "unread",
  /** A conversation is on top of the list. */
  "pinned",
  /** A person's messages are not shown. */
  "blocked",
  /** A folder of conversations, with its name. */
  "folder",
  /** A conversation is in a folder. */
  "filed",
] as const;

export type ItemName = (typeof NAMES)[number];
/** Null: as if nothing had ever been said. */
export type ItemValue = number | string | null;

/** The thing that an item is about: `of`, a part of it where it has parts. */
export interface ItemKey {
  readonly name: ItemName;
  /** The conversation; the blocked person; the folder, also of the conversations in it. */
  readonly of: ConversationId | PersonId | FolderId;
  /** The message of the conversation, or the conversation in the folder. */
  readonly part: MessageId | ConversationId | null;
}

export interface OwnItem extends ItemKey {
  /** How often it was changed. */
  readonly changes: number;
  readonly value: ItemValue;
  /** When it was sent first, where a device repeats it; null: with this message. */
  readonly saidMs: number | null;
}

export interface OwnContent {
  readonly kind: "own";
  readonly items: readonly OwnItem[];
}

/** Null: an item of a later version or of the wrong shape, which costs no other item of the message. */
function itemOrNull(value: unknown): OwnItem | null {
  try {
    return item(value);
  } catch (error) {
    if (error instanceof Misshapen) return null;
    throw error;
  }
}

function item(value: unknown): OwnItem | null {
  if (!isFields(value)) throw new Misshapen();
  const name = NAMES.find((one) => one === value["name"]);
  if (name === undefined) return null;
  return {
    name,
    of: id<ConversationId>(value["of"]),
    part: nullable(value["part"], id<MessageId>),
    changes: integer(value["changes"], Number.MAX_SAFE_INTEGER),
    value: nullable(value["value"], (one) =>
      name === "folder" ? string(one, MAX_FOLDER_NAME) : integer(one, Number.MAX_SAFE_INTEGER),
    ),
    saidMs: nullable(value["saidMs"], (one) => integer(one, Number.MAX_SAFE_INTEGER)),
  };
}

export const own: ContentKind<OwnContent> = {
  read: (fields) => ({
    kind: "own",
    items: list(fields["items"], MOST_ITEMS, itemOrNull).filter((one) => one !== null),
  }),
  shown: false,
  texts: () => [],
  foundAs: null,
  preview: () => ({ kind: "unsupported" }),
  body: () => Promise.resolve(null),
  mentions: () => [],
  attachments: () => [],
  replyTo: () => null,
  ...NOT_FORWARDED,
};

/**
 * A mark: what somebody states about another message of the same conversation. It is no row of the
 * conversation, counts as unread for nobody and wakes nobody. Which marks count, and whose, is
 * judged when the message is shown (messages/marks.ts).
 */
import {
  MAX_TEXT,
  Misshapen,
  boolean,
  bytes,
  id,
  integer,
  isFields,
  list,
  mentions,
  nullable,
  string,
} from "./fields.ts";
import type { ContentFields } from "./fields.ts";
import { NOT_FORWARDED, type ContentKind } from "./kind.ts";
import type { TextBody } from "./text.ts";
import type { Mention } from "./parts.ts";
import { MAX_POLL_OPTIONS } from "./consultation.ts";
import type { MessageId } from "../ids.ts";

/** A person's devices at most; a seal of a ballot under X-Wing is 1,156 bytes. */
const MAX_SEALS = 16;
const MAX_SEAL = 1_400;
/** The longest emoji, in UTF-16 units: a family of four with skin tones has 19. */
const MAX_EMOJI = 24;

export type Mark =
  /** The options that the sender chooses now; none: the vote is taken back. */
  | { readonly mark: "vote"; readonly choices: readonly number[] }
  /** The same, sealed to the devices of the poll's author (keys/ballot.ts). */
  | { readonly mark: "ballot"; readonly seals: readonly Uint8Array[] }
  /** The author ends the poll. */
  | { readonly mark: "close" }
  /** The asker accepts a reply as the answer to a question; null: takes that back. */
  | { readonly mark: "accept"; readonly answerId: MessageId | null }
  /** An emoji on a message of anybody's; null: takes it back. */
  | { readonly mark: "reaction"; readonly emoji: string | null }
  | { readonly mark: "unreadable" }
  /** The message is gone (M3). */
  | { readonly mark: "deletion" }
  /** The author's new words, in place of a text's or a caption's. */
  | { readonly mark: "edit"; readonly text: string; readonly mentions: readonly Mention[] }
  /** An admin puts a message on top of the conversation, or takes it down. */
  | { readonly mark: "pin"; readonly pinned: boolean }
  /** The totals of an anonymous poll, counted by its author. */
  | { readonly mark: "totals"; readonly counts: readonly number[]; readonly ballots: number };

export interface MarkContent {
  readonly kind: "mark";
  readonly messageId: MessageId;
  readonly what: Mark;
}

/** Parts of one emoji: pictures, skin tones, flags, and what joins them. */
const EMOJI =
  /^(?:\p{Extended_Pictographic}|\p{Emoji_Modifier}|\p{Regional_Indicator}|\u200d|\ufe0f)+$/u;

/** Whether a text is one emoji, drawn as one sign. */
export function isEmoji(text: string): boolean {
  return EMOJI.test(text) && [...new Intl.Segmenter().segment(text)].length === 1;
}

function emoji(value: unknown): string {
  const text = string(value, MAX_EMOJI);
  if (!isEmoji(text)) throw new Misshapen();
  return text;
}

function choice(value: unknown): number {
  return integer(value, MAX_POLL_OPTIONS - 1);
}

function readMark(value: unknown): Mark {
  if (!isFields(value)) throw new Misshapen();
  switch (string(value["mark"], 16)) {
    case "vote": {
      const choices = list(value["choices"], MAX_POLL_OPTIONS, choice);
      if (!choices.every((one, at) => at === 0 || one > (choices[at - 1] as number)))
        throw new Misshapen();
      return { mark: "vote", choices };
    }
    case "ballot":
      return { mark: "ballot", seals: list(value["seals"], MAX_SEALS, (v) => bytes(v, MAX_SEAL)) };
    case "accept":
      return { mark: "accept", answerId: nullable(value["answerId"], id<MessageId>) };
    case "edit": {
      const text = string(value["text"], MAX_TEXT);
      return { mark: "edit", text, mentions: mentions(value["mentions"]) };
    }
    case "reaction":
      return { mark: "reaction", emoji: nullable(value["emoji"], emoji) };
    case "pin":
      return { mark: "pin", pinned: boolean(value["pinned"]) };
    case "deletion":
      return { mark: "deletion" };
    case "close":
      return { mark: "close" };
    case "totals":
      return {
        mark: "totals",
        counts: list(value["counts"], MAX_POLL_OPTIONS, (v) => integer(v, 1e6)),
        ballots: integer(value["ballots"], 1e6),
      };
    default:
      throw new Misshapen();
  }
}

/** A mark that this app cannot read, a later version's perhaps, states nothing and is no message. */
function stated(value: unknown): Mark {
  try {
    return readMark(value);
  } catch (error) {
    if (!(error instanceof Misshapen)) throw error;
    return { mark: "unreadable" };
  }
}

export const mark: ContentKind<MarkContent, TextBody> = {
  read: (fields: ContentFields) => ({
    kind: "mark",
    messageId: id<MessageId>(fields["messageId"]),
    what: stated(fields["what"]),
  }),
  shown: false,
  texts: () => [],
  foundAs: null,
  preview: () => ({ kind: "unsupported" }),
  /** Moderators read an edit beside the message that it changed. */
  body: ({ what }) => {
    if (what.mark !== "edit") return Promise.resolve(null);
    return Promise.resolve({ kind: "text", text: what.text, mentions: what.mentions });
  },
  mentions: () => [],
  attachments: () => [],
  replyTo: () => null,
  ...NOT_FORWARDED,
};

/** A text, perhaps naming people, perhaps answering a message. */
import { failure } from "../failure.ts";
import type { Mention } from "./parts.ts";
import { MAX_TEXT, forwards, mentions, nullable, onceMore, replyTo, string } from "./fields.ts";
import type { ReplyPointer } from "./fields.ts";
import { bounded, readPage, shownPage, type LinkedPage } from "./links.ts";
import { PREVIEW, type WrittenKind } from "./kind.ts";

export interface TextContent {
  readonly kind: "text";
  readonly text: string;
  readonly mentions: readonly Mention[];
  readonly replyTo: ReplyPointer | null;
  readonly forwards: number;
  /** The page of the first link. */
  readonly page?: LinkedPage;
}

export interface TextBody {
  readonly kind: "text";
  readonly text: string;
  readonly mentions: readonly Mention[];
  readonly page?: LinkedPage;
}

export interface TextPreview {
  readonly kind: "text";
  readonly text: string;
}

function titleOf({ page }: Pick<TextContent, "page">): readonly string[] {
  return page === undefined ? [] : [page.title];
}

export const text: WrittenKind<TextContent, TextBody, TextPreview, TextBody> = {
  read: (fields) => ({
    kind: "text",
    text: string(fields["text"], MAX_TEXT),
    mentions: mentions(fields["mentions"]),
    replyTo: nullable(fields["replyTo"], replyTo),
    forwards: forwards(fields["forwards"]),
    ...readPage(fields["page"]),
  }),
  shown: true,
  texts: (content) => [content.text, ...titleOf(shownPage(content))],
  foundAs: null,
  preview: (content) => ({ kind: "text", text: content.text.slice(0, PREVIEW) }),
  body: ({ kind, text, mentions, page }) =>
    Promise.resolve({ kind, text, mentions, ...shownPage({ text, page }) }),
  mentions: (content) => content.mentions,
  attachments: () => [],
  replyTo: (content) => content.replyTo,
  forwards: (content) => content.forwards,
  forwarded: ({ kind, text, forwards, page }) => {
    const said = { kind, text, mentions: [], replyTo: null, forwards: onceMore(forwards) };
    return { ...said, ...shownPage({ text, page }) };
  },
  compose: ({ kind, text, mentions, page }, replyTo) => {
    if (text.trim() === "" || text.length > MAX_TEXT)
      throw failure("message_invalid", { details: { limit: MAX_TEXT } });
    const said = { kind, text, mentions, replyTo, forwards: 0 };
    return { ...said, ...(page && shownPage({ text, page: bounded(page) })) };
  },
};

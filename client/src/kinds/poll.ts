/**
 * A poll: a question with options. Votes are marks on it (mark.ts); how they count is stated in
 * messages/poll-count.ts. A poll is by name, or anonymous: then votes are sealed to its author, who
 * counts them, and the others see totals after the end alone.
 */
import { failure } from "../failure.ts";
import { boolean, integer, list, nullable, string } from "./fields.ts";
import { NOT_FORWARDED, PREVIEW, type WrittenKind } from "./kind.ts";
import { MAX_POLL_OPTIONS, MAX_POLL_OPTION, MAX_POLL_QUESTION } from "./consultation.ts";
import type { PollContent, PollState } from "./consultation.ts";

export interface PollBody extends PollContent {
  readonly state: PollState;
}

export interface PollPreview {
  readonly kind: "poll";
  readonly text: string;
}

export const poll: WrittenKind<PollContent, PollBody, PollPreview, PollContent> = {
  read: (fields) => {
    const options = list(fields["options"], MAX_POLL_OPTIONS, (one) =>
      string(one, MAX_POLL_OPTION),
    );
    // Fewer than two: nothing to choose from.
    integer(options.length - 2, MAX_POLL_OPTIONS);
    return {
      kind: "poll",
      question: string(fields["question"], MAX_POLL_QUESTION),
      options,
      multiple: boolean(fields["multiple"]),
      anonymous: boolean(fields["anonymous"]),
      endsMs: nullable(fields["endsMs"], (v) => integer(v, Number.MAX_SAFE_INTEGER)),
    };
  },
  shown: true,
  texts: (content) => [content.question, ...content.options],
  foundAs: "poll",
  preview: ({ question }) => ({ kind: "poll", text: question.slice(0, PREVIEW) }),
  body: async (content, shown) => ({ ...content, state: await shown.poll(content) }),
  mentions: () => [],
  attachments: () => [],
  replyTo: () => null,
  ...NOT_FORWARDED,
  compose: ({ kind, question, options, multiple, anonymous, endsMs }) => {
    const trimmed = options.map((one) => one.trim());
    const several = trimmed.length >= 2 && trimmed.length <= MAX_POLL_OPTIONS;
    const worded = trimmed.every((one) => one !== "" && one.length <= MAX_POLL_OPTION);
    const asked = question.trim();
    const different = new Set(trimmed).size === trimmed.length;
    if (!several || !worded || !different || asked === "" || asked.length > MAX_POLL_QUESTION)
      throw failure("message_invalid", { details: { limit: MAX_POLL_OPTIONS } });
    return { kind, question: asked, options: trimmed, multiple, anonymous, endsMs };
  },
};

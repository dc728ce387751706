/** The facts that each kind of message states about itself, in its own file of this folder. */
import type { AttachmentView, Mention, OutgoingAttachment } from "./parts.ts";
import type {
  LiveContent,
  LiveState,
  PollContent,
  PollState,
  QuestionState,
} from "./consultation.ts";
import type { AttachmentPointer, ContentFields, ReplyPointer } from "./fields.ts";

/** Kinds that a search can be limited to; `mention`: messages that mention this person. */
export const SEARCH_KINDS = [
  "media",
  "document",
  "audio",
  "link",
  "place",
  "poll",
  "order",
  "mention",
] as const;
export type SearchKind = (typeof SEARCH_KINDS)[number];

/** Longest text of a preview. */
export const PREVIEW = 200;

export interface Unsupported {
  readonly kind: "unsupported";
}

/** Makes the parts of a body that come from beside the content. */
export interface BodySources {
  readonly attachments: (
    pointers: readonly AttachmentPointer[],
  ) => Promise<readonly AttachmentView[]>;
  readonly poll: (content: PollContent) => Promise<PollState>;
  readonly live: (content: LiveContent) => Promise<LiveState>;
  readonly question: () => Promise<QuestionState>;
}

type Tagged = { readonly kind: string };

/** A kind with content C, which the screens show as a body B and lists as a preview P. */
export interface ContentKind<C extends Tagged, B extends Tagged = never, P extends Tagged = never> {
  /** From the fields of a decoded message. Throws Misshapen. */
  readonly read: (fields: ContentFields) => C;
  /** Whether it is shown as a message: then it counts as unread and may notify. */
  readonly shown: boolean;
  /** The texts by which a search finds it, the one that people wrote first. */
  readonly texts: (content: C) => readonly string[];
  /** The filter of a search that shows it; null: only those of its files and links do. */
  readonly foundAs: SearchKind | null;
  /** The preview that the list and a quote show. */
  readonly preview: (content: C) => P | Unsupported;
  /** The body on the screens; null: it is not shown as a message. */
  readonly body: (content: C, shown: BodySources) => Promise<B | null>;
  readonly mentions: (content: C) => readonly Mention[];
  readonly attachments: (content: C) => readonly AttachmentPointer[];
  readonly replyTo: (content: C) => ReplyPointer | null;
  /** How often it was forwarded to come here; 0: it was written here. */
  readonly forwards: (content: C) => number;
  /**
   * The content that forwards it: counted once more, and without its author, the people whom it
   * mentions and the message that it answers. Null: such messages are not forwarded.
   */
  readonly forwarded: (content: C) => C | null;
}

/** Kinds that are not forwarded spread this. */
export const NOT_FORWARDED = { forwards: () => 0, forwarded: () => null } as const;

/** A kind that people write; O is what the screens hand in. */
export interface WrittenKind<
  C extends Tagged,
  B extends Tagged,
  P extends Tagged,
  O extends Tagged,
> extends ContentKind<C, B, P> {
  /** The content to send. `prepare` takes a file in. Throws `message_invalid`. */
  readonly compose: (
    outgoing: O,
    replyTo: ReplyPointer | null,
    prepare: (file: OutgoingAttachment) => AttachmentPointer,
  ) => C;
}

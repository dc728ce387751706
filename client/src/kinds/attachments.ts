/** Files with an optional caption; as evidence, their original bytes with what the sender says of them. */
import { failure } from "../failure.ts";
import type { AttachmentKind, AttachmentView, Mention, OutgoingAttachment } from "./parts.ts";
import { MAX_ATTACHMENTS, MAX_NAME, MAX_TEXT, Misshapen } from "./fields.ts";
import {
  attachment,
  forwards,
  integer,
  isFields,
  list,
  mentions,
  nullable,
  number,
  onceMore,
  replyTo,
  string,
} from "./fields.ts";
import type { AttachmentPointer, ReplyPointer } from "./fields.ts";
import { PREVIEW, type WrittenKind } from "./kind.ts";

/** The sender of evidence states and signs these facts beside the files' SHA-256. */
export interface EvidenceFacts {
  /** When the file was made, as the device that holds it says; null: it does not say. */
  readonly madeMs: number | null;
  /** The sender's name for the device. */
  readonly phone: string;
  /** The sender's position; null: the sender does not say. */
  readonly place: { readonly lat: number; readonly lon: number; readonly accuracyM: number } | null;
}

export interface AttachmentsContent {
  readonly kind: "attachments";
  readonly text: string;
  readonly mentions: readonly Mention[];
  readonly replyTo: ReplyPointer | null;
  readonly attachments: readonly AttachmentPointer[];
  readonly forwards: number;
  /** Null: not sent as evidence. */
  readonly evidence: EvidenceFacts | null;
}

export interface AttachmentsBody {
  readonly kind: "attachments";
  readonly text: string;
  readonly mentions: readonly Mention[];
  readonly attachments: readonly AttachmentView[];
  readonly evidence?: EvidenceFacts | null;
}

export interface AttachmentsPreview {
  readonly kind: AttachmentKind;
  readonly text: string;
}

export interface OutgoingAttachments {
  readonly kind: "attachments";
  readonly text: string;
  readonly mentions: readonly Mention[];
  readonly attachments: readonly OutgoingAttachment[];
  /** Their bytes go as they are. */
  readonly evidence?: EvidenceFacts;
}

/** The facts of evidence; null: the message is none, or its sender did not sign the SHA-256 of each file. */
export function evidenceOf({
  attachments: files,
  evidence: facts,
}: Pick<AttachmentsContent, "attachments" | "evidence">): EvidenceFacts | null {
  return files.every(({ sha256 }) => sha256 !== null) ? facts : null;
}

function evidence(value: unknown): EvidenceFacts {
  if (!isFields(value)) throw new Misshapen();
  return {
    madeMs: nullable(value["madeMs"], (v) => integer(v, Number.MAX_SAFE_INTEGER)),
    phone: string(value["phone"], MAX_NAME),
    place: nullable(value["place"], (given) => {
      if (!isFields(given)) throw new Misshapen();
      return {
        lat: number(given["lat"], -90, 90),
        lon: number(given["lon"], -180, 180),
        accuracyM: number(given["accuracyM"], 0, 1e6),
      };
    }),
  };
}

export const attachments: WrittenKind<
  AttachmentsContent,
  AttachmentsBody,
  AttachmentsPreview,
  OutgoingAttachments
> = {
  read: (fields) => ({
    kind: "attachments",
    text: string(fields["text"], MAX_TEXT),
    mentions: mentions(fields["mentions"]),
    replyTo: nullable(fields["replyTo"], replyTo),
    attachments: list(fields["attachments"], MAX_ATTACHMENTS, attachment),
    forwards: forwards(fields["forwards"]),
    evidence: nullable(fields["evidence"], evidence),
  }),
  shown: true,
  texts: (content) => [content.text],
  foundAs: null,
  preview: (content) => {
    const kind = content.attachments[0]?.kind ?? "document";
    const named = kind === "document" || kind === "audio";
    const caption = content.text === "" && named ? content.attachments[0]?.name : content.text;
    return { kind, text: (caption ?? "").slice(0, PREVIEW) };
  },
  body: async (content, show) => ({
    kind: "attachments",
    text: content.text,
    mentions: content.mentions,
    attachments: await show.attachments(content.attachments),
    evidence: evidenceOf(content),
  }),
  mentions: (content) => content.mentions,
  attachments: (content) => content.attachments,
  replyTo: (content) => content.replyTo,
  forwards: (content) => content.forwards,
  forwarded: (content) => {
    // A person who forwards evidence has not seen what its sender saw.
    const said = { mentions: [], replyTo: null, evidence: null };
    return { ...content, ...said, forwards: onceMore(content.forwards) };
  },
  compose: (outgoing, replyTo, prepare) => {
    const { kind, text, mentions, attachments: files, evidence: facts } = outgoing;
    if (text.length > MAX_TEXT || files.length === 0 || files.length > MAX_ATTACHMENTS)
      throw failure("message_invalid", { details: { limit: MAX_ATTACHMENTS } });
    const said = { kind, text, mentions, replyTo, forwards: 0, evidence: facts ?? null };
    return { ...said, attachments: files.map(prepare) };
  },
};

/** A message of the practice in a list row or a quote, and as it is shown once it is sent. */
import type {
  AttachmentView,
  MessageBody,
  MessageItem,
  Outgoing,
  Preview,
  ReplyQuote,
} from "@copconnect/client/core";
import type { AttachmentId } from "@copconnect/client/wire";
import { id } from "./department.ts";

export function previewOf(body: MessageBody): Preview {
  switch (body.kind) {
    case "text":
    case "question":
      return { kind: body.kind, text: body.text };
    case "attachments":
      return { kind: body.attachments[0]?.kind ?? "document", text: body.text };
    case "location":
    case "live":
      return { kind: body.kind };
    case "order":
      return { kind: "order", priority: body.priority, text: body.title };
    case "poll":
      return { kind: "poll", text: body.question };
    default:
      return { kind: "unsupported" };
  }
}

export function quoteOf({ messageId, sender, preview }: MessageItem): ReplyQuote {
  return { messageId, conversationId: null, sender, preview };
}

/** A written message as the conversation shows it; `keep` gets the files. Null: not of the practice. */
export function bodyOf(
  outgoing: Outgoing,
  keep: (attachmentId: AttachmentId, file: Blob) => void,
): MessageBody | null {
  switch (outgoing.kind) {
    case "text":
    case "location":
      return outgoing;
    case "live":
      return { ...outgoing, state: { running: true, untilMs: outgoing.untilMs, here: true } };
    case "question":
      return { ...outgoing, state: { mine: true, answerId: null } };
    case "attachments":
      return {
        ...outgoing,
        attachments: outgoing.attachments.map((one, at): AttachmentView => {
          const attachmentId = id<AttachmentId>(5, Date.now() + at);
          keep(attachmentId, one.file);
          return {
            ...{ attachmentId, kind: one.kind, name: one.name, mime: one.mime },
            size: one.file.size,
            width: one.width ?? null,
            height: one.height ?? null,
            durationMs: one.durationMs ?? null,
            thumb: one.thumb ?? null,
            waveform: one.waveform ?? null,
            progress: null,
            local: true,
          };
        }),
      };
    default:
      return null;
  }
}

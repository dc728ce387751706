/** A message in a line, as the core makes it for lists and quotes. Pure. */
import type { MessageBody, Preview } from "@copconnect/client/core";

export function previewOf(body: MessageBody): Preview {
  switch (body.kind) {
    case "text":
      return { kind: "text", text: body.text };
    case "attachments":
      return { kind: body.attachments[0]?.kind ?? "document", text: body.text };
    case "location":
      return { kind: "location" };
    case "notice":
      return { kind: "notice", notice: body.notice };
    case "unsupported":
      return { kind: "unsupported" };
  }
}

/**
 * A member has exported messages of this conversation (docs/export.md). The exporter's device sends it
 * before it hands the file out; nobody deletes or forwards it. The file's SHA-256 says which file it was.
 */
import type { ConversationExported } from "../wire.ts";
import { boolean, hash, integer, type ContentFields } from "./fields.ts";
import { NOT_FORWARDED, type WrittenKind } from "./kind.ts";
import { toHex } from "../octets.ts";

/** Positions in the log and counts of what the file has. */
export interface ExportedContent {
  readonly kind: "exported";
  readonly first: number;
  readonly last: number;
  readonly messages: number;
  readonly files: boolean;
  readonly sha256: Uint8Array;
}

export interface ExportedPreview {
  readonly kind: "exported";
}

function count(fields: ContentFields, name: string): number {
  return integer(fields[name], Number.MAX_SAFE_INTEGER);
}

export const exported: WrittenKind<
  ExportedContent,
  ExportedContent,
  ExportedPreview,
  ExportedContent
> = {
  read: (fields) => ({
    kind: "exported",
    first: count(fields, "first"),
    last: count(fields, "last"),
    messages: count(fields, "messages"),
    files: boolean(fields["files"]),
    sha256: hash(fields["sha256"]),
  }),
  shown: true,
  texts: () => [],
  foundAs: null,
  preview: ({ kind }) => ({ kind }),
  body: (content) => Promise.resolve(content),
  mentions: () => [],
  attachments: () => [],
  replyTo: () => null,
  ...NOT_FORWARDED,
  compose: (outgoing) => outgoing,
};

/** The part that the server gets in the clear, for the audit log. */
export function clearExport(content: ExportedContent): ConversationExported {
  const { first, last, messages, files, sha256 } = content;
  return { first, last, messages, files, sha256: toHex(sha256) };
}

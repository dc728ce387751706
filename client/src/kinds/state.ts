/**
 * The conversation's own state: its name and photo, a description. Written by devices with the admin
 * right alone; the highest version counts, of equals the later in the log.
 * It is not shown as a message: a change of it is a notice.
 */
import { attachment, integer, MAX_NAME, nullable, string } from "./fields.ts";
import type { AttachmentPointer } from "./fields.ts";
import { NOT_FORWARDED, type ContentKind } from "./kind.ts";

/** Longest description of a group, in characters: about a screen of a phone. */
export const MOST_DESCRIPTION = 500;

export interface StateContent {
  readonly kind: "state";
  readonly version: number;
  readonly title: string;
  readonly photo: AttachmentPointer | null;
  readonly description: string;
}

export const state: ContentKind<StateContent> = {
  read: (fields) => ({
    kind: "state",
    version: integer(fields["version"], Number.MAX_SAFE_INTEGER),
    title: string(fields["title"], MAX_NAME),
    photo: nullable(fields["photo"], attachment),
    description: string(fields["description"], MOST_DESCRIPTION),
  }),
  shown: false,
  texts: () => [],
  foundAs: null,
  preview: () => ({ kind: "unsupported" }),
  body: () => Promise.resolve(null),
  mentions: () => [],
  attachments: ({ photo }) => (photo === null ? [] : [photo]),
  replyTo: () => null,
  ...NOT_FORWARDED,
};

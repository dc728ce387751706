/** A place. */
import { integer, nullable, number, replyTo } from "./fields.ts";
import type { ReplyPointer } from "./fields.ts";
import type { Kind } from "./kind.ts";

export interface LocationContent {
  readonly kind: "location";
  readonly latitude: number;
  readonly longitude: number;
  readonly accuracyM: number | null;
  readonly takenMs: number;
  readonly replyTo: ReplyPointer | null;
}

export const location: Kind<LocationContent> = {
  read: (fields) => ({
    kind: "location",
    latitude: number(fields["latitude"], -90, 90),
    longitude: number(fields["longitude"], -180, 180),
    accuracyM: nullable(fields["accuracyM"], (v) => number(v, 0, 1e8)),
    takenMs: integer(fields["takenMs"], Number.MAX_SAFE_INTEGER),
    replyTo: nullable(fields["replyTo"], replyTo),
  }),
  preview: () => ({ kind: "location" }),
  body: ({ kind, latitude, longitude, accuracyM, takenMs }) =>
    Promise.resolve({ kind, latitude, longitude, accuracyM, takenMs }),
  mentions: () => [],
  attachments: () => [],
  replyTo: (content) => content.replyTo,
};

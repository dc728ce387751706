/** A place. */
import { integer, nullable, number, replyTo } from "./fields.ts";
import type { ReplyPointer } from "./fields.ts";
import type { WrittenKind } from "./kind.ts";

export interface LocationContent {
  readonly kind: "location";
  readonly latitude: number;
  readonly longitude: number;
  readonly accuracyM: number | null;
  readonly takenMs: number;
  readonly replyTo: ReplyPointer | null;
}

export type LocationBody = Omit<LocationContent, "replyTo">;

export interface LocationPreview {
  readonly kind: "location";
}

export const location: WrittenKind<LocationContent, LocationBody, LocationPreview, LocationBody> = {
  read: (fields) => ({
    kind: "location",
    latitude: number(fields["latitude"], -90, 90),
    longitude: number(fields["longitude"], -180, 180),
    accuracyM: nullable(fields["accuracyM"], (v) => number(v, 0, 1e8)),
    takenMs: integer(fields["takenMs"], Number.MAX_SAFE_INTEGER),
    replyTo: nullable(fields["replyTo"], replyTo),
  }),
  shown: true,
  preview: () => ({ kind: "location" }),
  body: ({ kind, latitude, longitude, accuracyM, takenMs }) =>
    Promise.resolve({ kind, latitude, longitude, accuracyM, takenMs }),
  mentions: () => [],
  attachments: () => [],
  replyTo: (content) => content.replyTo,
  compose: ({ kind, latitude, longitude, accuracyM, takenMs }, replyTo) => {
    return { kind, latitude, longitude, accuracyM, takenMs, replyTo };
  },
};

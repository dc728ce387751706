/** A place. */
import { forwards, integer, nullable, number, onceMore, replyTo } from "./fields.ts";
import type { GeoPosition } from "./consultation.ts";
import type { ReplyPointer } from "./fields.ts";
import type { WrittenKind } from "./kind.ts";

export interface LocationContent extends GeoPosition {
  readonly kind: "location";
  readonly replyTo: ReplyPointer | null;
  readonly forwards: number;
}

export type LocationBody = Omit<LocationContent, "replyTo" | "forwards">;

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
    forwards: forwards(fields["forwards"]),
  }),
  shown: true,
  texts: () => [],
  foundAs: "place",
  preview: () => ({ kind: "location" }),
  body: ({ kind, latitude, longitude, accuracyM, takenMs }) =>
    Promise.resolve({ kind, latitude, longitude, accuracyM, takenMs }),
  mentions: () => [],
  attachments: () => [],
  replyTo: (content) => content.replyTo,
  forwards: (content) => content.forwards,
  forwarded: (content) => {
    return { ...content, replyTo: null, forwards: onceMore(content.forwards) };
  },
  compose: ({ kind, latitude, longitude, accuracyM, takenMs }, replyTo) => {
    return { kind, latitude, longitude, accuracyM, takenMs, replyTo, forwards: 0 };
  },
};

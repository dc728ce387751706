/**
 * A live position, from its beginning: who shares, until when, and where from. Later
 * positions are no messages (keys/position.ts); a mark ends it before its time.
 */
import { failure } from "../failure.ts";
import { LONGEST_LIVE_MS, type LiveContent, type LiveState } from "./consultation.ts";
import { integer, nullable, number } from "./fields.ts";
import { NOT_FORWARDED, type WrittenKind } from "./kind.ts";

export interface LiveBody extends LiveContent {
  readonly state: LiveState;
}

export interface LivePreview {
  readonly kind: "live";
}

export const live: WrittenKind<LiveContent, LiveBody, LivePreview, LiveContent> = {
  read: (fields) => ({
    kind: "live",
    untilMs: integer(fields["untilMs"], Number.MAX_SAFE_INTEGER),
    latitude: number(fields["latitude"], -90, 90),
    longitude: number(fields["longitude"], -180, 180),
    accuracyM: nullable(fields["accuracyM"], (v) => number(v, 0, 1e8)),
    takenMs: integer(fields["takenMs"], Number.MAX_SAFE_INTEGER),
  }),
  shown: true,
  texts: () => [],
  foundAs: "place",
  preview: () => ({ kind: "live" }),
  body: async (content, shown) => ({ ...content, state: await shown.live(content) }),
  mentions: () => [],
  attachments: () => [],
  replyTo: () => null,
  ...NOT_FORWARDED,
  compose: ({ kind, untilMs, latitude, longitude, accuracyM, takenMs }) => {
    if (untilMs - takenMs > LONGEST_LIVE_MS + 60_000)
      throw failure("message_invalid", { details: { limit: LONGEST_LIVE_MS } });
    return { kind, untilMs, latitude, longitude, accuracyM, takenMs };
  },
};

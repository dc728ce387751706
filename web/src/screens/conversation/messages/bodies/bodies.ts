/** The part that shows each kind of message in a bubble; the compiler asks for every kind. */
import type { MessageBody, MessageItem } from "@copconnect/client/core";
import type { Component, Snippet } from "svelte";
import LocationPart from "#parts/attachments/LocationPart.svelte";
import AttachmentsBody from "./AttachmentsBody.svelte";
import ExportedBody from "./ExportedBody.svelte";
import LiveBody from "./LiveBody.svelte";
import OrderBody from "./OrderBody.svelte";
import OrderChangeBody from "./OrderChangeBody.svelte";
import PollBody from "./PollBody.svelte";
import QuestionBody from "./QuestionBody.svelte";
import TextBody from "./TextBody.svelte";

/** Notices have separate rows (MessageList.svelte); a line of words replaces a deleted message. */
type ShownBody = Exclude<MessageBody, { kind: "notice" | "deleted" | "withheld" | "unsupported" }>;

export interface BodyProps<B extends MessageBody> {
  message: MessageItem;
  body: B;
  /** Time and ticks, for a part that places them itself. */
  meta: Snippet;
}

const BODIES: {
  readonly [K in ShownBody["kind"]]: Component<BodyProps<Extract<ShownBody, { kind: K }>>>;
} = {
  text: TextBody,
  attachments: AttachmentsBody,
  exported: ExportedBody,
  location: LocationPart,
  live: LiveBody,
  order: OrderBody,
  order_change: OrderChangeBody,
  poll: PollBody,
  question: QuestionBody,
};

/** Parts that place time and ticks themselves. */
export const PLACES_META: ReadonlySet<MessageBody["kind"]> = new Set(["text"]);

/** The part for a body; null where this version has none. */
export function partOf(body: MessageBody): Component<BodyProps<MessageBody>> | null {
  if (!(body.kind in BODIES)) return null;
  // Sound because BODIES[k] takes the body whose kind is k.
  return BODIES[body.kind as ShownBody["kind"]] as unknown as Component<BodyProps<MessageBody>>;
}

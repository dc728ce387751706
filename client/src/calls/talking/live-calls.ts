/** `core.live`: live positions. */
import { failure } from "../../failure.ts";
import { newId, type ConversationId, type MessageId } from "../../ids.ts";
import { LONGEST_LIVE_MS, MOST_MARKING } from "../../kinds/consultation.ts";
import { KNOWN_DEVICES } from "../../limits.ts";
import type { LivePlace, LiveShare, GeoPosition, MessageItem } from "../../seam.ts";
import type { MessageCalls } from "../message-calls.ts";
import { writable, type DeviceAccess } from "../reach.ts";
import { sendMark } from "./marking.ts";

export class LiveCalls {
  readonly #reach: DeviceAccess;
  readonly #messages: Pick<MessageCalls, "send">;

  constructor(reach: DeviceAccess, messages: Pick<MessageCalls, "send">) {
    this.#reach = reach;
    this.#messages = messages;
  }

  /** Share this device's position with a conversation from now on, for eight hours at most. */
  async share(
    conversationId: ConversationId,
    place: GeoPosition,
    forMs: number,
  ): Promise<MessageItem> {
    const device = await this.#reach.device();
    const conversation = writable(this.#reach, device.find(conversationId));
    const { members, devices } = conversation.record;
    // Everybody checks that the sharer is listed, by a roster that they hold.
    if (members > MOST_MARKING || devices > KNOWN_DEVICES)
      throw failure("live_too_large", { details: { people: MOST_MARKING } });
    const { time, now } = device.context;
    const untilMs = (time.now() ?? now()) + Math.min(forMs, LONGEST_LIVE_MS);
    const messageId = newId<MessageId>();
    const outgoing = { kind: "live", untilMs, ...place } as const;
    const item = await this.#messages.send(conversationId, outgoing, null, messageId);
    await device.live.begin({ conversationId, messageId, untilMs });
    return item;
  }

  async stop(conversationId: ConversationId): Promise<void> {
    const device = await this.#reach.device();
    const [share] = device.live.shares().filter((one) => one.conversationId === conversationId);
    await device.live.end(conversationId);
    const conversation = device.book.find(conversationId);
    if (share === undefined || conversation === null) return;
    const { messageId } = share;
    await sendMark(device, conversation, { kind: "mark", messageId, what: { mark: "close" } });
  }

  /** The live positions that this device shares. */
  async shares(): Promise<readonly LiveShare[]> {
    return (await this.#reach.device()).live.shares();
  }

  /** This device is here now. Answers with the shares that run: none, and it need not look again. */
  async move(place: GeoPosition): Promise<readonly LiveShare[]> {
    return (await this.#reach.device()).live.move(place);
  }

  /** The live positions in a conversation. `ask`: also what others heard before. */
  async places(conversationId: ConversationId, ask: boolean): Promise<readonly LivePlace[]> {
    const device = await this.#reach.device();
    return device.live.places(device.find(conversationId), ask);
  }
}

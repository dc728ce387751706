/**
 * The messages of a program: stored before {@link ProgramSender.send} returns, sent by the outbox, and
 * known by their name for good.
 */
import type { Core } from "../core.ts";
import type { CoreEvent, MessageItem, Outgoing } from "../seam.ts";
import type { DeviceContext } from "../context.ts";
import type { Device } from "../calls/device.ts";
import { CoreFailure } from "../failure.ts";
import { idOf, newId, type ConversationId, type MessageId } from "../ids.ts";
import { PROGRAM_STORES } from "../inbox/waiting.ts";
import { decodeContent } from "../kinds/content.ts";
import { loadMessage } from "../conversation/messages.ts";
import { copy, randomBytes, utf8 } from "../octets.ts";
import { SerialQueue } from "../serial-queue.ts";
import { META, putMeta } from "../vault/changes.ts";
import { withoutFiles, putSettled, type Settled } from "./handling.ts";

const NAMES = "program_names";
const ID_BYTES = 16;

export interface SendResult {
  readonly messageId: MessageId;
  /** False: the same message was sent before. */
  readonly isNew: boolean;
}

export class ProgramSender {
  readonly #device: () => Promise<Device>;
  readonly #send: Core["messages"]["send"];
  readonly #waiting = new Map<MessageId, Set<() => void>>();
  /** The second of two calls with one name finds the message of the first. */
  readonly #queue = new SerialQueue();

  constructor(device: () => Promise<Device>, send: Core["messages"]["send"]) {
    this.#device = device;
    this.#send = send;
  }

  /** Store a message and begin to send it. `once`: a name that the program gives it. */
  send(
    conversationId: ConversationId,
    outgoing: Outgoing,
    once: string | null,
    replyTo: MessageId | null,
  ): Promise<SendResult> {
    return this.#queue.run(async () => {
      const { context } = await this.#device();
      const messageId: MessageId =
        once === null ? newId() : await idOfName(context, conversationId, once);
      const known = once !== null && (await this.#isKnown(context, conversationId, messageId));
      if (!known) await this.#send(conversationId, outgoing, replyTo, messageId);
      return { messageId, isNew: !known };
    });
  }

  async #isKnown(
    { vault }: DeviceContext,
    conversationId: ConversationId,
    messageId: MessageId,
  ): Promise<boolean> {
    if ((await vault.get<Settled>(PROGRAM_STORES.settled, messageId)) !== null) return true;
    return (await loadMessage(vault, conversationId, messageId)) !== null;
  }

  /** Wait until the server has it. Rejects with the reason why it was given up. */
  async settled(conversationId: ConversationId, messageId: MessageId): Promise<number> {
    const { vault } = (await this.#device()).context;
    for (;;) {
      const told = new Promise<void>((resolve) => {
        const all = this.#waiting.get(messageId) ?? new Set();
        this.#waiting.set(messageId, all.add(resolve));
      });
      const end = await vault.get<Settled>(PROGRAM_STORES.settled, messageId);
      if (end !== null && "code" in end) throw new CoreFailure("not_sent", { details: end });
      const seq = end?.seq ?? (await loadMessage(vault, conversationId, messageId))?.seq ?? null;
      if (seq !== null) return seq;
      await told;
    }
  }

  /** Follow what becomes of own messages. */
  async heard(event: CoreEvent): Promise<void> {
    if (event.type !== "messages") return;
    for (const item of event.items.filter(({ mine }) => mine)) {
      if (item.status === "failed") await this.#giveUp(item, item.failure?.code ?? "unknown");
      else if (item.seq !== null) await this.#accepted(item);
      else continue;
      for (const told of this.#waiting.get(item.messageId) ?? []) told();
      this.#waiting.delete(item.messageId);
    }
  }

  /** Give up the messages that failed before this process began. */
  async begin(): Promise<void> {
    const device = await this.#device();
    for (const { stage, conversationId, messageId } of device.outgoing.all()) {
      if (stage !== "failed") continue;
      const message = await loadMessage(device.context.vault, conversationId, messageId);
      await this.#giveUp({ conversationId, messageId }, message?.failure?.code ?? "unknown");
    }
  }

  /** Nobody tries it again: its name is used up, and it leaves the outbox. */
  async #giveUp(
    { conversationId, messageId }: Pick<MessageItem, "conversationId" | "messageId">,
    code: string,
  ): Promise<void> {
    const device = await this.#device();
    const conversation = device.find(conversationId);
    if (device.outgoing.find(messageId) === null) return;
    await device.outbox.cancel(conversation, messageId);
    const { vault } = device.context;
    // Bytes that were sent without an answer may be in the log after all.
    if ((await loadMessage(vault, conversationId, messageId)) !== null) return;
    await vault.write([putSettled(messageId, { code })], true);
  }

  /** The server has it, and its files. */
  async #accepted({ conversationId, messageId, body }: MessageItem): Promise<void> {
    if (!("attachments" in body)) return;
    const { vault } = (await this.#device()).context;
    const message = await loadMessage(vault, conversationId, messageId);
    const content = message?.content ?? null;
    if (content !== null) await vault.write(withoutFiles(decodeContent(content)));
  }
}

/** The same id for the same name. The secret key makes all ids look alike to everybody else. */
async function idOfName(
  { vault }: DeviceContext,
  conversationId: ConversationId,
  once: string,
): Promise<MessageId> {
  let raw = await vault.get<Uint8Array>(META, NAMES);
  if (raw === null) {
    raw = randomBytes(32);
    await vault.write([putMeta(NAMES, raw)], true);
  }
  const algorithm = { name: "HMAC", hash: "SHA-256" };
  const key = await crypto.subtle.importKey("raw", copy(raw), algorithm, false, ["sign"]);
  const mac = await crypto.subtle.sign("HMAC", key, utf8(`${conversationId}\0${once}`));
  return idOf<MessageId>(new Uint8Array(mac).subarray(0, ID_BYTES));
}

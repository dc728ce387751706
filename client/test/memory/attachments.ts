/** Attachments of the server in memory: ciphertext in chunks, for the members of conversations. */
import type { AttachmentId, ConversationId, MessageId } from "../../src/ids.ts";
import { ATTACHMENT_CHUNK_BYTES } from "../../src/wire.ts";
import type * as wire from "../../src/wire.ts";
import { Refusal } from "./refusal.ts";
import type { ServerPorts } from "./ports.ts";
import type { AttachmentState, ClientState } from "./state.ts";

const STORED_CHUNK_BYTES = ATTACHMENT_CHUNK_BYTES + 16;

export class Attachments {
  readonly #server: ServerPorts;

  constructor(server: ServerPorts) {
    this.#server = server;
  }

  #one(id: AttachmentId): AttachmentState {
    const found = this.#server.state.attachments.get(id);
    if (found === undefined) throw new Refusal("not_found");
    return found;
  }

  #chunks({ size }: AttachmentState): number {
    return Math.max(1, Math.ceil(size / STORED_CHUNK_BYTES));
  }

  begin(caller: ClientState, body: wire.BeginAttachment): wire.AttachmentStatus {
    const { attachments } = this.#server.state;
    const { attachmentId, size, orderId = null } = body;
    const place = this.#server.state.conversations.get(body.conversationId);
    if (place?.members.get(caller.personId)?.removedMs !== null) throw new Refusal("not_member");
    const conversations = new Set(orderId === null ? [body.conversationId] : []);
    const known = attachments.get(attachmentId);
    const by = caller.personId;
    if (known === undefined)
      attachments.set(attachmentId, {
        ...{ attachmentId, size, conversations, chunks: new Map(), by, orderId },
      });
    return this.#status(attachmentId);
  }

  put(id: AttachmentId, index: number, chunk: Uint8Array): wire.AttachmentStatus {
    this.#one(id).chunks.set(index, chunk.slice());
    return this.#status(id);
  }

  chunk(id: AttachmentId, index: number): Uint8Array {
    const chunk = this.#one(id).chunks.get(index);
    if (chunk === undefined) throw new Refusal("not_found");
    return chunk;
  }

  share(id: AttachmentId, conversationId: ConversationId): wire.AttachmentStatus {
    this.#one(id).conversations.add(conversationId);
    return this.#status(id);
  }

  remove(id: AttachmentId): void {
    this.#server.state.attachments.delete(id);
  }

  /** Whether it is complete, and this person uploaded it for this order. */
  sent(id: AttachmentId, orderId: MessageId, { personId }: ClientState): boolean {
    const found = this.#server.state.attachments.get(id);
    if (found === undefined || found.orderId !== orderId || found.by !== personId) return false;
    return this.#complete(found);
  }

  /** Whether it is complete and shared to a conversation. */
  ready(id: AttachmentId, conversationId: ConversationId): boolean {
    const found = this.#server.state.attachments.get(id);
    return found !== undefined && found.conversations.has(conversationId) && this.#complete(found);
  }

  #complete(one: AttachmentState): boolean {
    return one.chunks.size >= this.#chunks(one);
  }

  #status(id: AttachmentId): wire.AttachmentStatus {
    const one = this.#one(id);
    const received = [...one.chunks.keys()].sort((a, b) => a - b);
    const { attachmentId, size } = one;
    return {
      attachmentId,
      size,
      chunks: this.#chunks(one),
      received,
      complete: this.#complete(one),
    };
  }
}

/**
 * Photos that orders ask for, from this device to the people who read answers.
 *
 * Invariants: the file is sealed into the vault before its row says that it waits; the acknowledgement
 * goes first, and one more acknowledgement names the photo once it is uploaded and sealed (sending.ts).
 * A crash repeats a step with the same bytes. Once it counts, only the pointer stays on this device.
 */
import { encode } from "@msgpack/msgpack";
import type { Attachments } from "../attachments/attachments.ts";
import { putAttachment } from "../attachments/uploads.ts";
import type { DeviceContext } from "../context.ts";
import { failure, hasCode } from "../failure.ts";
import type { AttachmentId, MessageId } from "../ids.ts";
import { sealedHash } from "../keys/acknowledgement.ts";
import { sealPhoto } from "../keys/answer.ts";
import { Refused } from "../keys/format/refused.ts";
import { attachment, type AttachmentPointer } from "../kinds/fields.ts";
import { fileGone } from "../conversation/files.ts";
import { equalBytes } from "../octets.ts";
import { STORES, type AttachmentRecord } from "../records.ts";
import type { OutgoingAttachment } from "../kinds/parts.ts";
import { unpack } from "../unpack.ts";
import type { Change } from "../vault/vault.ts";
import { sealToReaders } from "./answers.ts";
import { ORDER_STORES, type OrderRecord, type PhotoRecord } from "./record.ts";

/** Bytes of a photo, at most: pictures are made smaller before they are sent. */
export const PHOTO_BYTES = 16 * 1024 * 1024;

/** The pointer, with its preview, fits into what is sealed. */
const THUMB_BYTES = 512;

/** The content of a sealed photo. */
export function photoContent(pointer: AttachmentPointer): Uint8Array {
  return encode(pointer);
}

/** Read the content of a sealed photo for the attachment that the server names. Throws Refused. */
export function readPhoto(content: Uint8Array, attachmentId: AttachmentId): AttachmentPointer {
  let pointer: AttachmentPointer;
  try {
    pointer = attachment(unpack(content));
  } catch (error) {
    // Whatever a member has sealed: it hides no other person's answer.
    throw new Refused("O2", "the photo is malformed", null, error);
  }
  const picture = pointer.kind === "image" && pointer.mime.startsWith("image/");
  if (!picture || pointer.size > PHOTO_BYTES) throw new Refused("O2", "the photo is no picture");
  if (pointer.sha256 === null) throw new Refused("O2", "the photo has no hash");
  if (pointer.id !== attachmentId) throw new Refused("O2", "the photo is another attachment");
  return pointer;
}

export class OrderPhotos {
  readonly #context: DeviceContext;
  readonly #attachments: Pick<Attachments, "drop" | "prepare" | "seal" | "upload">;
  readonly #records = new Map<MessageId, PhotoRecord>();

  constructor(
    context: DeviceContext,
    attachments: Pick<Attachments, "drop" | "prepare" | "seal" | "upload">,
  ) {
    this.#context = context;
    this.#attachments = attachments;
  }

  async load(): Promise<void> {
    for (const one of await this.#context.vault.all<PhotoRecord>(ORDER_STORES.photos))
      this.#records.set(one.orderId, one);
  }

  find(orderId: MessageId): PhotoRecord | null {
    return this.#records.get(orderId) ?? null;
  }

  waiting(): readonly PhotoRecord[] {
    return [...this.#records.values()].filter(({ stage }) => stage === "waiting");
  }

  /** Seal a picture into the vault, in place of one that was given before. */
  async add({ orderId, conversationId }: OrderRecord, outgoing: OutgoingAttachment, nowMs: number) {
    const { kind, mime, file } = outgoing;
    const small = file.size <= PHOTO_BYTES && (outgoing.thumb?.length ?? 0) <= THUMB_BYTES;
    if (kind !== "image" || !mime.startsWith("image/") || !small)
      throw failure("message_invalid", { details: { limit: PHOTO_BYTES } });
    // The name that the phone gave it says when it was taken, or more.
    const prepared = this.#attachments.prepare({ ...outgoing, name: "photo" });
    await this.#attachments.seal([prepared]);
    const { pointer } = prepared;
    const former = this.find(orderId);
    const row = putAttachment({
      ...{ attachmentId: pointer.id, conversationId, messageId: orderId, orderId, pointer },
      ...{ upload: "pending", local: true },
    });
    const record = { orderId, conversationId, pointer, createdMs: nowMs } as const;
    await this.#put({ ...record, sealed: null, stage: "waiting" }, [row, ...goneOf(former)]);
    if (former !== null) this.#attachments.drop([former.pointer.id]);
  }

  /** Upload a photo and seal its pointer to the order's readers; returns its row with that. */
  async prepare(order: OrderRecord, photo: PhotoRecord): Promise<PhotoRecord> {
    const { facts } = order;
    if (facts === null) throw failure("order_unread");
    const { pointer, conversationId } = photo;
    const { vault } = this.#context;
    const stored = await vault.get<AttachmentRecord>(STORES.attachments, pointer.id);
    if (stored?.upload !== "complete")
      await this.#attachments.upload([pointer.id], conversationId).catch((error: unknown) => {
        // The order asks this person for no photo any more: the acknowledgement is answered with the reason.
        if (!hasCode(error, "not_found", "not_member")) throw error;
      });
    if (photo.sealed !== null) return photo;
    const { issuerId, headerHash, content } = facts;
    const named = { ...order, headerHash };
    const sealed = await sealToReaders(this.#context, named, issuerId, content.readers, (...to) => {
      const [place, keys, secret] = to;
      return sealPhoto(place, photoContent(pointer), keys, secret);
    });
    const next = { ...photo, sealed };
    if (this.#records.get(photo.orderId) === photo) await this.#put(next, []);
    return next;
  }

  /** An acknowledgement that names this photo counts. */
  async counted(orderId: MessageId, photoHash: Uint8Array): Promise<void> {
    const photo = this.find(orderId);
    if (photo?.stage !== "waiting" || photo.sealed === null) return;
    if (!equalBytes(sealedHash(photo.sealed), photoHash)) return;
    await this.#put({ ...photo, stage: "sent" }, goneOf(photo));
    this.#attachments.drop([photo.pointer.id]);
  }

  /** The server has not got the photo any more: upload it again. */
  async missing(orderId: MessageId): Promise<void> {
    const photo = this.find(orderId);
    if (photo === null) return;
    const { vault } = this.#context;
    const stored = await vault.get<AttachmentRecord>(STORES.attachments, photo.pointer.id);
    if (stored !== null) await vault.write([putAttachment({ ...stored, upload: "pending" })]);
  }

  /** Forget a photo that will not count. */
  async drop(orderId: MessageId): Promise<void> {
    const photo = this.find(orderId);
    if (photo?.stage !== "waiting") return;
    const row: Change = { op: "delete", store: ORDER_STORES.photos, key: orderId };
    await this.#context.vault.write([row, ...goneOf(photo)]);
    this.#records.delete(orderId);
    this.#attachments.drop([photo.pointer.id]);
  }

  async #put(value: PhotoRecord, beside: readonly Change[]): Promise<void> {
    const row: Change = { op: "put", store: ORDER_STORES.photos, key: value.orderId, value };
    await this.#context.vault.write([row, ...beside], true);
    this.#records.set(value.orderId, value);
  }
}

function goneOf(photo: PhotoRecord | null): readonly Change[] {
  return photo === null ? [] : fileGone(photo.pointer.id);
}

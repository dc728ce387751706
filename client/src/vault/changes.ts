/** Requests to the vault: changes to write, and pages to read. */
import type { AttachmentId } from "../ids.ts";
import type { Bytes } from "../octets.ts";

export type Change =
  | {
      readonly op: "put";
      readonly store: string;
      readonly key: string;
      /** Names a series that can be paged through by `order`. */
      readonly group?: string;
      readonly order?: number;
      readonly value: unknown;
    }
  | { readonly op: "delete"; readonly store: string; readonly key: string }
  | { readonly op: "delete_group"; readonly store: string; readonly group: string }
  /** Attachment ciphertext: already encrypted under the attachment's key, stored as it is. */
  | {
      readonly op: "put_chunk";
      readonly attachmentId: AttachmentId;
      readonly index: number;
      readonly bytes: Bytes;
    }
  | { readonly op: "delete_chunks"; readonly attachmentId: AttachmentId };

/** The store of single values of this device. */
export const META = "meta";

export function putMeta(key: string, value: unknown): Change {
  return { op: "put", store: META, key, value };
}

export function deleteMeta(key: string): Change {
  return { op: "delete", store: META, key };
}

/** The vault's record of an attachment. */
import { STORES } from "../records.ts";
import type { AttachmentRecord } from "../records.ts";
import type { Change } from "../vault/vault.ts";

export function putAttachment(record: AttachmentRecord): Change {
  return {
    op: "put",
    store: STORES.attachments,
    key: record.attachmentId,
    group: record.conversationId,
    value: record,
  };
}

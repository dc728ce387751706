/**
 * Orders that are being written, and templates: rows of the vault, encrypted like everything else.
 * Small files are kept with their draft, so that a reload loses nothing; large ones are chosen again.
 */
import { failure } from "../failure.ts";
import type { MessageId } from "../ids.ts";
import { copy } from "../octets.ts";
import type { OutgoingAttachment } from "../kinds/parts.ts";
import type { OrderDraft } from "../seam/orders.ts";
import type { Change, Vault } from "../vault/vault.ts";
import { ORDER_STORES } from "./record.ts";

const MOST_FILE_BYTES = 8 * 1024 * 1024;
const GROUP = "drafts";
const MOST_DRAFTS = 200;

type KeptFile = Omit<OutgoingAttachment, "file">;

interface DraftRecord extends Omit<OrderDraft, "order"> {
  readonly order: Omit<OrderDraft["order"], "attachments">;
  readonly files: readonly KeptFile[];
}

interface FilesRecord {
  readonly bytes: readonly Uint8Array[];
}

export class OrderDrafts {
  readonly #vault: Vault;
  readonly #now: () => number;

  constructor(vault: Vault, now: () => number) {
    this.#vault = vault;
    this.#now = now;
  }

  /** Newest first, without files. */
  async all(): Promise<readonly OrderDraft[]> {
    const place = { store: ORDER_STORES.drafts, group: GROUP, descending: true };
    const rows = await this.#vault.page<DraftRecord>({ ...place, limit: MOST_DRAFTS });
    return rows.map((row) => draftOf(row, []));
  }

  async one(draftId: MessageId): Promise<OrderDraft> {
    const row = await this.#vault.get<DraftRecord>(ORDER_STORES.drafts, draftId);
    if (row === null) throw failure("not_found");
    const kept = await this.#vault.get<FilesRecord>(ORDER_STORES.draftFiles, draftId);
    return draftOf(row, kept?.bytes ?? []);
  }

  async keep(draft: OrderDraft): Promise<OrderDraft> {
    const { attachments, ...order } = draft.order;
    const size = attachments.reduce((sum, { file }) => sum + file.size, 0);
    const filesLost = size > MOST_FILE_BYTES;
    const bytes = filesLost ? [] : await Promise.all(attachments.map(bytesOf));
    const files = filesLost ? [] : attachments.map(aboutFile);
    const savedMs = this.#now();
    const { draftId } = draft;
    const row: DraftRecord = { ...draft, order, savedMs, filesLost, files };
    const place = { store: ORDER_STORES.drafts, key: draftId, group: GROUP, order: savedMs };
    const beside: Change =
      bytes.length === 0
        ? { op: "delete", store: ORDER_STORES.draftFiles, key: draftId }
        : { op: "put", store: ORDER_STORES.draftFiles, key: draftId, value: { bytes } };
    await this.#vault.write([{ op: "put", ...place, value: row }, beside]);
    return { ...draft, savedMs, filesLost };
  }

  async drop(draftId: MessageId): Promise<void> {
    await this.#vault.write(dropDraft(draftId));
  }
}

/** The changes that forget a draft. */
export function dropDraft(draftId: MessageId): readonly Change[] {
  return [
    { op: "delete", store: ORDER_STORES.drafts, key: draftId },
    { op: "delete", store: ORDER_STORES.draftFiles, key: draftId },
  ];
}

/** All of an attachment but its bytes: undefined fields stay out of the row. */
function aboutFile(attachment: OutgoingAttachment): KeptFile {
  const about = Object.entries(attachment).filter(([name]) => name !== "file");
  // Sound: every field but `file` is there as it was.
  return Object.fromEntries(about) as unknown as KeptFile;
}

async function bytesOf({ file }: OutgoingAttachment): Promise<Uint8Array> {
  return new Uint8Array(await file.arrayBuffer());
}

function draftOf({ files, order, ...row }: DraftRecord, bytes: readonly Uint8Array[]): OrderDraft {
  const attachments = bytes.flatMap((one, at) => {
    const about = files[at];
    return about === undefined
      ? []
      : [{ ...about, file: new Blob([copy(one)], { type: about.mime }) }];
  });
  return { ...row, order: { ...order, attachments } };
}

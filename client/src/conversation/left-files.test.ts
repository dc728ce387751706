/** A file of several messages stays with one that shows it still, and goes with the last. */
import "fake-indexeddb/auto";
import { afterEach, beforeEach, expect, it } from "vitest";
import { attachmentIdOf } from "../kinds/fields.ts";
import { putAttachment } from "../attachments/uploads.ts";
import { UnitOfWork } from "./unit-of-work.ts";
import { newId, type ConversationId, type PersonId } from "../ids.ts";
import { encodeContent } from "../kinds/content.ts";
import type { AttachmentPointer } from "../kinds/fields.ts";
import { STORES } from "../records.ts";
import type {
  AttachmentRecord,
  ConversationRecord,
  MembersRecord,
  MessageRecord,
} from "../records.ts";
import { Vault } from "../vault/vault.ts";
import { leaveFiles } from "./files.ts";

const HERE: ConversationId = newId();
const key = new Uint8Array(32).fill(7);
const fileId = attachmentIdOf(key, 12);
const pointer: AttachmentPointer = {
  ...{ id: fileId, name: "plan.pdf", mime: "application/pdf", size: 12, key },
  kind: "document",
  ...{ width: null, height: null, durationMs: null, thumb: null, waveform: null, sha256: null },
};

let vault: Vault;

beforeEach(async () => {
  vault = new Vault({ name: `files-${newId()}`, now: () => 1 });
  await vault.open();
});

afterEach(() => vault.close());

function unitOfWork(conversationId: ConversationId): UnitOfWork {
  const record = { conversationId, last: null, own: null, indexed: null };
  return new UnitOfWork({
    record: record as unknown as ConversationRecord,
    members: {} as MembersRecord,
  });
}

async function showing(conversationId: ConversationId, order: number): Promise<MessageRecord> {
  const said = { text: "", mentions: [], replyTo: null, forwards: 0, evidence: null } as const;
  const message: MessageRecord = {
    ...{ messageId: newId(), conversationId, order, seq: order, sentMs: order },
    ...{ senderId: newId<PersonId>(), mine: false, notice: null, failure: null },
    content: encodeContent({ kind: "attachments", ...said, attachments: [pointer] }),
  };
  const work = unitOfWork(conversationId);
  work.put(message);
  await vault.write(work.changes);
  return message;
}

/** The file belongs to this message so far. */
async function own({ conversationId, messageId }: MessageRecord): Promise<void> {
  const state = { upload: "none", local: false } as const;
  const row: AttachmentRecord = {
    attachmentId: fileId,
    conversationId,
    messageId,
    pointer,
    ...state,
  };
  await vault.write([putAttachment(row)]);
}

function stored(): Promise<AttachmentRecord | null> {
  return vault.get<AttachmentRecord>(STORES.attachments, fileId);
}

const WAYS: Record<string, (work: UnitOfWork, message: MessageRecord) => void> = {
  "taken away": (work, message) => work.remove(message),
  deleted: (work, message) => work.put({ ...message, content: null }),
};

for (const [way, goes] of Object.entries(WAYS)) {
  it(`goes when all messages that show it are ${way} in one unit of work`, async () => {
    const messages = [await showing(HERE, 1), await showing(HERE, 2), await showing(HERE, 3)];
    await own(messages[0] as MessageRecord);
    const work = unitOfWork(HERE);
    for (const message of messages) {
      goes(work, message);
      await leaveFiles(vault, work, message);
    }
    await vault.write(work.changes);
    expect(await stored()).toBeNull();
    expect(work.droppedFiles).toContain(fileId);
  });

  it(`stays with another conversation's message when two are ${way}`, async () => {
    const messages = [await showing(HERE, 1), await showing(HERE, 2)];
    const elsewhere = await showing(newId(), 1);
    await own(messages[0] as MessageRecord);
    const work = unitOfWork(HERE);
    for (const message of messages) {
      goes(work, message);
      await leaveFiles(vault, work, message);
    }
    await vault.write(work.changes);
    expect(await stored()).toMatchObject({ messageId: elsewhere.messageId });
  });
}

/** A file stays as long as a message shows it, however many messages that are gone did. */
import { describe, expect, it } from "vitest";
import { attachmentIdOf } from "../kinds/fields.ts";
import { UnitOfWork } from "./unit-of-work.ts";
import { newId, type ConversationId, type MessageId } from "../ids.ts";
import { encodeContent } from "../kinds/content.ts";
import { randomBytes } from "../octets.ts";
import { STORES, type MessageRecord } from "../records.ts";
import type { Vault } from "../vault/vault.ts";
import { filesShown, leaveFiles, shownElsewhere, type ShownIn } from "./files.ts";
import { messageKey } from "./messages.ts";

const conversationId = newId<ConversationId>();
const key = randomBytes(32);
const id = attachmentIdOf(key, 12);

function message(): MessageRecord {
  const pointer = {
    ...({
      id,
      kind: "document",
      name: "plan.pdf",
      mime: "application/pdf",
      size: 12,
      key,
    } as const),
    ...{ width: null, height: null, durationMs: null, thumb: null, waveform: null, sha256: null },
  };
  const content = encodeContent({
    ...{ kind: "attachments", text: "", mentions: [], replyTo: null, forwards: 0, evidence: null },
    attachments: [pointer],
  });
  return {
    ...{ messageId: newId<MessageId>(), conversationId, order: 1, seq: 1, sentMs: 1 },
    ...{ senderId: newId(), mine: false, content, notice: null, failure: null },
  };
}

/** A vault of these notes and messages. */
function vaultOf(notes: readonly ShownIn[], messages: readonly MessageRecord[]): Vault {
  const stored = new Map(
    messages.map((one) => [messageKey(one.conversationId, one.messageId), one]),
  );
  return {
    page: ({ limit }: { limit: number }) => Promise.resolve(notes.slice(0, limit)),
    get: (store: string, name: string) =>
      Promise.resolve(store === STORES.messages ? (stored.get(name) ?? null) : null),
  } as unknown as Vault;
}

const noteOf = ({ messageId }: MessageRecord): ShownIn => ({ conversationId, messageId });

describe("A file that a message shows", () => {
  it("stays, though thousands of messages that are gone showed it too", async () => {
    const [kept, leaving] = [message(), message()];
    const gone = Array.from({ length: 2_600 }, () => noteOf(message()));
    const vault = vaultOf([...gone, noteOf(leaving), noteOf(kept)], [kept, leaving]);
    const leaves = (one: ShownIn): boolean => one.messageId === leaving.messageId;
    expect(await shownElsewhere(vault, id, leaves)).toEqual(noteOf(kept));
    const work = new UnitOfWork({ record: {}, members: {} } as never);
    await leaveFiles(vault, work, leaving);
    expect(work.droppedFiles).toEqual([]);
  });

  it("is noted no more beside a message that leaves", async () => {
    const [kept, leaving] = [message(), message()];
    const vault = vaultOf([noteOf(leaving), noteOf(kept)], [kept, leaving]);
    const work = new UnitOfWork({ record: {}, members: {} } as never);
    await leaveFiles(vault, work, leaving);
    const [note] = filesShown(leaving);
    if (note?.op !== "put") throw new Error("no note");
    expect(work.changes).toEqual([{ op: "delete", store: STORES.shownFiles, key: note.key }]);
  });
});

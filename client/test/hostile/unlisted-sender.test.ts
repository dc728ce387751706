/** R2: a message whose sender a raised floor does not list goes, with all that came with it. */
import { expect, it } from "vitest";
import { attachmentIdOf } from "#core/kinds/fields.ts";
import { UnitOfWork } from "#core/conversation/unit-of-work.ts";
import { newId, type ConversationId, type MessageId } from "#core/ids.ts";
import { raiseFloor } from "#core/inbox/floors.ts";
import { PROGRAM_STORES, waitingKey } from "#core/inbox/waiting.ts";
import { Refused } from "#core/keys/format/refused.ts";
import { encodeContent } from "#core/kinds/content.ts";
import { filesShown } from "#core/conversation/files.ts";
import { randomBytes } from "#core/octets.ts";
import { STORES, type MessageRecord } from "#core/records.ts";

it("a message of a sender who is listed no more goes with its files, also from a program", async () => {
  const [key, conversationId, messageId] = [
    randomBytes(32),
    newId<ConversationId>(),
    newId<MessageId>(),
  ];
  const id = attachmentIdOf(key, 12);
  const pointer = {
    ...({ id, kind: "document", name: "a.pdf", mime: "application/pdf", size: 12, key } as const),
    ...{ width: null, height: null, durationMs: null, thumb: null, waveform: null, sha256: null },
  };
  const content = encodeContent({
    ...{ kind: "attachments", text: "", mentions: [], replyTo: null, forwards: 0 },
    ...{ attachments: [pointer], evidence: null },
  });
  const message: MessageRecord = {
    ...{ messageId, conversationId, order: 5, seq: 5, sentMs: 1, senderId: newId() },
    ...{ mine: false, content, notice: null, failure: null },
  };
  const row = { sender: randomBytes(16), seq: 1, messageId, epoch: 1, position: 5 };
  const conversation = {
    id: conversationId,
    floors: { get: () => Promise.resolve(null), put: () => undefined },
    accepted: { page: () => Promise.resolve([row]), delete: () => undefined },
    heads: { require: () => Promise.reject(new Refused("R2", "not listed")) },
    marks: { all: () => Promise.resolve([]) },
  };
  const vault = {
    page: () => Promise.resolve([]),
    get: (store: string) => Promise.resolve(store === STORES.messages ? message : null),
  };
  const record = {
    conversationId,
    log: { cursor: 9 },
    pins: [],
    profile: null,
    last: null,
    refused: null,
  };
  const work = new UnitOfWork({ record, members: {} } as never);
  await raiseFloor({ vault } as never, conversation as never, work, { position: 3, epoch: 2 });
  expect([work.removed, work.droppedFiles]).toEqual([[messageId], [id]]);
  expect(work.record.refused?.count).toBe(1);
  const [note] = filesShown(message);
  if (note?.op !== "put") throw new Error("no note");
  expect(work.changes).toContainEqual({ op: "delete", store: STORES.shownFiles, key: note.key });
  const waits = waitingKey({ conversationId, position: 5 });
  expect(work.changes).toContainEqual({ op: "delete", store: PROGRAM_STORES.waiting, key: waits });
});

/** Evidence stays (M3): members with changed apps send deletions of it, or evidence that calls itself plain. */
import { afterEach, beforeEach, expect, it } from "vitest";
import { attachmentIdOf } from "#core/kinds/fields.ts";
import { idOf, type AttachmentId, type ConversationId, type MessageId } from "#core/ids.ts";
import { hash } from "#core/keys/format/hashing.ts";
import { MESSAGE_KIND, SIGNED_HEADER_BYTES, type HeaderDraft } from "#core/keys/message.ts";
import { encodeContent } from "#core/kinds/content.ts";
import { utf8 } from "#core/octets.ts";
import { insiderGroup, type InsiderGroup } from "../support/insider-group.ts";
import type { Officer } from "../support/officer.ts";

const LIMIT_MS = 60_000;
const FACTS = { madeMs: 1, phone: "Moto", place: null };
const SCENE = new Uint8Array(4_000).fill(7);

let group: InsiderGroup;
let a: Officer;
let b: Officer;
let id: ConversationId;

beforeEach(async () => {
  group = await insiderGroup(2);
  ({ id } = group);
  [a, b] = group.officers as [Officer, Officer];
}, LIMIT_MS);

afterEach(() => group.close());

/** The insider, the group's admin, sends a message or a mark; `header` bends what its header says. */
async function posts(content: Uint8Array, header: Partial<HeaderDraft> = {}): Promise<MessageId> {
  const { insider, key } = group;
  const message = await insider.message(id, key, content, header);
  await insider.post(id, message, false, true);
  return idOf<MessageId>(message.subarray(17, 33));
}

function deletes(messageId: MessageId): Promise<MessageId> {
  return posts(encodeContent({ kind: "mark", messageId, what: { mark: "deletion" } }));
}

/** A message of the insider with a file; `signed`: with its hash, without which it is no evidence. */
function statement(signed = true): Uint8Array {
  const [key, bytes] = [new Uint8Array(32).fill(7), utf8("a statement")];
  const pointer = {
    ...{ id: attachmentIdOf(key, bytes.length), kind: "document" as const },
    ...{ name: "said.txt", mime: "text/plain", size: bytes.length, key },
    ...{ width: null, height: null, durationMs: null, thumb: null, waveform: null },
    sha256: signed ? hash(bytes) : null,
  };
  const said = { text: "Said", mentions: [], replyTo: null, forwards: 0, evidence: FACTS };
  return encodeContent({ kind: "attachments", ...said, attachments: [pointer] });
}

async function sendsScene(): Promise<MessageId> {
  const file = new File([SCENE], "scene.jpg");
  const { messageId } = await a.core.messages.send(
    id,
    {
      ...{ kind: "attachments", text: "The scene", mentions: [], evidence: FACTS },
      attachments: [{ kind: "image", file, name: file.name, mime: "image/jpeg" }],
    },
    null,
  );
  for (const one of [a, b]) await one.accepted(id, messageId);
  return messageId;
}

function bodyAtServer(messageId: MessageId): number {
  const stored = group.world.server.conversation(id).log.find((one) => one.messageId === messageId);
  return (stored?.entry.message.length ?? 0) - SIGNED_HEADER_BYTES;
}

it(
  "M3 no admin and no author deletes evidence, whatever app they have",
  async () => {
    const scene = await sendsScene();
    const own = await posts(statement());
    for (const one of [a, b]) await one.sees(id, own, "attachments");
    await expect(a.core.messages.delete(id, scene, 0)).rejects.toMatchObject({
      code: "message_invalid",
    });
    expect((await a.message(id, scene))?.deletableUntilMs).toBeUndefined();
    for (const messageId of [scene, own]) await deletes(messageId);
    await group.said(a, "after");
    for (const one of [a, b])
      for (const messageId of [scene, own])
        expect((await one.message(id, messageId))?.body).toMatchObject({ evidence: FACTS });
    for (const messageId of [scene, own]) expect(bodyAtServer(messageId)).toBeGreaterThan(0);
    const item = await b.message(id, scene);
    const file = item?.body.kind === "attachments" ? item.body.attachments[0] : undefined;
    const bytes = await b.core.attachments.get(file?.attachmentId as AttachmentId, null);
    expect(new Uint8Array(await bytes.arrayBuffer())).toEqual(SCENE);
  },
  LIMIT_MS,
);

it(
  "R7 evidence that calls itself plain is no message, nor are plain files that call themselves kept",
  async () => {
    const plain = await posts(statement(), { kind: MESSAGE_KIND.plain });
    const kept = await posts(statement(false), { kind: MESSAGE_KIND.kept });
    const unsigned = await posts(statement(false));
    await group.said(a, "after");
    for (const one of [a, b]) {
      for (const refused of [plain, kept]) expect(await one.message(id, refused)).toBeUndefined();
      // Without the hash of its file it proves nothing: files like others, which can be deleted.
      expect((await one.message(id, unsigned))?.body).toMatchObject({ evidence: null });
      expect((await one.core.conversations.encryption(id)).refused).toBe(2);
    }
    await deletes(unsigned);
    for (const one of [a, b]) await one.sees(id, unsigned, "deleted");
  },
  LIMIT_MS,
);

it(
  "M3 its sender takes evidence off the own phones alone",
  async () => {
    const scene = await sendsScene();
    await a.core.oneself.delete(id, [scene], 0);
    await a.until("gone", async () => (await a.message(id, scene)) === undefined);
    expect((await b.message(id, scene))?.body).toMatchObject({ evidence: FACTS });
    expect(bodyAtServer(scene)).toBeGreaterThan(0);
  },
  LIMIT_MS,
);

/** O3 where the log is read backwards: a change comes before its order, and is judged with it. */
import "fake-indexeddb/auto";
import { encode } from "@msgpack/msgpack";
import { beforeEach, expect, test } from "vitest";
import { UnitOfWork } from "../conversation/unit-of-work.ts";
import { newId, type ConversationId, type MessageId, type PersonId, type UnitId } from "../ids.ts";
import { MAY_ADMINISTER, MAY_ISSUE, MAY_SEND, type Leaf } from "../keys/roster/leaf.ts";
import { decodeContent, encodeContent } from "../kinds/content.ts";
import { EVERYBODY_DEVICES } from "../limits.ts";
import { loadMessage } from "../conversation/messages.ts";
import type { ConversationRecord, MembersRecord, MessageRecord } from "../records.ts";
import { Vault } from "../vault/vault.ts";
import { noteOrder, rowIn } from "./noting.ts";
import { changesOf } from "./record.ts";
import { judgeEarlier, rightful, saysTheSame } from "./rightful.ts";

const CONVERSATION: ConversationId = newId();
const ISSUER: PersonId = newId();
const SELF: PersonId = newId();

let vault: Vault;
let orderId: MessageId;

beforeEach(async () => {
  vault = new Vault({ name: `orders-${newId()}`, now: () => 1 });
  await vault.open();
  orderId = newId();
});

const WORDS = {
  ...{ language: "en", title: "All units", text: "Report to the gate", translations: [] },
  ...{ reference: "7", attachments: [] },
};

function orderBytes(): Uint8Array {
  return encode({
    ...{ v: 1, kind: "order", ...WORDS, priority: "flash", validUntilMs: null, choices: [] },
    items: [],
    ...{ answers: false, photo: false, readers: [], remindMinutes: [], escalateMinutes: null },
    ...{ escalateBelow: 80, mentions: [] },
  });
}

function correctionBytes(): Uint8Array {
  return encode({
    ...{ v: 1, kind: "order_change", orderId, change: "corrected", ...WORDS, reason: "The gate" },
    asksAgain: true,
  });
}

/** Receive a message in its own transaction, as accept.ts does. */
async function receive(
  messageId: MessageId,
  seq: number,
  bytes: Uint8Array,
  leaf: Pick<Leaf, "person" | "rights">,
): Promise<void> {
  const record = { conversationId: CONVERSATION, last: null, own: null, indexed: null };
  const work = new UnitOfWork({
    record: record as unknown as ConversationRecord,
    members: {} as MembersRecord,
  });
  const said = await rightful(vault, work, bytes, leaf as Leaf, 1);
  const noting = { vault, self: SELF, nowMs: 1, onNoted: () => undefined };
  const { person: personId, rights } = leaf;
  const { content } = said;
  const of = { messageId, seq, sentMs: seq, personId, rights, headerHash: new Uint8Array(32) };
  await noteOrder(noting, work, { ...of, content });
  const known = new Map<MessageId, MessageRecord>();
  if (content.kind === "order") await judgeEarlier(vault, work, known, messageId);
  work.put({
    ...{
      messageId,
      conversationId: CONVERSATION,
      order: seq,
      seq,
      senderId: personId,
      mine: false,
    },
    ...{ sentMs: seq, content: said.bytes, notice: null, failure: null },
    ...(said.notOrder ? { notOrder: true } : {}),
  });
  await vault.write(work.changes);
}

async function counted(): Promise<number> {
  const work = new UnitOfWork({
    record: {} as ConversationRecord,
    members: {} as MembersRecord,
  });
  const row = await rowIn(vault, work, orderId);
  return row === null ? -1 : changesOf(row).length;
}

test.each([
  ["an admin's, among many devices", MAY_ADMINISTER, EVERYBODY_DEVICES + 1, true],
  ["anybody's, among few", MAY_SEND, EVERYBODY_DEVICES, true],
  ["anybody's, among many", MAY_SEND, EVERYBODY_DEVICES + 1, false],
] as const)(
  "M5 a mention of everybody, a rank or a post of all units: %s",
  async (_, rights, devices, counts) => {
    const work = new UnitOfWork({ record: {} as ConversationRecord, members: {} as MembersRecord });
    const rank = { rank: "Inspector", start: 0, length: 9 };
    const post = { post: "SHO", unitId: null, start: 0, length: 1 };
    const one = { post: "SHO", unitId: "TG.HYD" as UnitId, start: 0, length: 1 };
    const mentions = [{ everybody: true, start: 10, length: 9 }, rank, post, one] as const;
    const words = { kind: "text", text: "@Inspector @everybody", mentions } as const;
    const written = encodeContent({ ...words, replyTo: null, forwards: 0 });
    const edit = { mark: "edit", text: words.text, mentions } as const;
    const edited = encodeContent({ kind: "mark", messageId: newId(), what: edit });
    const leaf = { person: ISSUER, rights } as Leaf;
    const said = await rightful(vault, work, written, leaf, devices);
    expect("mentions" in said.content && said.content.mentions).toEqual(counts ? mentions : [one]);
    expect(decodeContent(said.bytes)).toEqual(said.content);
    const { content } = await rightful(vault, work, edited, leaf, devices);
    const what = content.kind === "mark" && content.what.mark === "edit" ? content.what : null;
    expect(what?.mentions).toEqual(counts ? mentions : [one]);
    // The same words may be sent again when the right has begun or ended.
    const before = { content: said.bytes };
    expect(saysTheSame(before, await rightful(vault, work, written, leaf, 1))).toBe(true);
    const other = encodeContent({ ...words, text: "@Inspector come", replyTo: null, forwards: 0 });
    expect(saysTheSame(before, await rightful(vault, work, other, leaf, 1))).toBe(false);
  },
);

const MAY = MAY_SEND | MAY_ISSUE.flash;

test.each([
  ["the issuer's, with the right of its priority", { person: ISSUER, rights: MAY }, true],
  ["the issuer's, whose right has ended", { person: ISSUER, rights: MAY_SEND }, false],
  ["somebody else's, with the right", { person: newId(), rights: MAY }, false],
] as const)("O3 a correction before its order: %s", async (_, leaf, counts) => {
  const messageId: MessageId = newId();
  for (const order of ["correction first", "order first"] as const) {
    const both = [
      () => receive(messageId, 9, correctionBytes(), leaf as Pick<Leaf, "person" | "rights">),
      () => receive(orderId, 5, orderBytes(), { person: ISSUER, rights: MAY }),
    ];
    for (const step of order === "order first" ? both.reverse() : both) await step();
    expect(await counted()).toBe(counts ? 1 : 0);
    const shown = await loadMessage(vault, CONVERSATION, messageId);
    expect(shown?.notOrder === true).toBe(!counts);
    const content = decodeContent(shown?.content as Uint8Array);
    expect(content.kind).toBe(counts ? "order_change" : "text");
    orderId = newId();
  }
});

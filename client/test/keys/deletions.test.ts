/** The reference's cases of M3, and the content of the mark. */
import { readFileSync } from "node:fs";
import { expect, it } from "vitest";
import { attachmentIdOf } from "#core/kinds/fields.ts";
import type { MessageId, PersonId } from "#core/ids.ts";
import { decodeContent, encodeContent } from "#core/kinds/content.ts";
import { withDeletion } from "#core/messages/deletions.ts";
import type { MessageRecord } from "#core/records.ts";
import { fromHex, toHex } from "#core/octets.ts";

interface DeletionCase {
  readonly name: string;
  readonly by_author: boolean;
  readonly admin: boolean;
  readonly places_after: number;
  readonly signed_after: number;
  readonly accepted_after: number;
  readonly kept: boolean;
  readonly counts: boolean;
}

const file = new URL("../../../spec/keys/deletions.json", import.meta.url);
const golden = JSON.parse(readFileSync(file, "utf8")) as {
  readonly message_id: MessageId;
  readonly content: string;
  readonly cases: readonly DeletionCase[];
};
const SEQ = 7;
const SENT_MS = 1_800_000_000_000;
const KEY = new Uint8Array(32).fill(7);
const words = { text: "Gate 2", mentions: [], replyTo: null, forwards: 0 };
const text = encodeContent({ kind: "text", ...words });
const evidence = encodeContent({
  ...{ kind: "attachments", ...words, evidence: { madeMs: 1, phone: "Moto", place: null } },
  attachments: [
    {
      ...{ id: attachmentIdOf(KEY, 1), kind: "document", name: "a.pdf", size: 1, key: KEY },
      ...{ mime: "application/pdf", width: null, height: null },
      ...{ durationMs: null, thumb: null, waveform: null, sha256: new Uint8Array(32) },
    },
  ],
});
const order = encodeContent({
  ...{ kind: "order_change", orderId: golden.message_id, change: "withdrawn", asksAgain: false },
  ...{ language: "en", title: "", text: "", translations: [] },
  ...{ reference: "", reason: "", attachments: [] },
});

it("M3 the content of a deletion is the reference's", () => {
  const content = {
    kind: "mark",
    messageId: golden.message_id,
    what: { mark: "deletion" },
  } as const;
  expect(toHex(encodeContent(content))).toBe(golden.content);
  expect(decodeContent(fromHex(golden.content))).toEqual(content);
});

const bodies = golden.cases.flatMap((one) =>
  (one.kept ? [order, evidence] : [text]).map((content) => ({ ...one, content })),
);

it.each(bodies)("M3 $name", (one) => {
  const [author, other] = ["author", "other"] as PersonId[];
  const message = {
    ...{ messageId: golden.message_id, senderId: author, seq: SEQ, order: SEQ, sentMs: SENT_MS },
    ...{ content: one.content, notice: null, failure: null, mine: false },
  } as unknown as MessageRecord;
  const left = withDeletion(message, [
    {
      personId: (one.by_author ? author : other) as PersonId,
      admin: one.admin,
      position: SEQ + one.places_after,
      signedMs: SENT_MS + one.signed_after,
      sentMs: SENT_MS + one.accepted_after,
    },
  ]);
  expect(left.deletion !== undefined).toBe(one.counts);
  if (one.counts) expect(left.content).toBeNull();
});

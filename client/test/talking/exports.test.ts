/** Exports over real cores: what a file proves to somebody who was not there, and what no file can. */
import { writeFileSync } from "node:fs";
import { Zip, ZipDeflate, ZipPassThrough, unzipSync } from "fflate";
import { beforeAll, describe, expect, it } from "vitest";
import type { MadeExport, VerifiedExport, VerifiedMessage } from "#core/core.ts";
import type { ConversationId, MessageId } from "#core/ids.ts";
import { hash } from "#core/keys/format/hashing.ts";
import { SIGNED_HEADER_BYTES } from "#core/keys/message.ts";
import { copy, fromBase64, toBase64, toHex, utf8 } from "#core/octets.ts";
import type { Officer } from "../support/officer.ts";
import { memoryWorld } from "../support/world.ts";

const LIMIT_MS = 60_000;
const w = memoryWorld({ people: 3 });
const WHOLE = { fromMs: null, toMs: null, messageIds: null, files: true, title: "Gate 2" } as const;

type Line = Record<string, unknown> & { at: number };
type Parts = Record<string, Uint8Array>;

let a: Officer;
let b: Officer;
let c: Officer;
let id: ConversationId;
let made: MadeExport;
let parts: Parts;
let said: Record<"plan" | "file" | "gone" | "last", MessageId>;

async function text(officer: Officer, words: string): Promise<MessageId> {
  const { messageId } = await officer.text(id, words);
  for (const one of [a, b]) await one.accepted(id, messageId);
  return messageId;
}

/** The folder of the golden file (spec/exports), to write it again. */
const GOLDEN = process.env["COPCONNECT_GOLDEN_EXPORT"];
const PICTURE = new Uint8Array(GOLDEN === undefined ? 2_500_000 : 60).map((_, at) => at % 251);

beforeAll(async () => {
  [a, b, c] = [w.current.officer("Asha"), w.current.officer("Balu"), w.current.officer("Chandra")];
  const group = await a.core.conversations.createGroup({
    ...{ title: "Gate 2", personIds: [b.person], photo: null, whoMaySend: "everyone" },
    history: "none",
  });
  id = group.conversationId;
  await b.ready(id);
  const plan = await text(a, "Gate 3 at nine");
  await a.core.messages.edit(id, plan, "Gate 2 at nine", []);
  await b.core.messages.react(id, plan, "👍");
  const gone = await text(b, "Not for here");
  await b.core.messages.delete(id, gone, 0);
  const photo = new File([PICTURE], "scene.JPG");
  const sent = await a.core.messages.send(
    id,
    {
      ...{ kind: "attachments", text: "The scene", mentions: [] },
      attachments: [{ kind: "image", file: photo, name: photo.name, mime: "image/jpeg" }],
      evidence: { madeMs: 1, phone: "Moto", place: { lat: 17.36, lon: 78.47, accuracyM: 9 } },
    },
    null,
  );
  for (const one of [a, b]) await one.accepted(id, sent.messageId);
  const last = await text(b, "Seen");
  said = { plan, file: sent.messageId, gone, last };
  await w.current.settle();
  made = await b.core.exports.make(id, WHOLE);
  const bytes = new Uint8Array(await made.file.arrayBuffer());
  parts = unzipSync(bytes);
  if (GOLDEN === undefined) return;
  writeFileSync(`${GOLDEN}/conversation.zip`, bytes);
  const root = toHex(w.server.department.root.keys.publicKey);
  writeFileSync(`${GOLDEN}/conversation.json`, `${JSON.stringify({ root, ...said }, null, 2)}\n`);
}, LIMIT_MS);

function lines(): Line[] {
  return new TextDecoder()
    .decode(parts["log.jsonl"])
    .trimEnd()
    .split("\n")
    .map((one) => JSON.parse(one) as Line);
}

/** A file with other parts, and a manifest that names them: everything that needs no key. */
function forged(
  others: Parts,
  change: (manifest: Record<string, unknown>) => void = () => {},
): Blob {
  const all: Parts = { ...parts, ...others };
  const manifest = JSON.parse(new TextDecoder().decode(all["manifest.json"])) as Record<
    string,
    unknown
  >;
  manifest["log"] = toHex(hash(all["log.jsonl"] as Uint8Array));
  manifest["trust"] = toHex(hash(all["trust.json"] as Uint8Array));
  change(manifest);
  all["manifest.json"] = utf8(JSON.stringify(manifest));
  return zipped(Object.entries(all));
}

function zipped(entries: readonly (readonly [string, Uint8Array])[], deflate = false): Blob {
  const found: Uint8Array<ArrayBuffer>[] = [];
  const zip = new Zip((_, part) => found.push(copy(part)));
  for (const [name, bytes] of entries) {
    const file = deflate ? new ZipDeflate(name) : new ZipPassThrough(name);
    zip.add(file);
    file.push(bytes, true);
  }
  zip.end();
  return new Blob(found);
}

function logOf(changed: readonly Line[]): Parts {
  return { "log.jsonl": utf8(changed.map((one) => `${JSON.stringify(one)}\n`).join("")) };
}

const verify = (file: Blob): Promise<VerifiedExport> => c.core.exports.verify(file);

function message(found: VerifiedExport, of: MessageId): VerifiedMessage | undefined {
  return found.messages.find((one) => one.messageId === of);
}

describe("an export", () => {
  it("proves words, former words, deletions, reactions and files to a stranger", async () => {
    const found = await verify(made.file);
    expect(found.problems).toEqual([]);
    expect(found).toMatchObject({ title: "Gate 2", gaps: [], sha256: made.sha256, first: 1 });
    expect(found.exporter.personId).toBe(b.person);
    expect(message(found, said.plan)).toMatchObject({
      ...{ state: "proven", text: "Gate 2 at nine", sender: { personId: a.person } },
      former: [{ text: "Gate 3 at nine" }],
      reactions: [{ emoji: "👍", people: [{ personId: b.person }] }],
    });
    expect(message(found, said.plan)?.sender.names.en).not.toBe("");
    expect(message(found, said.gone)).toMatchObject({
      state: "deleted",
      text: "",
      deletedBy: null,
    });
    const scene = message(found, said.file);
    expect(scene).toMatchObject({ evidence: { phone: "Moto", place: { lat: 17.36 } } });
    expect(scene?.files).toMatchObject([{ state: "proven", sha256: toHex(hash(PICTURE)) }]);
    expect(found.witnesses.map(({ person }) => person.personId).sort()).toEqual(
      [a.person, b.person].sort(),
    );
  });

  it("puts a notice into the conversation and the audit log, and nobody deletes it", async () => {
    const told = await a.until("told", async () => {
      const { messages } = await a.core.messages.page(id, null, 50);
      return messages.find(({ body }) => body.kind === "exported");
    });
    expect(told.body).toMatchObject({ first: 1, messages: made.messages, files: true });
    expect(told.sender?.personId).toBe(b.person);
    expect(w.server.conversation(id).exports).toMatchObject([{ sha256: made.sha256 }]);
    const deleting = b.core.messages.delete(id, told.messageId, 0);
    await expect(deleting).rejects.toMatchObject({ code: "message_invalid" });
  });

  it("of chosen messages shows those, and the hashes of the others", async () => {
    const chosen = { ...WHOLE, files: false, messageIds: [said.plan, said.last] };
    const one = await a.core.exports.make(id, chosen);
    const found = await verify(one.file);
    expect(found.problems).toEqual([]);
    expect(found.messages.map(({ text: words }) => words)).toEqual(["Gate 2 at nine", "Seen"]);
    expect(found.gaps.every(({ why }) => why === "not_chosen")).toBe(true);
    const opened = new TextDecoder().decode(await one.file.arrayBuffer());
    expect(opened).not.toContain(said.file);
  });

  it("is not called cancelled once the conversation may have the notice", async () => {
    const before = w.server.conversation(id).exports.length;
    const stop = a.core.subscribe((event) => {
      if (event.type === "messages" && event.items.some(({ body }) => body.kind === "exported"))
        void a.core.exports.cancel();
    });
    const one = await a.core.exports.make(id, { ...WHOLE, files: false });
    stop();
    expect(w.server.conversation(id).exports.slice(before)).toMatchObject([{ sha256: one.sha256 }]);
  });

  it("is refused where the department or the conversation does not allow it", async () => {
    await expect(c.core.exports.make(id, WHOLE)).rejects.toMatchObject({ code: "not_found" });
    w.server.log.exports = "nobody";
    await expect(a.core.exports.make(id, WHOLE)).rejects.toMatchObject({ code: "exports_off" });
    w.server.log.exports = "members";
    const { messages } = await a.core.messages.page(id, null, 50);
    expect(messages.filter(({ status }) => status === "failed")).toEqual([]);
  });
});

describe("a forged export", () => {
  it("with a changed word, signature, key or time has a problem at that message", async () => {
    const whole = lines();
    const at = whole.findIndex((one) => typeof one["key"] === "string");
    for (const [field, place] of [
      ["message", 40],
      ["message", SIGNED_HEADER_BYTES - 1],
      ["message", SIGNED_HEADER_BYTES + 1],
      ["key", 3],
    ] as const) {
      const bytes = fromBase64(whole[at]?.[field] as string);
      bytes[place] = (bytes[place] as number) ^ 1;
      const changed = whole.map((one, i) =>
        i === at ? { ...one, [field]: toBase64(bytes) } : one,
      );
      const { problems } = await verify(forged(logOf(changed)));
      expect(problems.map((one) => one.at)).toContain(whole[at]?.at);
    }
  });

  it("without a message inside differs from the next sender's log hash", async () => {
    const whole = lines();
    const at = whole.findIndex((one) => typeof one["key"] === "string");
    const removed = whole.filter((_, i) => i !== at);
    await expect(verify(forged(logOf(removed)))).rejects.toMatchObject({ code: "export_invalid" });
    const renumbered = removed.map((one, i) => ({ ...one, at: i + 1 }));
    const { problems } = await verify(
      forged(logOf(renumbered), (manifest) => {
        manifest["last"] = renumbered.length;
      }),
    );
    expect(problems.some(({ rule }) => rule === "R4")).toBe(true);
  });

  it("with the order of two messages changed has a problem", async () => {
    const whole = lines();
    const [one, other] = [whole[0], whole[1]] as [Line, Line];
    const changed = [{ ...other, at: one.at }, { ...one, at: other.at }, ...whole.slice(2)];
    const { problems } = await verify(forged(logOf(changed)));
    expect(problems.length).toBeGreaterThan(0);
  });

  it("cut at its ends proves the rest, and names the ends", async () => {
    const whole = lines();
    const cut = whole.slice(2);
    const before = whole.slice(0, 2).reduce((log, one) => {
      const signed = fromBase64(one["message"] as string).subarray(0, SIGNED_HEADER_BYTES);
      return hash(utf8("copconnect log v1\0"), log, hash(signed));
    }, new Uint8Array(32));
    const found = await verify(
      forged(logOf(cut), (manifest) => {
        manifest["first"] = 3;
        manifest["before"] = toBase64(before);
      }),
    );
    expect(found.first).toBe(3);
    expect(found.problems).toEqual([]);
  });

  it("with another conversation's messages has a problem", async () => {
    const { conversationId } = await a.core.conversations.openDirect(b.person);
    const sent = await a.text(conversationId, "Elsewhere");
    await a.until("sent", async () => {
      const { messages } = await a.core.messages.page(conversationId, null, 9);
      return messages.some((one) => one.messageId === sent.messageId && one.seq !== null);
    });
    const other = await a.core.exports.make(conversationId, WHOLE);
    const foreign = unzipSync(new Uint8Array(await other.file.arrayBuffer()));
    const line = JSON.parse(
      new TextDecoder().decode(foreign["log.jsonl"]).split("\n")[0] ?? "",
    ) as Line;
    const whole = lines();
    const mixed = whole.map((one, i) => (i === 1 ? { ...line, at: one.at } : one));
    const found = await verify(forged(logOf(mixed)));
    expect(found.problems).toContainEqual(expect.objectContaining({ at: 2, rule: "R1" }));
    expect(found.messages.map(({ text: words }) => words)).not.toContain("Elsewhere");
  });

  it("with another picture, or one too many, has a problem", async () => {
    const name = Object.keys(parts).find((one) => one.startsWith("files/")) ?? "";
    expect(name).toMatch(/\.jpg$/u);
    const other = copy(parts[name] as Uint8Array);
    other[9] = 0;
    const found = await verify(forged({ [name]: other }));
    expect(message(found, said.file)?.files).toMatchObject([{ state: "differs", file: null }]);
    expect(found.problems).toHaveLength(1);
    const more = await verify(forged({ [`files/${"ab".repeat(16)}.jpg`]: other }));
    expect(more.problems).toHaveLength(1);
  });

  it("without the records of its people, or with a changed one, proves nothing", async () => {
    const trust = JSON.parse(new TextDecoder().decode(parts["trust.json"])) as Record<
      string,
      unknown
    >;
    for (const part of ["heads", "proofs", "keys"]) {
      const without = { "trust.json": utf8(JSON.stringify({ ...trust, [part]: [] })) };
      const found = await verify(forged(without));
      expect(found.messages).toEqual([]);
      expect(found.problems.length).toBeGreaterThan(3);
    }
    const found = await verify(
      zipped(
        Object.entries({ ...parts, "trust.json": utf8(JSON.stringify({ ...trust, issuing: [] })) }),
      ),
    );
    expect(found.problems).toContainEqual(expect.objectContaining({ at: null }));
  });
});

describe("a file that is no export", () => {
  it("is refused whole: compressed, elsewhere named, doubled, lengthened, cut", async () => {
    const bytes = new Uint8Array(await made.file.arrayBuffer());
    const entries = Object.entries(parts);
    const bomb = zipped([["log.jsonl", new Uint8Array(50_000_000)]], true);
    const outside = zipped([...entries, ["../../evil.sh", utf8("x")]]);
    const twice = zipped([...entries, ["log.jsonl", parts["log.jsonl"] as Uint8Array]]);
    const longer = new Blob([bytes, new Uint8Array(1)]);
    const before = new Blob([new Uint8Array(1), bytes]);
    const cut = new Blob([bytes.slice(0, -9)]);
    const broken = forged({ "log.jsonl": utf8("{") });
    for (const file of [bomb, outside, twice, longer, before, cut, broken, new Blob([])])
      await expect(verify(file)).rejects.toMatchObject({ code: "export_invalid" });
  });
});

describe("an export of a consultation", () => {
  it("says who voted for what, which answer was accepted, and where a place is", async () => {
    const asked = {
      ...({ kind: "poll", question: "Which gate?", options: ["Gate 2", "Gate 3"] } as const),
      ...{ multiple: false, anonymous: false, endsMs: null },
    };
    const place = {
      ...({ kind: "location", latitude: 17.36, longitude: 78.47, accuracyM: 8.6 } as const),
      takenMs: 1,
    };
    const question = { kind: "question", text: "Who has the key?", mentions: [] } as const;
    const messageIds: MessageId[] = [];
    for (const one of [asked, place, question]) {
      const { messageId } = await a.core.messages.send(id, one, null);
      for (const officer of [a, b]) await officer.accepted(id, messageId);
      messageIds.push(messageId);
    }
    const [poll, , key] = messageIds as [MessageId, MessageId, MessageId];
    await b.core.consultation.vote(id, poll, [0]);
    await b.core.consultation.vote(id, poll, [1]);
    const answer = await text(b, "Balu has");
    await w.current.settle();
    await a.core.consultation.acceptAnswer(id, key, answer);
    await w.current.settle();
    const { file } = await b.core.exports.make(id, {
      ...WHOLE,
      messageIds: [...messageIds, answer],
    });
    const { messages } = await verify(file);
    expect(messages[0]).toMatchObject({
      text: "Which gate?",
      options: [
        { text: "Gate 2", count: 0, people: [] },
        { text: "Gate 3", count: 1, people: [{ personId: b.person }] },
      ],
    });
    expect(messages[1]?.text).toBe("17.36, 78.47 (±9 m)");
    expect(messages[2]?.answerId).toBe(answer);
  });
});

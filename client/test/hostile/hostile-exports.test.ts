/**
 * Exports that hold what a member with a changed app signed, and that their exporter bent. The
 * file spec/exports/hostile.json has their outcome, which the tests of the command read too.
 */
import { encode } from "@msgpack/msgpack";
import { readFileSync, writeFileSync } from "node:fs";
import { Zip, ZipPassThrough, unzipSync } from "fflate";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { attachmentIdOf } from "#core/kinds/fields.ts";
import type { VerifiedExport } from "#core/core.ts";
import { fileName } from "#core/exporting/gathering.ts";
import { idOf, newId, type ConversationId, type MessageId } from "#core/ids.ts";
import { hash } from "#core/keys/format/hashing.ts";
import { HeaderFormat, MESSAGE_KIND, SIGNED_HEADER_BYTES, bodyKey } from "#core/keys/message.ts";
import type { HeaderDraft } from "#core/keys/message.ts";
import { encodeContent } from "#core/kinds/content.ts";
import { copy, fromBase64, fromHex, toBase64, toHex, utf8 } from "#core/octets.ts";
import { insiderGroup, type InsiderGroup } from "../support/insider-group.ts";
import type { Officer } from "../support/officer.ts";

const LIMIT_MS = 60_000;
const HOUR_MS = 3_600_000;
const GOLDEN = process.env["COPCONNECT_GOLDEN_EXPORT"];
const FOLDER = new URL("../../../spec/exports/", import.meta.url);
const WHOLE = { fromMs: null, toMs: null, messageIds: null, files: true, title: "Gate 2" } as const;
const FILE = utf8("a forged statement");
const FILE_KEY = new Uint8Array(32).fill(7);
const POINTER = {
  ...{ id: attachmentIdOf(FILE_KEY, FILE.length), kind: "document", name: "statement.txt" },
  ...{ mime: "text/plain", size: FILE.length, key: FILE_KEY, width: null, height: null },
  ...{ durationMs: null, thumb: null, waveform: null, sha256: null },
} as const;
const ORDER = {
  ...{ v: 1, kind: "order", title: "All units", text: "Report to the gate", reference: "7" },
  language: "en",
  translations: [
    { language: "te", title: "అందరూ", text: "గేటు వద్దకు రండి", choices: [], items: ["లాకప్"] },
  ],
  ...{
    priority: "flash",
    validUntilMs: null,
    choices: [],
    items: ["Lock-up"],
    answers: false,
    photo: false,
  },
  readers: [],
  ...{ remindMinutes: [], escalateMinutes: null, escalateBelow: 80, mentions: [] },
  attachments: [],
};

type Row = Record<string, unknown> & { at: number };
type Parts = Record<string, Uint8Array>;

let group: InsiderGroup;
let a: Officer;
let b: Officer;
let id: ConversationId;
let parts: Parts;
/** Every message of the log, with its words, also the ones that phones refuse. */
let rows: Row[];
const said: Record<string, MessageId> = {};

function text(words: string): Uint8Array {
  return encodeContent({ kind: "text", text: words, mentions: [], replyTo: null, forwards: 0 });
}

/** The insider sends a message that the server would refuse, perhaps. */
async function posts(plaintext: Uint8Array, header: Partial<HeaderDraft> = {}): Promise<MessageId> {
  const { world, insider, key } = group;
  const message = await insider.message(id, key, plaintext, header);
  world.server.log.takesAnything = true;
  await insider.post(id, message, false, true);
  world.server.log.takesAnything = false;
  return idOf<MessageId>(message.subarray(17, 33));
}

beforeAll(async () => {
  group = await insiderGroup(2);
  const { world, insider, key } = group;
  ({ id } = group);
  [a, b] = group.officers as [Officer, Officer];
  const { server } = world;
  server.orders.mayIssue = () => false;
  await server.inTurn(() => server.devicesChanged(insider.personId));
  const now = (): number => server.now();
  said["first"] = await group.said(a, "Gate 2");
  said["plan"] = await group.said(a, "Gate 3 at nine");
  await a.core.messages.edit(id, said["plan"], "Gate 4 at nine", []);
  said["taken"] = await group.said(a, "Not for here");
  await a.core.messages.delete(id, said["taken"], 0);
  await a.until("sent", async () => (await a.core.app.state()).outbox === 0);
  said["seen"] = await group.said(b, "Seen");
  for (const kind of [[], new Uint8Array([1]), 7, { a: 1 }])
    said[`kind ${JSON.stringify(kind)}`] = await posts(encode({ v: 1, kind, text: "x" }));
  said["mention"] = await posts(
    encode({
      ...{ v: 1, kind: "text", text: "lenient", replyTo: null, forwards: 0 },
      mentions: [{ personId: "x", start: 0, length: 1 }],
    }),
  );
  said["mark"] = await posts(
    encode({ v: 1, kind: "mark", messageId: said["first"], what: { mark: [] } }),
    { kind: MESSAGE_KIND.kept },
  );
  said["kept text"] = await posts(text("Nobody deletes this"), { kind: MESSAGE_KIND.kept });
  said["edit with text"] = await posts(text("No edit"), {
    ...{ kind: MESSAGE_KIND.edit, marked: fromHex(said["first"]) },
  });
  said["order"] = await posts(encode(ORDER), { kind: MESSAGE_KIND.kept });
  said["one language twice"] = await posts(encode({ ...ORDER, language: "te" }), {
    kind: MESSAGE_KIND.kept,
  });
  said["change"] = await posts(
    encode({
      ...{ v: 1, kind: "order_change", orderId: said["order"], change: "withdrawn" },
      ...{ asksAgain: false, title: "", text: "", reference: "", reason: "All over" },
      ...{ language: "en", translations: [] },
      attachments: [],
    }),
    { kind: MESSAGE_KIND.kept },
  );
  said["late"] = await posts(text("In time"));
  await posts(
    encodeContent({
      ...{ kind: "mark", messageId: said["late"] },
      what: { mark: "edit", text: "Too late", mentions: [] },
    }),
    { sent: now() + HOUR_MS + 11 * 60_000 },
  );
  said["gone"] = await posts(text("Gone by its header"));
  await posts(text("a text"), {
    ...{ kind: MESSAGE_KIND.deletion, marked: fromHex(said["gone"]) },
  });
  said["file"] = await posts(
    encode({
      ...{ v: 1, kind: "attachments", text: "", mentions: [], replyTo: null, forwards: 0 },
      ...{ attachments: [POINTER], evidence: null },
    }),
  );
  await group.said(a, "on");
  await group.said(b, "on");
  const made = await a.core.exports.make(id, { ...WHOLE, files: false });
  parts = unzipSync(new Uint8Array(await made.file.arrayBuffer()));
  const { last } = JSON.parse(new TextDecoder().decode(parts["manifest.json"])) as {
    readonly last: number;
  };
  rows = server
    .conversation(id)
    .log.filter(({ entry }) => entry.seq <= last)
    .map(({ entry }) => {
      const header = HeaderFormat.parse(entry.message.subarray(0, SIGNED_HEADER_BYTES));
      const bare = entry.message.length === SIGNED_HEADER_BYTES;
      const k = bare ? null : toBase64(bodyKey(header, key.secret));
      const message = toBase64(entry.message);
      return { at: entry.seq, serverMs: entry.sentMs, message, key: k };
    });
}, LIMIT_MS);

afterAll(() => group.close());

function zipped(entries: readonly (readonly [string, Uint8Array])[]): Blob {
  const found: Uint8Array<ArrayBuffer>[] = [];
  const zip = new Zip((_, part) => found.push(copy(part)));
  for (const [name, bytes] of entries) {
    const file = new ZipPassThrough(name);
    file.mtime = "2026-01-05T06:55:00";
    zip.add(file);
    file.push(bytes, true);
  }
  zip.end();
  return new Blob(found);
}

function forged(
  log: readonly Row[],
  manifest: Record<string, unknown> = {},
  files: readonly (readonly [string, Uint8Array])[] = [[fileName(POINTER), FILE]],
): Blob {
  const written = utf8(log.map((one) => `${JSON.stringify(one)}\n`).join(""));
  const before = JSON.parse(new TextDecoder().decode(parts["manifest.json"])) as object;
  const named = { ...before, log: toHex(hash(written)), ...manifest };
  return zipped([
    ["log.jsonl", written],
    ...files,
    ["trust.json", parts["trust.json"] as Uint8Array],
    ["manifest.json", utf8(JSON.stringify(named))],
  ]);
}

const verify = (file: Blob): Promise<VerifiedExport> => b.core.exports.verify(file);

function of(found: VerifiedExport, name: string): VerifiedExport["messages"][number] | undefined {
  return found.messages.find(({ messageId }) => messageId === said[name]);
}

/** The part of a verified file that hostile.json has. */
function outcome({ messages, problems }: VerifiedExport): object {
  return {
    messages: messages.map(({ at, state, content, text: words, former, files }) => ({
      ...{ at, state, kind: content, text: words, former: former.map((one) => one.text) },
      files: files.map((one) => one.state),
    })),
    problems: problems.map(({ at, rule }) => ({ at, rule })),
  };
}

function headerOf(row: Row): ReturnType<typeof HeaderFormat.parse> {
  const bytes = fromBase64(row["message"] as string);
  return HeaderFormat.parse(bytes.subarray(0, SIGNED_HEADER_BYTES));
}

function rowOf(name: string): number {
  return rows.findIndex((one) => toHex(headerOf(one).message) === said[name]);
}

it("of what a member forged says what the command says (spec/exports)", async () => {
  const file = forged(rows);
  if (GOLDEN !== undefined) {
    const root = toHex(group.world.server.department.root.keys.publicKey);
    const golden = { root, said, ...outcome(await verify(file)) };
    writeFileSync(`${GOLDEN}/hostile.zip`, new Uint8Array(await file.arrayBuffer()));
    writeFileSync(`${GOLDEN}/hostile.json`, `${JSON.stringify(golden, null, 2)}\n`);
  }
  const golden = JSON.parse(readFileSync(new URL("hostile.json", FOLDER), "utf8")) as object;
  expect(golden).toMatchObject(outcome(await verify(file)));
});

describe("a message of a member with a changed app", () => {
  it("of another kind than its header says is refused (R7)", async () => {
    const { problems, ...found } = await verify(forged(rows));
    for (const name of ["kept text", "edit with text"]) {
      expect(of({ problems, ...found }, name)).toBeUndefined();
      expect(problems).toContainEqual(
        expect.objectContaining({ at: rows[rowOf(name)]?.at, rule: "R7" }),
      );
    }
  });

  it("that is no order is shown in plain words (O3)", async () => {
    const found = await verify(forged(rows));
    expect(of(found, "order")).toMatchObject({
      ...{ content: "text", text: "All units\nReport to the gate\nఅందరూ\nగేటు వద్దకు రండి\n7" },
    });
    expect(of(found, "one language twice")).toMatchObject({ content: null, text: "" });
    expect(of(found, "change")).toMatchObject({ content: "text", text: "All over" });
  });

  it("that deletes counts by its header alone (M3)", async () => {
    expect(of(await verify(forged(rows)), "gone")).toMatchObject({ state: "deleted" });
  });

  it("with a file of no signed hash proves no file", async () => {
    const [file] = of(await verify(forged(rows)), "file")?.files ?? [];
    expect(file).toMatchObject({ state: "unsigned" });
  });
});

describe("an exporter", () => {
  it("undoes no edit and no deletion by the server's time (M2, M3)", async () => {
    const later = rows.map((one) => ({
      ...one,
      serverMs: (one["serverMs"] as number) + one.at * 50 * HOUR_MS,
    }));
    const found = await verify(forged(later));
    expect(of(found, "plan")).toMatchObject({
      ...{ text: "Gate 4 at nine", former: [{ text: "Gate 3 at nine" }] },
    });
    expect(of(found, "taken")).toMatchObject({ state: "deleted" });
    const same = rows.map((one) => ({ ...one, serverMs: 1 }));
    expect(of(await verify(forged(same)), "late")).toMatchObject({ text: "In time", former: [] });
  });

  it("leaves out no message by counting the others on (R5)", async () => {
    const other = rows.filter((_, at) => at !== rowOf("mention"));
    const shifted = other.map((one, at) => ({ ...one, at: at + 1_001 }));
    const manifest = { first: 1_001, last: 1_000 + shifted.length };
    const { problems, witnesses } = await verify(forged(shifted, manifest));
    expect(problems).toContainEqual(expect.objectContaining({ rule: "R5" }));
    expect(witnesses).toEqual([]);
  });

  it("moves no message of one device by counting on, and names none twice (R5)", async () => {
    const moved = [...rows];
    const [one, two] = [rowOf("late"), rowOf("gone")];
    [moved[one], moved[two]] = [moved[two] as Row, moved[one] as Row];
    const shifted = moved.map((row, at) => ({ ...row, at: at + 1_001 }));
    const manifest = { first: 1_001, last: 1_000 + shifted.length };
    const { problems } = await verify(forged(shifted, manifest));
    expect(problems).toContainEqual(expect.objectContaining({ rule: "R5" }));
    const again = { ...(rows[0] as Row), at: rows.length + 1 };
    const hashed = { at: again.at, hash: toBase64(headerOf(again).hash), why: "not_shown" };
    for (const last of [again, hashed]) {
      const twice = await verify(forged([...rows, last], { last: again.at }));
      expect(twice.problems).toContainEqual(
        expect.objectContaining({ at: again.at, rule: "R5", reason: "one message twice" }),
      );
    }
  });

  it("begins no log with another hash than zeros", async () => {
    const file = forged(rows, { before: toBase64(new Uint8Array(32).fill(1)) });
    await expect(verify(file)).rejects.toMatchObject({ code: "export_invalid" });
  });

  it("hides no foreign file behind a genuine one", async () => {
    const name = fileName(POINTER);
    const twice = forged(rows, {}, [
      [name, FILE],
      [name.replace(".txt", ".pdf"), FILE],
    ]);
    await expect(verify(twice)).rejects.toMatchObject({ code: "export_invalid" });
    const other = await verify(forged(rows, {}, [[name.replace(".txt", ".html"), FILE]]));
    expect(other.problems).toContainEqual(expect.objectContaining({ at: null, rule: "file" }));
    expect(of(other, "file")?.files).toMatchObject([{ state: "missing" }]);
  });

  it("cuts the words of an edit, and the message shows as withheld", async () => {
    const cut = rows.map((one) => {
      if (headerOf(one).kind !== MESSAGE_KIND.edit) return one;
      const signed = fromBase64(one["message"] as string).subarray(0, SIGNED_HEADER_BYTES);
      return { ...one, message: toBase64(signed), key: null };
    });
    expect(of(await verify(forged(cut)), "plan")).toMatchObject({ state: "withheld", text: "" });
  });
});

describe("an honest export", () => {
  it("has no words of an edit whose message it does not show, and no body of a deletion", async () => {
    const words = await group.said(a, "Delete this for me");
    await a.core.messages.edit(id, words, "Edited, then deleted for me", []);
    await a.until("sent", async () => (await a.core.app.state()).outbox === 0);
    const other = await group.said(b, "Deleted for all");
    await b.core.messages.edit(id, other, "Edited, then deleted for all", []);
    await b.core.messages.delete(id, other, 0);
    await b.until("sent", async () => (await b.core.app.state()).outbox === 0);
    await a.core.oneself.delete(id, [words], 0);
    await group.said(b, "after");
    await a.until("gone", async () => {
      const { messages } = await a.core.messages.page(id, null, 100);
      const of = messages.find(({ messageId }) => messageId === other);
      return of?.body.kind === "deleted" && !messages.some((one) => one.messageId === words);
    });
    const made = await a.core.exports.make(id, { ...WHOLE, files: false });
    const all = unzipSync(new Uint8Array(await made.file.arrayBuffer()));
    const log = new TextDecoder().decode(all["log.jsonl"]).trimEnd().split("\n");
    const written = log.map((one) => JSON.parse(one) as Row);
    const marks = written.filter((one) => typeof one["message"] === "string");
    for (const row of marks) {
      const { kind, marked } = headerOf(row);
      if (kind === MESSAGE_KIND.deletion) expect(row["key"]).toBeNull();
      expect(kind === MESSAGE_KIND.edit && toHex(marked) === words).toBe(false);
      if (kind === MESSAGE_KIND.edit && toHex(marked) === other) expect(row["key"]).toBeNull();
    }
    expect((await verify(made.file)).problems).toEqual([]);
  });

  it("names files as an archive takes them, whatever their senders called them", () => {
    const file = { id: newId() as never, name: "a.\u017f\u017f" };
    expect(fileName(file)).toMatch(/^files\/[0-9a-f]{32}$/u);
    expect(fileName({ ...file, name: "a.\u212aT" })).toMatch(/\.kt$/u);
  });
});

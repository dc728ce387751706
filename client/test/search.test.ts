/** The search over messages that a vault holds: scripts, filters, crashes, and what rests. */
import "fake-indexeddb/auto";
import { IDBFactory } from "fake-indexeddb";
import { openDB } from "idb";
import { afterEach, beforeEach, expect, it } from "vitest";
import { forgetWords } from "#core/conversation/indexed.ts";
import type { Conversation } from "#core/conversation/conversation.ts";
import { newId, type PersonId } from "#core/ids.ts";
import type { Content } from "#core/kinds/content.ts";
import { withDeletion } from "#core/messages/deletions.ts";
import { STORES } from "#core/records.ts";
import type { Called, MessageQuery } from "#core/seam.ts";
import { Vault } from "#core/vault/vault.ts";
import { StoredMessages, indexed, messageOf, text } from "./support/stored-messages.ts";

let vault: Vault;
let stored: StoredMessages;
let chat: Conversation;

beforeEach(async () => {
  globalThis.indexedDB = new IDBFactory();
  vault = new Vault({ name: "search", now: Date.now });
  await vault.open();
  stored = new StoredMessages(vault);
  chat = stored.add();
});

afterEach(() => vault.close());

/** The texts that a query finds, once everything is indexed. */
async function found(query: string | MessageQuery): Promise<readonly string[]> {
  const { index, calls } = stored.search();
  await indexed(index);
  const { messages } = await calls.find(typeof query === "string" ? { text: query } : query);
  return messages.map(({ snippet }) => snippet?.text ?? "");
}

it("finds words of four scripts, their beginnings, and their spellings in Latin letters", async () => {
  const texts = [
    "చార్మినార్ దగ్గర రాత్రి గస్తీ",
    "चारमीनार के पास नाकाबंदी",
    "چارمینار کے پاس ناکہ",
    "Night round near Charminar",
  ];
  for (const [at, one] of texts.entries()) await stored.put(chat, at + 1, text(one));
  for (const word of ["charminar", "CHARMINAR", "చార్మినార్", "चारमीनार", "چارمینار"])
    expect([word, [...(await found(word))].sort()]).toEqual([word, [...texts].sort()]);
  expect(await found("గస్తీ")).toEqual([texts[0]]);
  expect(await found("గస్")).toEqual([texts[0]]);
  expect(await found("नाकाबंदी पास")).toEqual([texts[1]]);
  // Spelled so before sounding so.
  expect((await found("charminar"))[0]).toBe(texts[3]);
  expect(await found("round nobody")).toEqual([]);
});

it("takes what keyboards type differently for one spelling", async () => {
  await stored.put(chat, 1, text("सड़क पर भीड़"));
  await stored.put(chat, 2, text("FIR ١٢٣ at کوٹھی"));
  expect(await found("सडक")).toEqual(["सड़क पर भीड़"]);
  expect(await found("fir 123")).toEqual(["FIR ١٢٣ at کوٹھی"]);
  expect(await found("كوٹھی")).toEqual(["FIR ١٢٣ at کوٹھی"]);
});

it("finds by person, chat, kind and date, also without a word", async () => {
  const other = stored.add();
  const poll: Content = {
    ...{ kind: "poll", question: "Tea or coffee?", options: ["Tea", "Coffee"], endsMs: null },
    ...{ multiple: false, anonymous: false },
  };
  const first = await stored.put(chat, 1, text("tea at the gate"));
  await stored.put(chat, 2, text("tea https://example.org/list"));
  const asked = await stored.put(other, 1, poll, { sentMs: first.sentMs + 86_400_000 });
  expect(await found("tea")).toHaveLength(3);
  expect(await found({ text: "tea", conversationId: other.id })).toEqual(["Tea or coffee?"]);
  expect(await found({ text: "", kind: "poll" })).toEqual(["Tea or coffee?"]);
  expect(await found({ text: "tea", kind: "link" })).toEqual(["tea https://example.org/list"]);
  const personId = first.senderId as PersonId;
  expect(await found({ text: "", personId })).toEqual(["tea at the gate"]);
  expect(await found({ text: "tea", fromMs: asked.sentMs })).toEqual(["Tea or coffee?"]);
  expect(await found({ text: "tea", toMs: first.sentMs + 1 })).toEqual(["tea at the gate"]);
  expect(await found("")).toEqual([]);
});

it("finds the messages that mention this person", async () => {
  const mention = (called: Called): Content => {
    return { ...text("@Ravi come"), mentions: [{ start: 0, length: 5, ...called }] } as Content;
  };
  const mine = [
    await stored.put(chat, 1, mention({ personId: stored.me })),
    await stored.put(chat, 2, mention({ post: "SHO", unitId: null })),
    await stored.put(chat, 3, mention({ everybody: true })),
  ];
  await stored.put(chat, 4, mention({ personId: newId<PersonId>() }));
  await stored.put(chat, 5, mention({ rank: "Inspector" }));
  await stored.put(chat, 6, text("nobody"));
  const { index, calls } = stored.search();
  await indexed(index);
  const { messages } = await calls.find({ text: "", kind: "mention" });
  expect(messages.map(({ messageId }) => messageId)).toEqual(
    mine.map((one) => one.messageId).reverse(),
  );
});

it("marks the words, and shows the part of a long text around them", async () => {
  const long = `${"beat ".repeat(60)}inspector Ravi ${"round ".repeat(60)}`;
  await stored.put(chat, 1, text(long));
  const { index, calls } = stored.search();
  await indexed(index);
  const [one] = (await calls.find({ text: "ravi insp" })).messages;
  const { text: shown, marks } = one?.snippet ?? { text: "", marks: [] };
  expect(marks.map(([from, to]) => shown.slice(from, to))).toEqual(["inspector", "Ravi"]);
  expect(shown.length).toBeLessThan(220);
  expect(shown).toMatch(/^…beat .*round…$/);
});

it("pages through what it finds, the newest first and each once", async () => {
  for (let seq = 1; seq <= 55; seq++) await stored.put(chat, seq, text(`gate ${String(seq)}`));
  const { index, calls } = stored.search();
  await indexed(index);
  const seen: string[] = [];
  for (let after: number | null = 0; after !== null;) {
    const page: Awaited<ReturnType<typeof calls.find>> = await calls.find({ text: "gate", after });
    seen.push(...page.messages.map(({ snippet }) => snippet?.text ?? ""));
    after = page.next;
  }
  expect(seen).toEqual(Array.from({ length: 55 }, (_, at) => `gate ${String(55 - at)}`));
});

it("follows edits: the former words find nothing", async () => {
  const message = await stored.put(chat, 1, text("meet at Golconda"));
  for (let seq = 2; seq < 90; seq++) await stored.put(chat, seq, text("round"));
  const { index, calls } = stored.search();
  await indexed(index);
  const { content } = messageOf(chat.id, 1, text("meet at Begumpet"));
  await stored.put(chat, 1, text(""), { ...message, content });
  index.changed(chat.id);
  await indexed(index);
  expect((await calls.find({ text: "golconda" })).messages).toEqual([]);
  expect((await calls.find({ text: "begumpet" })).messages).toHaveLength(1);
});

/** All segments of the index as text. */
async function segments(): Promise<string> {
  const rows = await vault.all<Record<string, Uint8Array>>(STORES.segments);
  return rows
    .flatMap((row) => Object.values(row))
    .map((bytes) => Buffer.from(bytes).toString("utf8"))
    .join("\n");
}

it("forgets what was deleted for everybody (M3)", async () => {
  const message = await stored.put(chat, 1, text("secretword one"));
  await stored.put(chat, 2, text("plainword two"));
  const { index, calls } = stored.search();
  await indexed(index);
  expect(await segments()).toContain("secretword");
  const at = { personId: newId<PersonId>(), position: 9, sentMs: 9, signedMs: 9, admin: true };
  await chat.change((work) => {
    work.put(withDeletion(message, [at]));
    return Promise.resolve();
  });
  index.changed(chat.id);
  await indexed(index);
  expect(await segments()).not.toContain("secretword");
  expect((await calls.find({ text: "secretword" })).messages).toEqual([]);
  expect(await found("plainword")).toEqual(["plainword two"]);
});

it("forgets a message at its former place, where another one may be now (S8)", async () => {
  const message = await stored.put(chat, 1, text("secretword one"));
  const { index } = stored.search();
  await indexed(index);
  // Another device's message has the place, and the first one comes again after it.
  const moved = { ...message, order: 2, seq: 2 };
  await stored.put(chat, 1, text("plainword two"));
  index.changed(chat.id);
  await indexed(index);
  await chat.change((work) => {
    work.put(moved, message);
    return Promise.resolve();
  });
  index.changed(chat.id);
  await indexed(index);
  expect(await found("plainword")).toEqual(["plainword two"]);
  expect(await found("secretword")).toEqual(["secretword one"]);
  const at = { personId: newId<PersonId>(), position: 9, sentMs: 9, signedMs: 9, admin: true };
  await chat.change((work) => {
    work.put(withDeletion(moved, [at]));
    return Promise.resolve();
  });
  index.changed(chat.id);
  await indexed(index);
  expect(await segments()).not.toContain("secretword");
  expect(await found("plainword")).toEqual(["plainword two"]);
});

it("forgets a message and a whole conversation, from the stored index too", async () => {
  const other = stored.add();
  const secret = await stored.put(chat, 1, text("secretword one"));
  const personId = secret.senderId as PersonId;
  await stored.put(chat, 2, text("plainword two"));
  await stored.put(other, 1, text("otherword three"));
  await found("x");
  expect(await segments()).toContain("secretword");
  // A deletion (M3) stores the message without words; the app ends before it writes the index.
  const deletion = { personId, position: 3, sentMs: 0, signedMs: 0, admin: false };
  await stored.put(chat, 1, text(""), { ...secret, content: null, deletion });
  await found("x");
  expect(await segments()).not.toContain("secretword");
  expect(await segments()).toContain("plainword");
  const { index } = stored.search();
  await indexed(index);
  stored.conversations.delete(other.id);
  await vault.write([forgetWords({ conversationId: other.id, order: null })]);
  index.changed(other.id);
  await indexed(index);
  expect(await segments()).not.toContain("otherword");
  expect(await vault.all(STORES.forgotten)).toEqual([]);
  expect(await found("plainword")).toEqual(["plainword two"]);
});

it("continues after a crash at any write, and indexes each message once", async () => {
  for (let seq = 1; seq <= 120; seq++) await stored.put(chat, seq, text(`gate word${String(seq)}`));
  const { write } = vault;
  for (let crash = 1; crash <= 6; crash++) {
    let writes = 0;
    vault.write = async (changes, strict) => {
      if (++writes > crash) throw new Error("crashed");
      await write.call(vault, changes, strict);
    };
    const ended = new AbortController();
    const { index } = stored.search({ signal: ended.signal } as never);
    await indexed(index).catch(() => undefined);
    ended.abort();
  }
  vault.write = write;
  const { index, calls } = stored.search();
  await indexed(index);
  const sizes = (await index.segments()).map(({ size }) => size);
  expect(sizes.reduce((sum, size) => sum + size, 0)).toBe(120);
  for (const seq of [1, 60, 120])
    expect((await calls.find({ text: `word${String(seq)} gate` })).messages).not.toEqual([]);
});

it("makes an index that is damaged anew", async () => {
  await stored.put(chat, 1, text("gate"));
  await found("gate");
  const database = await openDB("search");
  const rows = (await database.getAll("records")) as { s: string; d: Uint8Array }[];
  for (const row of rows.filter(({ s }) => s === STORES.segments))
    await database.put("records", { ...row, d: row.d.map((byte) => byte ^ 1) });
  database.close();
  expect(await found("gate")).toEqual(["gate"]);
});

it("tells a copied database neither words nor how often a word comes", async () => {
  for (let seq = 1; seq <= 60; seq++)
    await stored.put(chat, seq, text(seq % 2 === 0 ? "informer at Charminar" : "చార్మినార్ informer"));
  await found("informer");
  const database = await openDB("search");
  const rows = (await database.getAll("records")) as { s: string; k: string; d: Uint8Array }[];
  database.close();
  const raw = rows.map(({ s, k, d }) => `${s} ${k} ${Buffer.from(d).toString("utf8")}`).join("\n");
  for (const word of ["informer", "nformer", "charminar", "చార్మినార్", "crmnr"])
    expect(raw.toLowerCase()).not.toContain(word);
  // A row is many messages: no row belongs to a word.
  expect(rows.filter(({ s }) => s === STORES.segments).length).toBeLessThan(5);
});

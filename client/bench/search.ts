/**
 * The search over MESSAGES=100000 messages of CHATS=300 chats in a vault under Node: how large the index
 * is beside the texts, how long its slices of work take, and how long a search takes. Messages are lines
 * of the guard's corpus in four languages, with names, numbers and places that make most of them differ.
 * The last line is JSON; times are of this machine at full speed.
 */
import { newId, type PersonId } from "#core/ids.ts";
import { STORES } from "#core/records.ts";
import type { SegmentRecord } from "#core/search/segment.ts";
import { newDeviceKey, type KeyRecord } from "#core/vault/data-key.ts";
import type { Database, RowQuery, WriteStep, Storage } from "#core/vault/database.ts";
import type { StoredRow } from "#core/vault/schema.ts";
import { Vault } from "#core/vault/vault.ts";
import { generatedText, oneOf, random } from "./generated-texts.ts";
import { StoredMessages, indexed, messageOf, text } from "../test/support/stored-messages.ts";

const MESSAGES = Number(process.env["MESSAGES"] ?? "100000");
const CHATS = Number(process.env["CHATS"] ?? "300");
const SEARCHES = 400;

function quantile(values: readonly number[], q: number): number {
  const sorted = [...values].sort((a, b) => a - b);
  const found = sorted[Math.min(sorted.length - 1, Math.floor(q * sorted.length))] ?? NaN;
  return Math.round(found * 100) / 100;
}

/** Rows in memory: what the vault does is measured, and no disk. */
class Rows implements Database {
  #key: KeyRecord | null = null;
  readonly #rows = new Map<string, StoredRow>();
  readonly #groups = new Map<string, StoredRow[]>();

  deviceKey = newDeviceKey;
  key = () => Promise.resolve(this.#key);
  addKey = (record: KeyRecord) => Promise.resolve(void (this.#key = record));
  changeKey = (change: (record: KeyRecord | null) => KeyRecord) =>
    Promise.resolve((this.#key = change(this.#key)));
  clearKey = () => Promise.resolve(void (this.#key = null));
  chunk = () => Promise.resolve(null);
  chunkIndexes = () => Promise.resolve([]);
  close = () => undefined;
  rows = (store: string, keys: readonly string[]) =>
    Promise.resolve(keys.map((key) => this.#rows.get(`${store}/${key}`)));
  all = (store: string) => Promise.resolve([...this.#rows.values()].filter(({ s }) => s === store));

  page({ store, group, above, below, limit, descending }: RowQuery): Promise<StoredRow[]> {
    const rows = this.#groups.get(`${store}/${group}`) ?? [];
    const from = rows.findIndex(({ o }) => o > (above ?? -Infinity));
    const end = rows.findLastIndex(({ o }) => o < (below ?? Infinity)) + 1;
    if (from < 0 || end <= from) return Promise.resolve([]);
    const page = descending
      ? rows.slice(Math.max(from, end - limit), end).reverse()
      : rows.slice(from, Math.min(end, from + limit));
    return Promise.resolve(page);
  }

  write(steps: readonly WriteStep[]): Promise<void> {
    for (const step of steps) {
      if (step.op === "put") this.#put(step.row);
      else if (step.op === "delete") this.#rows.delete(`${step.store}/${step.key}`);
    }
    return Promise.resolve();
  }

  #put(row: StoredRow): void {
    this.#rows.set(`${row.s}/${row.k}`, row);
    const group = `${row.s}/${row.g}`;
    const rows = this.#groups.get(group) ?? [];
    // Messages come in their order; nothing else is paged through here.
    if (row.s === STORES.messages) rows.push(row);
    this.#groups.set(group, rows);
  }
}

const rows = new Rows();
const storage: Storage = {
  open: () => Promise.resolve(rows),
  erase: () => Promise.resolve(),
};
const vault = new Vault({ name: "bench", storage, now: Date.now });
await vault.open();
const stored = new StoredMessages(vault);
const people = Array.from({ length: 500 }, () => newId<PersonId>());
const chats = Array.from({ length: CHATS }, () => stored.add());
let textBytes = 0;
const words: string[] = [];
for (let seq = 1; seq <= MESSAGES / CHATS; seq++)
  await stored.write(
    chats.map(({ id }) => {
      const said = generatedText();
      textBytes += Buffer.byteLength(said);
      if (random() < 0.01) words.push(oneOf(said.split(/\s+/)));
      return messageOf(id, seq, text(said), { senderId: oneOf(people) });
    }),
  );

const slices: number[] = [];
const begun = performance.now();
const { index, calls } = stored.search({
  rest: (_ms, workedMs) => {
    if (workedMs > 0) slices.push(workedMs);
    return new Promise((resolve) => setImmediate(resolve));
  },
});
await indexed(index);
const indexS = (performance.now() - begun) / 1000;
const records = await vault.all<SegmentRecord>(STORES.segments);
const indexBytes = records
  .flatMap((record) => Object.values(record) as Uint8Array[])
  .reduce((sum, bytes) => sum + bytes.length, 0);

const times: number[] = [];
let found = 0;
for (let count = 0; count < SEARCHES; count++) {
  const word = oneOf(words);
  const typed = word.slice(0, 2 + Math.floor(random() * word.length));
  const query = random() < 0.3 ? `${typed} ${oneOf(words)}` : typed;
  const start = performance.now();
  const page = await calls.find({ text: query });
  times.push(performance.now() - start);
  if (page.messages.length > 0) found++;
}
const reopened = performance.now();
const again = stored.search({ rest: () => new Promise((resolve) => setImmediate(resolve)) });
await again.index.segments();
const openMs = performance.now() - reopened;

process.stdout.write(
  `${JSON.stringify({
    messages: MESSAGES,
    text_bytes: textBytes,
    index_bytes: indexBytes,
    ratio: Math.round((1000 * indexBytes) / textBytes) / 1000,
    segments: records.length,
    index_s: Math.round(indexS * 10) / 10,
    slice_ms_p99: quantile(slices, 0.99),
    slice_ms_max: quantile(slices, 1),
    search_ms_p50: quantile(times, 0.5),
    search_ms_p95: quantile(times, 0.95),
    found,
    open_ms: Math.round(openMs),
  })}\n`,
);
process.exit(0);

/**
 * The search over MESSAGES=100000 messages of CHATS=300 chats in a vault under Node: how large the index
 * is beside the texts, how long its slices of work take, and how long a search takes. Messages are lines
 * of the guard's corpus in four languages, with names, numbers and places that make most of them differ.
 * The last line is JSON; times are of this machine at full speed.
 */
import { readFileSync, readdirSync } from "node:fs";
import { newId } from "#core/ids.ts";
import type { PersonId } from "#core/ids.ts";
import { STORES } from "#core/records.ts";
import type { SegmentRecord } from "#core/search/segment.ts";
import { newDeviceKey } from "#core/vault/data-key.ts";
import type { KeyRecord } from "#core/vault/data-key.ts";
import type { Database, RowQuery, Step, Storage } from "#core/vault/database.ts";
import type { StoredRow } from "#core/vault/schema.ts";
import { Vault } from "#core/vault/vault.ts";
import { StoredMessages, indexed, messageOf, text } from "../test/support/stored-messages.ts";

const MESSAGES = Number(process.env["MESSAGES"] ?? "100000");
const CHATS = Number(process.env["CHATS"] ?? "300");
const SEARCHES = 400;
const CORPUS = new URL("../../guard/corpus/", import.meta.url);

let seed = 7;
/** In [0, 1), the same in each run. */
function random(): number {
  seed = (seed * 1_103_515_245 + 12_345) % 2_147_483_648;
  return seed / 2_147_483_648;
}

function oneOf<T>(all: readonly T[]): T {
  return all[Math.floor(random() * all.length)] as T;
}

/** A line with one choice of each of its `{a|b}`. */
function chosen(line: string): string {
  return line.replace(/\{([^{}]*)\}/g, (_, choices: string) => oneOf(choices.split("|")));
}

function corpus(): readonly string[] {
  const texts = readdirSync(CORPUS).filter((name) => name.endsWith(".txt") && name !== "emoji.txt");
  return texts
    .flatMap((name) => readFileSync(new URL(name, CORPUS), "utf8").split("\n"))
    .filter((line) => line !== "" && !/^[[#]/.test(line));
}

const SYLLABLES = [
  ..."ra ma na ti ki su va la pa du sri ka ni ya re ddy".split(" "),
  ..."రా మ న తి కి సు వ ల ప డు శ్రీ క ని య రె డ్డి".split(" "),
  ..."रा म न ति कि सु व ल प डु श्री क नी य रे ड्डी".split(" "),
  ..."را م ن تی کی سو و ل پ ڈو شری ک نی ی رے ڈی".split(" "),
];

function name(): string {
  const script = 16 * Math.floor(random() * 4);
  const part = (): string => SYLLABLES[script + Math.floor(random() * 16)] ?? "";
  return Array.from({ length: 2 + Math.floor(random() * 3) }, part).join("");
}

function particular(): string {
  const number = Math.floor(random() * 10_000);
  return oneOf([
    () => name(),
    () => `${name()} ${name()}`,
    () => `FIR ${String(number % 900)}/2026`,
    () => `TS09E${oneOf(["A", "B", "C"])}${String(number)}`,
    () => `${String(number % 24)}:${String(number % 60).padStart(2, "0")}`,
    () => `98${String(Math.floor(random() * 1e8)).padStart(8, "0")}`,
  ])();
}

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

  write(steps: readonly Step[]): Promise<void> {
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
const lines = corpus();
const people = Array.from({ length: 500 }, () => newId<PersonId>());
const chats = Array.from({ length: CHATS }, () => stored.add());
let textBytes = 0;
const words: string[] = [];
for (let seq = 1; seq <= MESSAGES / CHATS; seq++)
  await stored.write(
    chats.map(({ id }) => {
      const parts = [chosen(oneOf(lines)), ...(random() < 0.5 ? [particular()] : [])];
      const said = parts.join(" ");
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

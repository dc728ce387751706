/**
 * The parts of an exported conversation (docs/export.md) as values: the manifest, the lines of the log and
 * the signed records. Bytes are base64, ids are hex. Reading bounds everything: a file comes from anybody.
 */
import { idOf, type ConversationId, type DeviceId, type PersonId } from "../ids.ts";
import { LOG_START } from "../keys/message.ts";
import { MAX_MESSAGE_BYTES } from "../limits.ts";
import { equalBytes, fromBase64, toBase64, utf8, type Bytes } from "../octets.ts";
import type { PersonTrustRow } from "../trust/person-row.ts";

export const FORMAT = "copconnect conversation v1";
export const PARTS = { manifest: "manifest.json", log: "log.jsonl", trust: "trust.json" } as const;
/** Header, signature, body and key in base64, and the words around them. */
const MOST_LINE = Math.ceil(MAX_MESSAGE_BYTES * 1.4) + 1_024;
/** Records of one kind. */
const MOST_RECORDS = 100_000;
const MOST_SMALL = 64 * 1024 * 1024;

/** Why the file has no more than the hash of a position's header: the exporter's word. */
export const REASONS = ["not_chosen", "not_opened", "not_shown", "refused"] as const;
export type Reason = (typeof REASONS)[number];

export interface ExportManifest {
  readonly format: typeof FORMAT;
  readonly conversation: ConversationId;
  /** The exporter's words: nobody signs them. */
  readonly title: string;
  readonly exportedBy: PersonId;
  readonly madeMs: number;
  /** Positions of the log, both included. */
  readonly first: number;
  readonly last: number;
  /** L before `first`. */
  readonly before: Bytes;
  /** SHA-256 of the other two parts. */
  readonly log: string;
  readonly trust: string;
}

export type LogLine =
  | {
      readonly at: number;
      /** When the server took it: its word. */
      readonly serverMs: number;
      /** Header ‖ signature ‖ body, or without the body (R11). */
      readonly message: Bytes;
      /** k; null: there is no body. */
      readonly key: Bytes | null;
    }
  | { readonly at: number; readonly hash: Bytes; readonly why: Reason };

/** The signed records beside the messages. */
export interface ProvingRecords {
  readonly departments: readonly Bytes[];
  /** Raw public keys. A key counts if a department record names it. */
  readonly issuing: readonly Bytes[];
  readonly heads: readonly Bytes[];
  readonly proofs: readonly { readonly epoch: number; readonly proof: Bytes }[];
  /** Records of conversation keys. */
  readonly keys: readonly Bytes[];
  readonly people: readonly PersonRecords[];
}

const KINDS = ["certificates", "cards", "endorsements", "grants", "revocations"] as const;

export interface PersonRecords extends Readonly<Record<(typeof KINDS)[number], readonly Bytes[]>> {
  readonly person: PersonId;
  readonly devices: Bytes | null;
}

export class BadPart extends Error {}

// --- Writing ------------------------------------------------------------------------------------

export function lineOf(line: LogLine): Bytes {
  const { at } = line;
  if ("hash" in line) return json({ at, hash: toBase64(line.hash), why: line.why });
  const { serverMs, message, key } = line;
  const k = key === null ? null : toBase64(key);
  return json({ at, serverMs, message: toBase64(message), key: k });
}

export function manifestOf({ before, ...others }: ExportManifest): Bytes {
  return json({ ...others, before: toBase64(before) });
}

export function trustOf(records: ProvingRecords, people: readonly PersonTrustRow[]): Bytes {
  const { departments, issuing, heads, proofs, keys } = records;
  return json({
    ...{ departments: departments.map(toBase64), issuing: issuing.map(toBase64) },
    ...{ heads: heads.map(toBase64), keys: keys.map(toBase64) },
    proofs: proofs.map(({ epoch, proof }) => ({ epoch, proof: toBase64(proof) })),
    people: people.map((row) => ({
      person: row.personId,
      devices: row.devices === null ? null : toBase64(row.devices),
      ...Object.fromEntries(KINDS.map((kind) => [kind, row[kind].map(toBase64)])),
    })),
  });
}

function json(value: unknown): Bytes {
  return utf8(`${JSON.stringify(value)}\n`);
}

// --- Reading ------------------------------------------------------------------------------------

export function readManifest(text: string): ExportManifest {
  const fields = object(parsed(text));
  need(fields["format"] === FORMAT, "another format");
  const first = position(fields["first"]);
  const last = position(fields["last"]);
  const before = base64(fields["before"]);
  need(first <= last && before.length === LOG_START.length, "no range");
  need(first > 1 || equalBytes(before, LOG_START), "the log begins with another hash");
  return {
    ...{ format: FORMAT, first, last, before },
    conversation: hex(fields["conversation"], 16) as ConversationId,
    exportedBy: hex(fields["exportedBy"], 16) as PersonId,
    title: string(fields["title"], 1_024),
    madeMs: time(fields["madeMs"]),
    log: hex(fields["log"], 32),
    trust: hex(fields["trust"], 32),
  };
}

export function readLine(text: string): LogLine {
  const fields = object(parsed(text));
  const at = position(fields["at"]);
  if (fields["hash"] !== undefined) {
    const { hash: given, why } = fields;
    need(REASONS.includes(why as Reason), "no reason");
    const hash = base64(given);
    need(hash.length === 32, "no hash");
    return { at, hash, why: why as Reason };
  }
  const key = fields["key"] === null ? null : base64(fields["key"]);
  need(key === null || key.length === 32, "no key");
  const message = base64(fields["message"]);
  need(message.length <= MAX_MESSAGE_BYTES, "a message that is too long");
  return { at, serverMs: time(fields["serverMs"]), message, key };
}

export function readTrust(text: string): ProvingRecords {
  const fields = object(parsed(text));
  const people = new Set<PersonId>();
  return {
    departments: list(fields["departments"], base64),
    issuing: list(fields["issuing"], base64),
    heads: list(fields["heads"], base64),
    keys: list(fields["keys"], base64),
    proofs: list(fields["proofs"], (value) => {
      const { epoch, proof } = object(value);
      return { epoch: time(epoch), proof: base64(proof) };
    }),
    people: list(fields["people"], (value) => {
      const person = object(value);
      const { devices } = person;
      const kinds = KINDS.map((kind) => [kind, list(person[kind], base64)] as const);
      const personId = hex(person["person"], 16) as PersonId;
      // Records of one person in many entries would be joined again for each of them.
      need(!people.has(personId), "a person twice");
      people.add(personId);
      return {
        ...(Object.fromEntries(kinds) as Omit<PersonRecords, "devices" | "person">),
        person: personId,
        devices: devices === null ? null : base64(devices),
      };
    }),
  };
}

/** The device in leaf ‖ proof. */
export function deviceInProof(proof: Uint8Array): DeviceId {
  return idOf(proof.subarray(32, 64));
}

/** The text of a small part. */
export async function textOf(part: Blob | undefined): Promise<string> {
  if (part === undefined || part.size > MOST_SMALL)
    throw new BadPart("a part is missing, or too large");
  return new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(
    await part.arrayBuffer(),
  );
}

/** The lines of a part, without holding it whole. */
export async function* linesOf(part: Blob): AsyncGenerator<string> {
  const reader = part
    .stream()
    .pipeThrough(new TextDecoderStream("utf-8", { fatal: true, ignoreBOM: true }))
    .getReader();
  let rest = "";
  for (;;) {
    const { done, value } = await reader.read();
    if (done) break;
    const lines = (rest + value).split("\n");
    rest = lines.pop() ?? "";
    need(rest.length <= MOST_LINE, "a line that is too long");
    yield* lines;
  }
  need(rest === "", "a line that does not end");
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (cause) {
    throw new BadPart("not JSON", { cause });
  }
}

function object(value: unknown): Readonly<Record<string, unknown>> {
  need(typeof value === "object" && value !== null && !Array.isArray(value), "no object");
  return value as Readonly<Record<string, unknown>>;
}

function list<T>(value: unknown, read: (one: unknown) => T): readonly T[] {
  need(Array.isArray(value) && value.length <= MOST_RECORDS, "no list, or too long");
  return (value as readonly unknown[]).map(read);
}

function string(value: unknown, most: number): string {
  need(typeof value === "string" && value.length <= most, "no text");
  return value;
}

function hex(value: unknown, size: number): string {
  const text = string(value, 2 * size);
  need(fits(text, 2 * size), "no id");
  return text;
}

function fits(text: string, digits: number): boolean {
  return text.length === digits && /^[0-9a-f]*$/u.test(text);
}

function time(value: unknown): number {
  need(Number.isSafeInteger(value) && (value as number) >= 0, "no number");
  return value as number;
}

function position(value: unknown): number {
  const at = time(value);
  need(at >= 1, "positions count from 1");
  return at;
}

function base64(value: unknown): Bytes {
  const text = string(value, MOST_LINE);
  // `atob` takes spaces, and bytes without padding, which other decoders refuse.
  need(text.length % 4 === 0 && /^[A-Za-z0-9+/]*={0,2}$/u.test(text), "no base64");
  try {
    return fromBase64(text);
  } catch (cause) {
    throw new BadPart("no base64", { cause });
  }
}

function need(holds: boolean, reason: string): asserts holds {
  if (!holds) throw new BadPart(reason);
}

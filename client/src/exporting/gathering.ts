/**
 * Reads a range of the log again from the server and writes it down with the records that prove it. A position
 * that this device does not show, or that was not chosen, has the hash of its header alone, so that the
 * chain of the log still shows that nothing is missing.
 *
 * Streams: a page of the log is written before the next is fetched. Rejects with `network`, `cancelled`,
 * `not_found` where nothing of the range is in the log any more.
 */
import type { Attachments } from "../attachments/attachments.ts";
import type { DeviceContext } from "../context.ts";
import type { Conversation } from "../conversation/conversation.ts";
import { CoreFailure, failure } from "../failure.ts";
import {
  idOf,
  type AttachmentId,
  type DeviceId,
  type KeyId,
  type MessageId,
  type PersonId,
} from "../ids.ts";
import { acceptedName } from "../inbox/judge.ts";
import { hash } from "../keys/format/hashing.ts";
import { Refused } from "../keys/format/refused.ts";
import {
  MESSAGE_KIND,
  SIGNED_HEADER_BYTES,
  bodyKey,
  openBody,
  parseEntry,
} from "../keys/message.ts";
import { RosterHeadFormat } from "../keys/roster/head.ts";
import { decodeContent, isShown, pointersOf, type Decoded } from "../kinds/content.ts";
import type { AttachmentPointer } from "../kinds/fields.ts";
import { markedBy } from "../messages/declared.ts";
import { loadMessage } from "../conversation/messages.ts";
import { copy, equalBytes, fromHex, toHex, type Bytes } from "../octets.ts";
import type { LogEntry, LogPage } from "../wire.ts";
import type { ArchiveEntry, ArchiveWriter } from "./archive.ts";
import { deviceInProof, lineOf, type LogLine, type ProvingRecords, type Reason } from "./format.ts";

const PAGE = 200;
const CHUNK = 1024 * 1024;

export interface Range {
  readonly first: number;
  readonly last: number;
}

export interface Gathering {
  readonly context: DeviceContext;
  readonly attachments: Attachments;
  readonly conversation: Conversation;
  readonly signal: AbortSignal;
  readonly onProgress: (step: "messages" | "files", done: number, total: number) => void;
}

export interface Gathered {
  readonly range: Range;
  readonly before: Bytes;
  readonly messages: number;
  readonly records: Omit<ProvingRecords, "departments" | "issuing" | "people">;
  readonly senders: ReadonlySet<PersonId>;
  readonly files: readonly AttachmentPointer[];
}

/** The positions of the log from one time to another; null: from the first, to the last. */
export async function rangeOf(
  { context, conversation }: Pick<Gathering, "context" | "conversation">,
  fromMs: number | null,
  toMs: number | null,
): Promise<Range> {
  const page = (after: number): Promise<LogPage> =>
    context.api.log(conversation.id, { after, limit: 1 });
  const { entries, lastSeq } = await page(0);
  const [oldest] = entries;
  if (oldest === undefined) throw failure("not_found");
  /** The first position that is not earlier, past the last if there is none. */
  const find = async (ms: number): Promise<number> => {
    let low = oldest.seq;
    let high = lastSeq + 1;
    while (low < high) {
      const middle = Math.floor((low + high) / 2);
      const [entry] = (await page(middle - 1)).entries;
      if (entry !== undefined && entry.sentMs < ms) low = entry.seq + 1;
      else high = middle;
    }
    return low;
  };
  const first = fromMs === null ? oldest.seq : await find(fromMs);
  const last = toMs === null ? lastSeq : (await find(toMs)) - 1;
  if (first > last) throw failure("not_found");
  return { first, last };
}

/** The positions of chosen messages, with those of the marks on them that this device knows. */
export async function rangeOfMessages(
  { context, conversation }: Pick<Gathering, "context" | "conversation">,
  messageIds: readonly MessageId[],
): Promise<Range> {
  const positions: number[] = [];
  for (const messageId of messageIds) {
    const message = await loadMessage(context.vault, conversation.id, messageId);
    const marks = await conversation.marks.get(null, messageId);
    if (message?.seq == null) throw failure("not_found");
    const facts = [
      ...(message.edits ?? []),
      ...(message.deletion === undefined ? [] : [message.deletion]),
      ...[marks?.reactions, marks?.votes, marks?.closed, marks?.totals, marks?.accepted].flatMap(
        (one) => one ?? [],
      ),
    ];
    positions.push(message.seq, ...facts.map(({ position }) => position));
  }
  if (positions.length === 0) throw failure("not_found");
  return { first: Math.min(...positions), last: Math.max(...positions) };
}

/** Write the lines of a range. `chosen`: these messages and what marks them; null: all. */
export async function gatherLog(
  gathering: Gathering,
  range: Range,
  chosen: ReadonlySet<MessageId> | null,
  log: ArchiveEntry,
): Promise<Gathered> {
  const { context, conversation, onProgress, signal } = gathering;
  const found = new Found();
  let next = range.first;
  let before: Bytes | null = null;
  while (next <= range.last) {
    if (signal.aborted) throw failure("cancelled");
    const page = await context.api.log(conversation.id, { after: next - 1, limit: PAGE });
    const entries = page.entries.filter(({ seq }) => seq <= range.last);
    if (entries.length === 0) break;
    before ??= copy(page.logHash);
    const lines = await conversation.run(() => linesOf(gathering, entries, chosen, found));
    for (const line of lines) log.write(lineOf(line));
    found.take(page);
    next = (entries.at(-1)?.seq ?? next) + 1;
    onProgress("messages", next - range.first, range.last - range.first + 1);
  }
  // The server forgets the oldest while a person chooses.
  if (before === null || next <= range.last) throw failure("not_found");
  return { range, before, ...found.all() };
}

class Found {
  readonly keyIds = new Set<KeyId>();
  readonly senders = new Set<PersonId>();
  readonly devices = new Set<DeviceId>();
  readonly files = new Map<AttachmentId, AttachmentPointer>();
  messages = 0;
  readonly #heads = new Map<number, Bytes>();
  readonly #proofs = new Map<string, { readonly epoch: number; readonly proof: Bytes }>();
  readonly #keys = new Map<KeyId, Bytes>();

  /** Keep all records of each page: a later entry may raise the head under which a sender is proven. */
  take({ heads, proofs, keys }: LogPage): void {
    for (const head of heads) this.#heads.set(RosterHeadFormat.parse(head).epoch, copy(head));
    for (const { epoch, proof } of proofs)
      this.#proofs.set(`${String(epoch)}/${toHex(proof.subarray(0, 74))}`, {
        epoch,
        proof: copy(proof),
      });
    for (const { record } of keys) {
      const keyId = idOf<KeyId>(hash(record));
      if (this.keyIds.has(keyId)) this.#keys.set(keyId, copy(record));
    }
  }

  all(): Omit<Gathered, "range" | "before"> {
    return {
      records: {
        heads: [...this.#heads].sort(([a], [b]) => a - b).map(([, head]) => head),
        proofs: [...this.#proofs.values()].filter(({ proof }) =>
          this.devices.has(deviceInProof(proof)),
        ),
        keys: [...this.#keys.values()],
      },
      messages: this.messages,
      senders: this.senders,
      files: [...this.files.values()],
    };
  }
}

async function linesOf(
  gathering: Gathering,
  entries: readonly LogEntry[],
  chosen: ReadonlySet<MessageId> | null,
  found: Found,
): Promise<readonly LogLine[]> {
  const lines: LogLine[] = [];
  for (const entry of entries) lines.push(await lineFor(gathering, entry, chosen, found));
  return lines;
}

async function lineFor(
  { context, conversation }: Gathering,
  entry: LogEntry,
  chosen: ReadonlySet<MessageId> | null,
  found: Found,
): Promise<LogLine> {
  const { seq: at, sentMs: serverMs, message: bytes } = entry;
  const signed = bytes.subarray(0, SIGNED_HEADER_BYTES);
  const without = (why: Reason): LogLine => ({ at, hash: hash(signed), why });
  try {
    const { header, body } = parseEntry(bytes, fromHex(conversation.id));
    const messageId = idOf<MessageId>(header.message);
    const accepted = await conversation.accepted.get(null, acceptedName(header, header.seq));
    if (accepted === null || !equalBytes(accepted.hash, header.hash)) return without("refused");
    const mark = header.kind >= MESSAGE_KIND.edit;
    const edits = header.kind === MESSAGE_KIND.edit;
    // An edit changes the words of a message, so a device shows the edit only if it shows the message.
    const about = mark ? markedBy(header) : messageId;
    const held = await loadMessage(context.vault, conversation.id, edits ? about : messageId);
    if (edits && held === null) return without("not_shown");
    const keyId = idOf<KeyId>(header.key);
    const key = await conversation.keys.find(null, keyId);
    const bare =
      body === null || held?.deletion !== undefined || header.kind === MESSAGE_KIND.deletion;
    let line: LogLine = { at, serverMs, message: copy(signed), key: null };
    let content: Decoded | null = null;
    if (bare) {
      // The server drops the bodies of edits with the message.
      if (held === null && !mark) return without("not_shown");
    } else {
      const secret = key?.secret ?? null;
      if (secret === null) return without("not_opened");
      const k = bodyKey(header, secret);
      content = decodeContent(await openBody({ header, body }, k));
      if (isShown(content) && held === null) return without("not_shown");
      line = { at, serverMs, message: copy(bytes), key: k };
    }
    const chooses = content?.kind === "mark" ? content.messageId : about;
    if (chosen !== null && !chosen.has(chooses)) return without("not_chosen");
    found.keyIds.add(keyId);
    const device = idOf<DeviceId>(header.sender);
    found.devices.add(device);
    const sender = await context.trust.personOf(device);
    if (sender !== null) found.senders.add(sender);
    if (chooses === messageId && (content === null || isShown(content))) found.messages++;
    for (const pointer of content === null ? [] : pointersOf(content))
      found.files.set(pointer.id, pointer);
    return line;
  } catch (error) {
    if (error instanceof Refused) return without("refused");
    throw error;
  }
}

/** Write the files of the messages; returns how many are nowhere any more. */
export async function gatherFiles(
  { attachments, onProgress, signal }: Gathering,
  files: readonly AttachmentPointer[],
  archive: ArchiveWriter,
): Promise<number> {
  const total = files.reduce((sum, { size }) => sum + size, 0);
  let done = 0;
  let missing = 0;
  for (const pointer of files) {
    const file = await fileOf(attachments, pointer);
    if (file === null) {
      missing++;
      continue;
    }
    const entry = archive.begin(fileName(pointer));
    for (let at = 0; at < file.size; at += CHUNK) {
      if (signal.aborted) throw failure("cancelled");
      const chunk = new Uint8Array(await file.slice(at, at + CHUNK).arrayBuffer());
      entry.write(chunk);
      done += chunk.length;
      onProgress("files", done, total);
    }
    entry.end();
  }
  return missing;
}

async function fileOf(attachments: Attachments, pointer: AttachmentPointer): Promise<Blob | null> {
  try {
    // The verifier compares it with the hash that its sender signed.
    return await attachments.blob(pointer.id, null);
  } catch (error) {
    const gone = ["not_found", "attachment_gone", "attachment_corrupt"];
    if (error instanceof CoreFailure && gone.includes(error.code)) return null;
    throw error;
  }
}

/** By the attachment's id, with the ending of its name where that is an ordinary one. */
export function fileName({ id, name }: Pick<AttachmentPointer, "id" | "name">): string {
  // Lower case first: ſ and K match [a-z] where case does not count, and no archive takes such a name.
  const ending = /\.[a-z0-9]{1,8}$/u.exec(name.toLowerCase())?.[0] ?? "";
  return `files/${id}${ending}`;
}

/** The contents of a verified file: words, former words, deletions, reactions, files. */
import { hashOf } from "../attachments/hashing.ts";
import { evidenceOf } from "../kinds/attachments.ts";
import { decodeContent, previewOf, pointersOf, type Decoded } from "../kinds/content.ts";
import type { AttachmentPointer } from "../kinds/fields.ts";
import { idOf, type DeviceId, type MessageId, type PersonId } from "../ids.ts";
import { MESSAGE_KIND } from "../keys/message.ts";
import { mayAdminister } from "../keys/roster/leaf.ts";
import {
  byPosition,
  type DeletionRecord,
  type EditRecord,
  type MarkFact,
} from "../mark-records.ts";
import { isDeclared, markedBy } from "../messages/declared.ts";
import { withDeletion } from "../messages/deletions.ts";
import { reworded, withEdits } from "../messages/edits.ts";
import { inEnglish } from "../names.ts";
import { toHex } from "../octets.ts";
import { namesOf } from "../people/people.ts";
import type { MessageRecord } from "../records.ts";
import type {
  ProvenFile,
  VerifiedMessage,
  ProvenPerson,
  VerifiedExport,
} from "../seam/exporting.ts";
import { ofFile, type Proven, type ProvenLog } from "./verifying.ts";

interface Marks {
  readonly edits: EditRecord[];
  readonly deletions: DeletionRecord[];
  readonly reactions: (MarkFact & { readonly emoji: string | null })[];
}

type ToldExport = Omit<VerifiedExport, "sha256" | "bytes">;

export async function tell(log: ProvenLog): Promise<ToldExport> {
  const { manifest, gaps, witnesses, problems, trust } = log;
  const person = (personId: PersonId, atMs: number): ProvenPerson => {
    const cards = trust.cardsOf(personId);
    const card = cards.findLast(({ created }) => created <= atMs) ?? cards[0];
    const none = inEnglish("");
    if (card === undefined) return { personId, names: none, rank: none, post: none, unit: none };
    const { names, rank, post, unit } = card;
    return {
      ...{ personId, names: namesOf(names), rank: namesOf(rank) },
      ...{ post: namesOf(post), unit: namesOf(unit) },
    };
  };
  const decoded = log.proven.map((one): readonly [Proven, Decoded | null] => [
    one,
    one.plaintext === null ? null : decodeContent(one.plaintext),
  ]);
  const marks = marksOf(decoded);
  const messages: VerifiedMessage[] = [];
  const named = new Set<string>();
  for (const [one, content] of decoded) {
    if (isMark(one) || content?.kind === "mark" || content?.kind === "state") continue;
    const files = await filesOf(log, one, content);
    for (const { id } of content === null ? [] : pointersOf(content)) named.add(id);
    messages.push(messageOf(log, one, content, marks, files, person));
  }
  // A conversation's photo is its state's.
  for (const [, content] of decoded)
    for (const { id } of content === null ? [] : pointersOf(content)) named.add(id);
  for (const id of log.files.keys())
    if (!named.has(id)) problems.push(ofFile(`a file that no message names: ${id}`));
  const { conversation, title, exportedBy, madeMs, first, last } = manifest;
  return {
    ...{ conversationId: conversation, title, madeMs, first, last, messages, gaps, problems },
    exporter: person(exportedBy, madeMs),
    witnesses: [...witnesses].map(([one, upTo]) => ({ person: person(one, madeMs), upTo })),
  };
}

function marksOf(
  decoded: readonly (readonly [Proven, Decoded | null])[],
): ReadonlyMap<MessageId, Marks> {
  const found = new Map<MessageId, Marks>();
  for (const [one, content] of decoded) {
    const { header, leaf, at: position, serverMs: sentMs } = one;
    // The header says what a mark deletes or edits (R7), with a body or without.
    if (content === null ? !isMark(one) : !isDeclared(header, content)) continue;
    if (content !== null && content.kind !== "mark") continue;
    const messageId = content?.messageId ?? markedBy(header);
    const marks = found.get(messageId) ?? { edits: [], deletions: [], reactions: [] };
    found.set(messageId, marks);
    const fact = { personId: leaf.person, position, sentMs, signedMs: header.sent };
    const markId = idOf<MessageId>(header.message);
    if (header.kind === MESSAGE_KIND.deletion)
      marks.deletions.push({ ...fact, admin: mayAdminister(leaf) });
    const what = content?.what ?? { mark: "unreadable" };
    if (what.mark === "edit")
      marks.edits.push({ ...fact, markId, text: what.text, mentions: what.mentions });
    else if (header.kind === MESSAGE_KIND.edit)
      marks.edits.push({ ...fact, markId, text: null, mentions: [] });
    if (what.mark === "reaction") marks.reactions.push({ ...fact, emoji: what.emoji });
  }
  return found;
}

/** A mark that edits or deletes. */
function isMark({ header }: Proven): boolean {
  return header.kind >= MESSAGE_KIND.edit;
}

function messageOf(
  { manifest }: ProvenLog,
  { header, leaf, at, serverMs, plaintext, gap }: Proven,
  content: Exclude<Decoded, { kind: "mark" | "state" }> | null,
  marks: ReadonlyMap<MessageId, Marks>,
  files: readonly ProvenFile[],
  person: (personId: PersonId, atMs: number) => ProvenPerson,
): VerifiedMessage {
  const messageId = idOf<MessageId>(header.message);
  const own = marks.get(messageId);
  const bare: MessageRecord = {
    ...{ messageId, conversationId: manifest.conversation, order: at, seq: at },
    ...{ senderId: leaf.person, mine: false, sentMs: serverMs, content: plaintext },
    ...{ notice: null, failure: null },
    ...(plaintext === null && header.kind === MESSAGE_KIND.kept ? { kept: true } : {}),
  };
  const edited = withEdits(bare, own?.edits ?? []);
  const { deletion } = withDeletion(bare, own?.deletions ?? []);
  const edits = edited.edits ?? [];
  const last = edits.at(-1);
  const former = [
    ...(last === undefined ? [] : [{ text: textOf(content), signedMs: header.sent }]),
    ...edits.slice(0, -1).map(({ text, signedMs }) => ({ text: text ?? "", signedMs })),
  ];
  const missing = last?.text === null;
  const shown =
    last === undefined || last.text === null || content === null
      ? content
      : reworded(content, { text: last.text, mentions: last.mentions });
  const withheld = plaintext === null || missing ? "withheld" : "proven";
  const by = deletion?.personId;
  return {
    ...{ at, messageId, device: idOf<DeviceId>(header.sender), files, former, serverMs, gap },
    sender: person(leaf.person, header.sent),
    signedMs: header.sent,
    state: deletion === undefined ? withheld : "deleted",
    deletedBy: by === undefined || by === leaf.person ? null : person(by, deletion?.signedMs ?? 0),
    deletedMs: deletion?.signedMs ?? null,
    content: content === null || content.kind === "unsupported" ? null : content.kind,
    text: missing ? "" : textOf(shown),
    reactions: reactionsOf(own?.reactions ?? [], person),
    evidence: shown?.kind === "attachments" ? evidenceOf(shown) : null,
  };
}

function reactionsOf(
  reactions: Marks["reactions"],
  person: (personId: PersonId, atMs: number) => ProvenPerson,
): VerifiedMessage["reactions"] {
  const last = new Map(reactions.toSorted(byPosition).map((one) => [one.personId, one]));
  const found = new Map<string, ProvenPerson[]>();
  for (const { emoji, personId, signedMs } of last.values())
    if (emoji !== null) found.set(emoji, [...(found.get(emoji) ?? []), person(personId, signedMs)]);
  return [...found].map(([emoji, people]) => ({ emoji, people }));
}

function textOf(content: Decoded | null): string {
  if (content === null) return "";
  switch (content.kind) {
    case "text":
    case "attachments":
      return content.text;
    case "order":
    case "order_change":
      return [content.title, content.text].filter((one) => one !== "").join("\n");
    default: {
      const preview = previewOf(content);
      return "text" in preview ? preview.text : "";
    }
  }
}

async function filesOf(
  { files, problems }: ProvenLog,
  { at }: Proven,
  content: Decoded | null,
): Promise<readonly ProvenFile[]> {
  const found: ProvenFile[] = [];
  for (const pointer of content === null ? [] : pointersOf(content)) {
    const one = await fileOf(files.get(pointer.id), pointer);
    if (one.state === "differs")
      problems.push({
        at,
        rule: "file",
        reason: `another file than the sender signed: ${one.name}`,
      });
    found.push(one);
  }
  return found;
}

async function fileOf(file: Blob | undefined, pointer: AttachmentPointer): Promise<ProvenFile> {
  const { name, mime, size } = pointer;
  const sha256 = pointer.sha256 === null ? null : toHex(pointer.sha256);
  const said = { name, mime, size, sha256 };
  if (file === undefined) return { ...said, state: "missing", file: null };
  const same = file.size === size && (sha256 === null || (await hashOf(file)) === sha256);
  if (!same) return { ...said, state: "differs", file: null };
  const typed = file.slice(0, file.size, mime);
  return { ...said, state: sha256 === null ? "unsigned" : "proven", file: typed };
}

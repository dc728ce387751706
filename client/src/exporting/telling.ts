/** The contents of a verified file: words, former words, deletions, reactions, votes, accepted answers, files. */
import { hashOf } from "../attachments/hashing.ts";
import { evidenceOf } from "../kinds/attachments.ts";
import {
  decodeContent,
  encodeContent,
  pointersOf,
  reworded,
  type Decoded,
} from "../kinds/content.ts";
import type { AttachmentPointer } from "../kinds/fields.ts";
import { shownPage } from "../kinds/links.ts";
import type { OrderContent } from "../kinds/order.ts";
import type { PollContent } from "../kinds/consultation.ts";
import { allWordsOf } from "../kinds/wording.ts";
import { idOf, type DeviceId, type MessageId, type PersonId } from "../ids.ts";
import { MESSAGE_KIND } from "../keys/message.ts";
import { mayAdminister, mayIssue, type Leaf } from "../keys/roster/leaf.ts";
import { CLOCK_LEEWAY_MS } from "../limits.ts";
import { byPosition, type MarksRecord } from "../mark-records.ts";
import { markedBy } from "../messages/declared.ts";
import { withDeletion } from "../messages/deletions.ts";
import { withEdits } from "../messages/edits.ts";
import { countPoll } from "../messages/poll-count.ts";
import { inEnglish } from "../names.ts";
import { toHex } from "../octets.ts";
import { mayChange } from "../orders/record.ts";
import { plain } from "../orders/rightful.ts";
import { namesOf } from "../people/people.ts";
import type { MessageRecord } from "../records.ts";
import type {
  ProofProblem,
  ProvenFile,
  VerifiedMessage,
  ProvenPerson,
  VerifiedExport,
} from "../seam/exporting.ts";
import { fileName } from "./gathering.ts";
import { ofFile, proveLog, type Proven, type ProvenLog, type Verifier } from "./verifying.ts";

/** The marks on one message that an export tells. */
type Marks = {
  readonly [
    K in "edits" | "deletions" | "reactions" | "votes" | "closed" | "totals" | "accepted"
  ]: MarksRecord[K][number][];
};

type OnBytes = (bytes: number) => void | Promise<void>;
type ToldExport = Omit<VerifiedExport, "sha256" | "bytes">;

/** Everything that a file proves. Rejects as {@link proveLog} does. */
export async function verifyExport(file: Blob, verifier: Verifier): Promise<VerifiedExport> {
  const log = await proveLog(file, verifier);
  const parts = [...log.files.values()].reduce((sum, { part }) => sum + part.size, 0);
  let done = 0;
  const onBytes = (bytes: number): void | Promise<void> =>
    verifier.onProgress("files", (done += bytes), parts + file.size);
  const told = await tell(log, onBytes);
  return { ...told, sha256: await hashOf(file, onBytes), bytes: file.size };
}

/** `onBytes`: of each piece that is hashed. */
export async function tell(
  log: ProvenLog,
  onBytes: OnBytes = () => undefined,
): Promise<ToldExport> {
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
  const decoded = rightfulOf(log.proven);
  const marks = marksOf(decoded);
  const messages: VerifiedMessage[] = [];
  // A conversation's photo is its state's.
  const pointers = decoded.flatMap(([, content]) => (content === null ? [] : pointersOf(content)));
  const named = new Set(pointers.map(fileName));
  const files = new Map<string, Blob>();
  for (const [id, { name, part }] of log.files)
    if (named.has(name)) files.set(id, part);
    else problems.push(ofFile(`a file that no message names: ${name}`));
  for (const [one, content] of decoded) {
    if (isMark(one) || content?.kind === "mark" || content?.kind === "state") continue;
    const shown = await filesOf(files, problems, one, content, onBytes);
    messages.push(messageOf(log, one, content, marks, shown, person));
  }
  const { conversation, title, exportedBy, madeMs, first, last } = manifest;
  return {
    ...{ conversationId: conversation, title, madeMs, first, last, messages, gaps, problems },
    exporter: person(exportedBy, madeMs),
    witnesses: [...witnesses].map(([one, upTo]) => ({ person: person(one, madeMs), upTo })),
  };
}

type Opened = readonly [Proven, Decoded | null];

/** The messages with their contents: orders and changes of orders are such by the leaves that sign them (O3). */
function rightfulOf(proven: readonly Proven[]): readonly Opened[] {
  const decoded = proven.map((one): Opened => [one, contentOf(one)]);
  const orders = new Map<MessageId, IssuedOrder>();
  for (const [{ header, leaf }, content] of decoded)
    if (content?.kind === "order" && mayIssue(leaf, content.priority))
      orders.set(idOf(header.message), { content, issuerId: leaf.person });
  return decoded.map(([one, content]) => {
    if (content?.kind !== "order" && content?.kind !== "order_change") return [one, content];
    if (isRightful(one, content, orders)) return [one, content];
    const instead = plain(content);
    return [{ ...one, plaintext: encodeContent(instead) }, instead];
  });
}

interface IssuedOrder {
  readonly content: OrderContent;
  readonly issuerId: PersonId;
}

/** A change counts with its order alone: without it nothing says who may write one. */
function isRightful(
  { header, leaf }: { readonly header: Proven["header"]; readonly leaf: Leaf },
  content: Extract<Decoded, { kind: "order" | "order_change" }>,
  orders: ReadonlyMap<MessageId, IssuedOrder>,
): boolean {
  if (content.kind === "order") return orders.has(idOf(header.message));
  const facts = orders.get(content.orderId);
  const change = { personId: leaf.person, rights: leaf.rights, content };
  return facts !== undefined && mayChange({ facts, server: null }, change);
}

/** A deletion says everything in its header, as on phones. */
function contentOf({ header, plaintext }: Proven): Decoded | null {
  if (plaintext === null || header.kind === MESSAGE_KIND.deletion) return null;
  return decodeContent(plaintext);
}

function noMarks(): Marks {
  return {
    edits: [],
    deletions: [],
    reactions: [],
    votes: [],
    closed: [],
    totals: [],
    accepted: [],
  };
}

function marksOf(decoded: readonly Opened[]): ReadonlyMap<MessageId, Marks> {
  const found = new Map<MessageId, Marks>();
  for (const [one, content] of decoded) {
    const { header, leaf, at: position } = one;
    // The signed time alone: the exporter could change the server's.
    const sentMs = header.sent;
    if (content === null ? !isMark(one) : content.kind !== "mark") continue;
    const messageId = content?.kind === "mark" ? content.messageId : markedBy(header);
    const marks = found.get(messageId) ?? noMarks();
    found.set(messageId, marks);
    const fact = { personId: leaf.person, position, sentMs, signedMs: header.sent };
    const markId = idOf<MessageId>(header.message);
    if (header.kind === MESSAGE_KIND.deletion)
      marks.deletions.push({ ...fact, admin: mayAdminister(leaf) });
    const what = content?.kind === "mark" ? content.what : ({ mark: "unreadable" } as const);
    if (what.mark === "edit")
      marks.edits.push({ ...fact, markId, text: what.text, mentions: what.mentions });
    else if (header.kind === MESSAGE_KIND.edit)
      marks.edits.push({ ...fact, markId, text: null, mentions: [] });
    if (what.mark === "reaction") marks.reactions.push({ ...fact, emoji: what.emoji });
    if (what.mark === "vote") marks.votes.push({ ...fact, choices: what.choices, sealed: false });
    if (what.mark === "close") marks.closed.push(fact);
    if (what.mark === "totals")
      marks.totals.push({ ...fact, counts: what.counts, ballots: what.ballots });
    if (what.mark === "accept") marks.accepted.push({ ...fact, answerId: what.answerId });
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
  const own = marks.get(messageId) ?? noMarks();
  const bare: MessageRecord = {
    ...{ messageId, conversationId: manifest.conversation, order: at, seq: at },
    // The server takes a message at most so long after it was signed (D1), and phones count from then.
    ...{ senderId: leaf.person, mine: false, sentMs: header.sent + CLOCK_LEEWAY_MS },
    content: plaintext,
    ...{ notice: null, failure: null },
    ...(plaintext === null && header.kind === MESSAGE_KIND.kept ? { kept: true } : {}),
  };
  const edited = withEdits(bare, own.edits);
  const { deletion } = withDeletion(bare, own.deletions);
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
    page: content?.kind === "text" && !missing ? (shownPage(content).page ?? null) : null,
    reactions: reactionsOf(own.reactions, person),
    options: content?.kind === "poll" ? optionsOf(content, leaf.person, own, person) : [],
    answerId: content?.kind === "question" ? answerOf(leaf.person, own) : null,
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

/** P1 to P4. Secret votes are the author's to count. */
function optionsOf(
  poll: PollContent,
  author: PersonId,
  marks: Marks,
  person: (personId: PersonId, atMs: number) => ProvenPerson,
): VerifiedMessage["options"] {
  const { votes, published } = countPoll(poll, author, marks);
  return poll.options.map((text, at) => {
    const chosen = [...votes.values()].filter(({ choices }) => choices?.includes(at) === true);
    const people = chosen.map(({ personId, signedMs }) => person(personId, signedMs));
    const count = poll.anonymous ? (published?.counts[at] ?? null) : people.length;
    return { text, count, people };
  });
}

/** Q1: the answer that the asker accepted last. */
function answerOf(asker: PersonId, { accepted }: Marks): MessageId | null {
  const own = accepted.filter(({ personId }) => personId === asker);
  return own.toSorted(byPosition).at(-1)?.answerId ?? null;
}

function textOf(content: Decoded | null): string {
  if (content === null) return "";
  switch (content.kind) {
    case "text":
    case "attachments":
      return content.text;
    case "order":
    case "order_change":
      return allWordsOf(content).join("\n");
    case "question":
      return content.text;
    case "poll":
      return content.question;
    case "location": {
      const { latitude, longitude, accuracyM } = content;
      return `${latitude}, ${longitude}${accuracyM === null ? "" : ` (±${Math.round(accuracyM)} m)`}`;
    }
    default:
      return "";
  }
}

async function filesOf(
  files: ReadonlyMap<string, Blob>,
  problems: ProofProblem[],
  { at }: Proven,
  content: Decoded | null,
  onBytes: OnBytes,
): Promise<readonly ProvenFile[]> {
  const found: ProvenFile[] = [];
  for (const pointer of content === null ? [] : pointersOf(content)) {
    const one = await fileOf(files.get(pointer.id), pointer, onBytes);
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

async function fileOf(
  file: Blob | undefined,
  pointer: AttachmentPointer,
  onBytes: OnBytes,
): Promise<ProvenFile> {
  const { name, mime, size } = pointer;
  const sha256 = pointer.sha256 === null ? null : toHex(pointer.sha256);
  const said = { name, mime, size, sha256 };
  if (file === undefined) return { ...said, state: "missing", file: null };
  const same = file.size === size && (sha256 === null || (await hashOf(file, onBytes)) === sha256);
  if (!same) return { ...said, state: "differs", file: null };
  const typed = file.slice(0, file.size, mime);
  return { ...said, state: sha256 === null ? "unsigned" : "proven", file: typed };
}

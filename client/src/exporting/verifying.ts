/**
 * Proves the file of an exported conversation (docs/export.md) by the checks of receiving (R1 to R7, R11),
 * over the records in the file and the records that this device holds. No network, nothing is stored.
 *
 * A message that fails is a problem and is not shown. The order is proven as far as the log hashes that
 * senders signed reach.
 */
import { hashOf } from "../attachments/hashing.ts";
import { failure } from "../failure.ts";
import { idOf, type DeviceId, type KeyId, type MessageId, type PersonId } from "../ids.ts";
import { ConversationKeyFormat, type ConversationKey } from "../keys/conversation-key.ts";
import { hash } from "../keys/format/hashing.ts";
import { Refused } from "../keys/format/refused.ts";
import type { AcceptedHeader, KnownConversation } from "../keys/known.ts";
import { MESSAGE_KIND, SIGNED_HEADER_BYTES, nextLogHash } from "../keys/message.ts";
import { acceptedHeader, receive, type Received } from "../keys/receive.ts";
import { RosterHeadFormat, checkHead, type RosterHead } from "../keys/roster/head.ts";
import { checkProof, type Listed } from "../keys/roster/proof.ts";
import { DepartmentFormat, type Department } from "../keys/trust/department.ts";
import { decodeContent } from "../kinds/content.ts";
import { isDeclared } from "../messages/declared.ts";
import { equalBytes, fromHex, toHex, type Bytes } from "../octets.ts";
import type { ProofGap, ProofProblem } from "../seam/exporting.ts";
import { judgeOf, type PassingDepartment, type PassingJudge } from "../trust/passing.ts";
import type { KeptKind, PersonTrustRow } from "../trust/person-row.ts";
import type { PersonTrust } from "../wire.ts";
import { BadArchive, openArchive } from "./archive.ts";
import {
  BadPart,
  PARTS,
  deviceInProof,
  linesOf,
  readLine,
  readManifest,
  readTrust,
  textOf,
  type LogLine,
  type ExportManifest,
  type ProvingRecords,
} from "./format.ts";

export interface Verifier {
  readonly department: PassingDepartment;
  /** The records that this device holds of people: a revocation that the file leaves out counts. */
  readonly recordsOf: (people: Iterable<PersonId>) => Promise<readonly PersonTrustRow[]>;
  readonly nowMs: number;
  /**
   * Called during the work, and awaited, so that a page can draw. `done` and `total` count messages in
   * the step `messages`, and hashed bytes in the step `files`.
   */
  readonly onProgress: (
    step: "messages" | "files",
    done: number,
    total: number,
  ) => void | Promise<void>;
}

/** A message whose header, and whose body where it has one, are proven. */
export interface Proven extends Received {
  readonly at: number;
  readonly serverMs: number;
}

/** Everything but what the messages say. */
export interface ProvenLog {
  readonly manifest: ExportManifest;
  readonly trust: PassingJudge;
  readonly proven: readonly Proven[];
  readonly gaps: readonly ProofGap[];
  readonly witnesses: ReadonlyMap<PersonId, number>;
  readonly problems: ProofProblem[];
  /** Files by the id of their attachment. */
  readonly files: ReadonlyMap<string, NamedFile>;
}

export interface NamedFile {
  readonly name: string;
  readonly part: Blob;
}

/** Everything in the file is of another department's root, or forged. */
class OtherRoot extends BadPart {}

/**
 * Rejects with `export_invalid` for what is no such file, with the detail `root` where the root signed
 * nothing in it, and with `export_too_large`.
 */
export async function proveLog(file: Blob, verifier: Verifier): Promise<ProvenLog> {
  try {
    return await prove(file, verifier);
  } catch (error) {
    const known = error instanceof BadArchive || error instanceof BadPart;
    // The decoder's, for bytes that are no UTF-8.
    if (!known && !(error instanceof TypeError)) throw error;
    const reason = error.message;
    const details: Readonly<Record<string, string>> =
      error instanceof OtherRoot ? { reason, root: "other" } : { reason };
    throw failure("export_invalid", { details, cause: error });
  }
}

async function prove(file: Blob, verifier: Verifier): Promise<ProvenLog> {
  const entries = await openArchive(file);
  const files = filesOf(entries);
  const manifest = readManifest(await textOf(entries.get(PARTS.manifest)));
  const log = entries.get(PARTS.log);
  const trustPart = entries.get(PARTS.trust);
  if (log === undefined || trustPart === undefined) throw new BadPart("a part is missing");
  const records = readTrust(await textOf(trustPart));
  const problems: ProofProblem[] = [];
  for (const [part, named] of [
    [log, manifest.log],
    [trustPart, manifest.trust],
  ] as const)
    if ((await hashOf(part)) !== named)
      problems.push(ofFile("a part is not the one that the manifest names"));
  const trust = await trustOf(records, verifier);
  const walk = new Walk(manifest, trust, await knownOf(manifest, records, trust), problems);
  for await (const text of linesOf(log)) {
    await walk.take(readLine(text), verifier.nowMs);
    await verifier.onProgress("messages", walk.taken, manifest.last - manifest.first + 1);
  }
  walk.end();
  return {
    ...{ manifest, trust, problems },
    ...{ proven: walk.proven, gaps: walk.gaps, witnesses: walk.witnesses },
    files,
  };
}

/** An attachment has one file: otherwise a foreign one hides behind a proven one. */
function filesOf(entries: ReadonlyMap<string, Blob>): ReadonlyMap<string, NamedFile> {
  const files = new Map<string, NamedFile>();
  for (const [name, part] of entries) {
    if (!name.startsWith("files/")) continue;
    const id = name.slice(6, 38);
    if (files.has(id)) throw new BadPart("two files of one attachment");
    files.set(id, { name, part });
  }
  return files;
}

class Walk {
  readonly proven: Proven[] = [];
  readonly gaps: ProofGap[] = [];
  readonly witnesses = new Map<PersonId, number>();
  readonly #manifest: ExportManifest;
  readonly #trust: PassingJudge;
  readonly #known: KnownRecords;
  readonly #problems: ProofProblem[];
  /** L by position. */
  readonly #log = new Map<number, Bytes>();
  readonly #accepted = new Map<string, AcceptedHeader>();
  readonly #messages = new Set<MessageId>();
  /** H(header ‖ signature) of each line so far. */
  readonly #lines = new Set<string>();
  readonly #devices = new Set<DeviceId>();
  #next: number;
  #floor = 0;

  constructor(
    manifest: ExportManifest,
    trust: PassingJudge,
    known: KnownRecords,
    problems: ProofProblem[],
  ) {
    this.#manifest = manifest;
    this.#trust = trust;
    this.#known = known;
    this.#problems = problems;
    this.#next = manifest.first;
    this.#log.set(manifest.first - 1, manifest.before);
  }

  get taken(): number {
    return this.#next - this.#manifest.first;
  }

  async take(line: LogLine, nowMs: number): Promise<void> {
    const { at } = line;
    if (at !== this.#next || at > this.#manifest.last)
      throw new BadPart(`position ${String(this.#next)} is missing, or not in its place`);
    this.#next++;
    const bare = "hash" in line;
    const headerHash = bare ? line.hash : hash(line.message.subarray(0, SIGNED_HEADER_BYTES));
    const before = this.#log.get(at - 1) ?? this.#manifest.before;
    this.#log.set(at, nextLogHash(before, headerHash));
    const named = toHex(headerHash);
    try {
      if (this.#lines.has(named)) throw new Refused("R5", "one message twice");
      if (bare) this.#gap(at, line.why);
      else await this.#judge(line, nowMs);
    } catch (error) {
      if (!(error instanceof Refused)) throw error;
      const { rule, message } = error;
      this.#problems.push({ at, rule, reason: message.replace(/^[A-Z]\d+: /u, "") });
    }
    this.#lines.add(named);
  }

  end(): void {
    if (this.#next <= this.#manifest.last)
      throw new BadPart(`position ${String(this.#next)} is missing`);
  }

  #gap(at: number, why: ProofGap["why"]): void {
    const last = this.gaps.at(-1);
    if (last?.to === at - 1 && last.why === why) this.gaps.splice(-1, 1, { ...last, to: at });
    else this.gaps.push({ from: at, to: at, why });
  }

  async #judge(line: Extract<LogLine, { key: Bytes | null }>, nowMs: number): Promise<void> {
    const { at, serverMs, message, key } = line;
    const known = this.#known.conversation({
      key,
      floor: this.#floor,
      logHash: (position) => this.#log.get(position) ?? null,
      accepted: this.#accepted,
    });
    const received = await receive(message, known, this.#trust.judge, at, nowMs);
    const { header, leaf, log, plaintext } = received;
    const messageId = idOf<MessageId>(header.message);
    const device = idOf<DeviceId>(header.sender);
    // Phones go by the header of a deletion alone, and refuse any other content that contradicts it.
    if (plaintext !== null && header.kind !== MESSAGE_KIND.deletion)
      if (!isDeclared(header, decodeContent(plaintext)))
        throw new Refused("R7", "another kind than the header says");
    // The log hash of a sender that had seen nothing of the file confirms nothing; the sender's chain does.
    if (this.#devices.has(device) && !this.#lines.has(toHex(header.previous)))
      throw new Refused("R5", "an earlier message of its sender is left out, or moved");
    if (log === "differs") throw new Refused("R4", "its sender saw another log than this file has");
    if (this.#messages.has(messageId)) throw new Refused("R5", "one message twice");
    this.#messages.add(messageId);
    this.#devices.add(device);
    this.#accepted.set(chainName(device, header.seq), acceptedHeader(header));
    this.#floor = Math.max(this.#floor, header.epoch);
    if (log === "agrees" && header.logPosition >= this.#manifest.first)
      this.witnesses.set(
        leaf.person,
        Math.max(header.logPosition, this.witnesses.get(leaf.person) ?? 0),
      );
    this.proven.push({ ...received, at, serverMs });
  }
}

interface KnownAtPosition {
  readonly key: Uint8Array | null;
  readonly floor: number;
  readonly logHash: (position: number) => Uint8Array | null;
  readonly accepted: ReadonlyMap<string, AcceptedHeader>;
}

/** The heads, proofs and key records of a file, each checked once. */
class KnownRecords {
  readonly #conversation: Bytes;
  readonly #heads: ReadonlyMap<number, RosterHead>;
  readonly #proofs: ReadonlyMap<string, Uint8Array>;
  readonly #keys: ReadonlyMap<KeyId, ConversationKey>;
  readonly #listed = new Map<string, Listed>();

  constructor(
    conversation: Bytes,
    heads: ReadonlyMap<number, RosterHead>,
    proofs: ReadonlyMap<string, Uint8Array>,
    keys: ReadonlyMap<KeyId, ConversationKey>,
  ) {
    this.#conversation = conversation;
    this.#heads = heads;
    this.#proofs = proofs;
    this.#keys = keys;
  }

  conversation({ key, floor, logHash, accepted }: KnownAtPosition): KnownConversation {
    return {
      conversation: this.#conversation,
      people: null,
      newcomer: true,
      head: (epoch) => this.#heads.get(epoch) ?? null,
      listed: (epoch, device) => this.#leaf(epoch, device),
      record: (keyId) => this.#keys.get(keyId) ?? null,
      secret: () => null,
      sharedBodyKey: () => key,
      logHash,
      highestEpoch: () => floor,
      accepted: (device, seq) => accepted.get(chainName(device, seq)) ?? null,
      acceptedBefore: () => true,
    };
  }

  #leaf(epoch: number, device: DeviceId): Listed | null {
    const name = proofName(epoch, device);
    const known = this.#listed.get(name);
    if (known !== undefined) return known;
    const head = this.#heads.get(epoch);
    const proof = this.#proofs.get(name);
    if (head === undefined || proof === undefined) return null;
    const listed = checkProof(head, device, proof, "R2");
    this.#listed.set(name, listed);
    return listed;
  }
}

async function knownOf(
  manifest: ExportManifest,
  records: ProvingRecords,
  trust: PassingJudge,
): Promise<KnownRecords> {
  const conversation = fromHex(manifest.conversation);
  const heads = new Map<number, RosterHead>();
  for (const bytes of records.heads)
    await unlessRefused(async () => {
      const head = RosterHeadFormat.parse(bytes);
      await checkHead(head, trust.authorityOf(head.epoch), conversation);
      if (!heads.has(head.epoch)) heads.set(head.epoch, head);
    });
  const proofs = new Map<string, Uint8Array>();
  for (const { epoch, proof } of records.proofs) {
    const name = proofName(epoch, deviceInProof(proof));
    if (!proofs.has(name)) proofs.set(name, proof);
  }
  const keys = new Map<KeyId, ConversationKey>();
  for (const bytes of records.keys)
    await unlessRefused(() => {
      const record = ConversationKeyFormat.parse(bytes, "R6");
      keys.set(idOf(record.hash), record);
    });
  return new KnownRecords(conversation, heads, proofs, keys);
}

/** By the pinned root; the file's records and this device's together. */
async function trustOf(records: ProvingRecords, verifier: Verifier): Promise<PassingJudge> {
  const { rootKey, departments, issuingKeys } = verifier.department;
  const all: Department[] = [...departments];
  for (const bytes of records.departments)
    await unlessRefused(async () => {
      const record = DepartmentFormat.parse(bytes);
      await DepartmentFormat.verify(record, rootKey);
      if (!all.some((one) => equalBytes(one.hash, record.hash))) all.push(record);
    });
  if (all.length === 0)
    throw new OtherRoot("the root of this department did not sign the file's department record");
  const bundles = new Map<PersonId, PersonTrust>();
  const add = (personId: PersonId, one: Pick<PersonTrustRow, "devices" | KeptKind>): void => {
    const known = bundles.get(personId);
    const both = (a: readonly Uint8Array[] = [], b: readonly Uint8Array[] = []): Uint8Array[] => [
      ...new Map([...a, ...b].map((bytes) => [toHex(bytes), bytes])).values(),
    ];
    bundles.set(personId, {
      personId,
      devices: both(known?.devices, one.devices === null ? [] : [one.devices]),
      certificates: both(known?.certificates, one.certificates),
      cards: both(known?.cards, one.cards),
      endorsements: both(known?.endorsements, one.endorsements),
      grants: both(known?.grants, one.grants),
      revocations: both(known?.revocations, one.revocations),
      keys: [],
    });
  };
  const people = records.people.map(({ person }) => person);
  // This device's come first: cards and lists of devices follow one another.
  for (const row of await verifier.recordsOf(people)) add(row.personId, row);
  for (const one of records.people) add(one.person, one);
  return judgeOf(
    {
      rootKey,
      departments: all.sort((a, b) => a.number - b.number),
      issuingKeys: [...issuingKeys, ...records.issuing],
    },
    [...bundles.values()],
  );
}

/** A record that does not verify is left out, and every message that rests on it then fails. */
async function unlessRefused(take: () => void | Promise<void>): Promise<void> {
  try {
    await take();
  } catch (error) {
    if (!(error instanceof Refused)) throw error;
  }
}

export function ofFile(reason: string): ProofProblem {
  return { at: null, rule: "file", reason };
}

function chainName(device: DeviceId, seq: number): string {
  return `${device}/${String(seq)}`;
}

function proofName(epoch: number, device: DeviceId): string {
  return `${String(epoch)}/${device}`;
}

/**
 * An entry of kind "sealed": a message for every cell (docs/protocol.md, "Receiving a sealed
 * message"). Any failure shows nothing and keeps the cause; those that mean that the DS shows
 * different people different things stop the conversation.
 */
import { sha256 } from "@noble/hashes/sha2.js";
import { TAG } from "../cells/format.ts";
import { kemOfSuite } from "../cells/kem.ts";
import { parseSeal, parseSignedHeader } from "../cells/message.ts";
import { checkMessage, readMessage } from "../cells/open.ts";
import type { Checked, Receiver, Sender } from "../cells/open.ts";
import { CellRefused, type CellRefusal } from "../cells/refused.ts";
import { isCheckFailed } from "../check-failed.ts";
import type { Work } from "../conversation.ts";
import { loadMessage, notice, noticeMessage } from "../messages.ts";
import { concat, toHex } from "../octets.ts";
import { provenCell } from "../roster/proofs.ts";
import { learnKeys, newestEpoch } from "../several_cells/cell_keys.ts";
import { keysHeld } from "../several_cells/good_keys.ts";
import { keyDue } from "../several_cells/key_due.ts";
import { acceptHeader } from "../several_cells/own_chain.ts";
import { forgetFormerSeed, seedsFor } from "../several_cells/own_key.ts";
import { headAt, renewRoster } from "../several_cells/roster_part.ts";
import { Alarm } from "../stops.ts";
import { parseCertificate } from "../trust/certificate.ts";
import { platformEd25519 } from "../trust/ed25519.ts";
import { unpack } from "../unpack.ts";
import type { LogEntry, SealedPayload } from "../wire.ts";
import type { Receiving } from "./receiving.ts";
import { takeBack, takeIn } from "./received.ts";
import { isElsewhere, isOfBefore, perhapsBeforeJoining, putWaiting } from "./waiting.ts";

/** Pages of the log that are looked through for what a gap lacks. */
const FILL_PAGES = 5;
const PAGE = 200;

/** What of an entry a sealed message is judged with. */
export type SealedEntry = Pick<
  LogEntry,
  "conversationId" | "entryId" | "seq" | "sender" | "sentMs" | "payload"
>;

/** `filling`: found while a gap is filled, which begins no search of its own. */
export async function applySealed(
  receiving: Receiving,
  entry: LogEntry,
  filling = false,
): Promise<void> {
  const { context, conversation, work } = receiving;
  // Not in yet: nothing here is for this device.
  if (work.heads === null) return;
  forgetFormerSeed(work, entry.sentMs);
  if (!filling) countSealed(receiving);
  if (entry.sender === context.account().clientId) return takeBackSealed(receiving, entry);
  const message = await judged(receiving, entry, async () => {
    const payload = readPayload(entry.payload);
    return { payload, checked: await check(receiving, entry, payload, true) };
  });
  if (message === null) return;
  const { payload, checked } = message;
  const { clientId } = checked.sender;
  if (checked.continuation.kind === "gap") {
    const last = await conversation.sender(work, clientId);
    if (!filling && last !== null) await fill(receiving, entry, last.logSeq);
    const now = await conversation.sender(work, clientId);
    if (now !== null && now.seq === checked.header.seq - 1) {
      if (now.hash !== checked.header.prev) throw new Alarm("chain_broken", null);
    } else work.put(gapBefore(entry));
  }
  await open(receiving, entry, payload, checked);
  work.senders.set(clientId, { clientId, ...checked.place, logSeq: entry.seq });
}

/** One more under the keys of this epoch, whoever sent it: it may have been the last one. */
function countSealed({ context, conversation, listener, work }: Receiving): void {
  work.set({ sealedInEpoch: (work.record.sealedInEpoch ?? 0) + 1 });
  const { group, record } = work;
  const { clientId } = context.account();
  if (group === null || keyDue(record, group, clientId, context.serverNow()) !== "rotate") return;
  work.afterwards.push(() => listener.onHandshake(conversation));
}

/** Open a checked message, or keep it until it can be opened. */
async function open(
  receiving: Receiving,
  entry: SealedEntry,
  payload: SealedPayload,
  checked: Checked,
): Promise<void> {
  const { group, record } = receiving.work;
  const { seal } = payload;
  const { work } = receiving;
  if (isOfBefore(work, entry, seal, checked.header.rosterEpoch)) return;
  const elsewhere = seal !== null && isElsewhere(record, seal);
  if (seal === null) return putWaiting(work, entry);
  await judged(receiving, entry, async () => {
    if (elsewhere) {
      // Nothing of our cell has changed that this device has not looked at: it is not ours.
      if (receiving.live && group !== null && record.rosterStale !== true) throw wrongCell();
      // Our cell was given up while this device was away, perhaps: its place is in that one now.
      return putWaiting(work, entry, true);
    }
    const plaintext = await readSealed(work, checked, seal);
    if (plaintext !== null) return take(receiving, entry, checked, plaintext);
    // Not in yet: it may be for the epoch that lets this device in. In since later: it is not.
    const outside = work.group === null;
    if (!outside && entry.seq <= work.record.joinedSeq) return;
    if (outside || (await opensLater(receiving, entry, checked, seal))) putWaiting(work, entry);
    if (!outside && perhapsBeforeJoining(work.record, entry)) {
      // The other seal may have come before this entry was read.
      work.afterwards.push(() => receiving.listener.onSealAwaited(receiving.conversation));
    }
  });
}

/**
 * Steps 1 to 4 and 6 to 9 of a message that waited. True when it is opened, or never will be.
 * `late`: its seal is the one that came after the entry, and no other will.
 */
export async function applyWaiting(
  receiving: Receiving,
  entry: SealedEntry,
  late: boolean,
): Promise<boolean> {
  const { work } = receiving;
  const settled = await judged(receiving, entry, async () => {
    const payload = readPayload(entry.payload);
    if (payload.seal === null) return false;
    const checked = await check(receiving, entry, payload, false);
    const plaintext = await readSealed(work, checked, payload.seal);
    // Sealed for those who were in before this device came.
    const before = work.group !== null && entry.seq <= work.record.joinedSeq;
    if (plaintext === null && before && !late) return true;
    if (plaintext === null)
      return !(await opensLater(receiving, entry, checked, payload.seal, late));
    await take(receiving, entry, checked, plaintext);
    return true;
  });
  return settled ?? true;
}

/** The log has said nothing of a move to the cell of this message's seal. */
export function refuseElsewhere({ work }: Receiving, entry: SealedEntry): void {
  if (entry.seq > work.record.joinedSeq) refuse(work, entry, wrongCell().code);
}

function wrongCell(): CellRefused {
  return new CellRefused("wrong_cell", "the seal is for another cell");
}

async function take(
  receiving: Receiving,
  entry: SealedEntry,
  { sender }: Checked,
  plaintext: Uint8Array,
): Promise<void> {
  const { context, conversation } = receiving;
  // An id that is taken is the DS's fault: it must not put one message in the place of another.
  const taken = await loadMessage(context.vault, conversation.id, entry.entryId);
  if (taken !== null) throw new CellRefused("already_received", "a message of this id is here");
  await takeIn(receiving, entry, sender.personId, plaintext);
}

/** Run a step of judging; a refusal is recorded and gives null. */
async function judged<T>(
  { work }: Receiving,
  entry: SealedEntry,
  step: () => Promise<T>,
): Promise<T | null> {
  try {
    return await step();
  } catch (error) {
    if (!(error instanceof CellRefused)) throw error;
    if (error.alarm) throw new Alarm(error.code, error);
    if (error.code !== "already_received") refuse(work, entry, error.code);
    return null;
  }
}

function refuse(
  work: Work,
  { seq, sender }: Pick<SealedEntry, "seq" | "sender">,
  code: CellRefusal,
): void {
  const count = (work.record.refused?.count ?? 0) + 1;
  work.set({ refused: { count, code, seq, sender } });
}

function readPayload(bytes: Uint8Array): SealedPayload {
  let payload: Partial<SealedPayload> | null;
  try {
    payload = unpack(bytes) as Partial<SealedPayload> | null;
  } catch (error) {
    throw new CellRefused("malformed", "the payload cannot be read", error);
  }
  const { sealed, seal, certificate, proof, body } = payload ?? {};
  const given = [sealed, certificate, proof, body];
  if (
    !given.every((one) => one instanceof Uint8Array) ||
    !(seal === null || seal instanceof Uint8Array)
  )
    throw new CellRefused("malformed", "the payload has other fields");
  return payload as SealedPayload;
}

async function check(
  receiving: Receiving,
  entry: SealedEntry,
  payload: SealedPayload,
  byChain: boolean,
): Promise<Checked> {
  const { context, conversation, work } = receiving;
  const ed25519 = await platformEd25519();
  const receiver: Receiver = {
    conversationId: conversation.id,
    cellId: work.record.cellId,
    kem: kemOfSuite(work.record.suite),
    atMs: entry.sentMs,
    sender: (hash, epoch, atMs) => senderOf(receiving, payload, hash, epoch, atMs),
    async roster(epoch) {
      const at = await headAt(context, work, epoch);
      return at && { hash: at.head.hash, supersededMs: at.supersededMs };
    },
    last: (clientId) => (byChain ? conversation.sender(work, clientId) : Promise.resolve(null)),
    seed: () => Promise.resolve(null),
    verify: (publicKey, message, signature) => ed25519.verify(publicKey, message, signature),
  };
  const { sealed, body } = payload;
  const checked = await checkMessage({ sealed, body, seal: payload.seal }, receiver);
  if (checked.header.messageId !== entry.entryId)
    throw new CellRefused("malformed", "the entry has another id than its message");
  if (checked.sender.clientId !== entry.sender)
    throw new CellRefused("sender_refused", "the entry names another sender");
  return checked;
}

async function senderOf(
  { context, work }: Receiving,
  { certificate, proof }: SealedPayload,
  certificateHash: string,
  rosterEpoch: number,
  atMs: number,
): Promise<Sender | "refused" | "not_in_roster"> {
  if (toHex(sha256(certificate)) !== certificateHash) return "refused";
  try {
    const { publicKey } = parseCertificate(certificate);
    const identity = await context.checker().checkClient(certificate, publicKey, atMs);
    const at = await headAt(context, work, rosterEpoch);
    if (at === null) throw new CellRefused("roster_unknown", "no such roster epoch");
    const { leaves, root } = at.head;
    if (provenCell(proof, certificateHash, leaves, root) === null) return "not_in_roster";
    return { personId: identity.personId, clientId: identity.clientId, publicKey };
  } catch (error) {
    if (isCheckFailed(error)) return "refused";
    throw error;
  }
}

/** The plaintext; null when no seed that is held opens the seal. */
async function readSealed(
  work: Work,
  checked: Checked,
  seal: Uint8Array,
): Promise<Uint8Array | null> {
  const { cellId } = work.record;
  const { keyId } = parseSeal(seal, checked.header.kem);
  const known = keysHeld(work.keys).get(cellId) ?? null;
  for (const { seed } of await seedsFor(work, known, keyId)) {
    try {
      return await readMessage(checked, seal, { cellId, seed: () => Promise.resolve(seed) });
    } catch (error) {
      if (!(error instanceof CellRefused) || error.code !== "seal_broken") throw error;
    }
  }
  return null;
}

/**
 * A seal that no held seed opens: for an epoch of our cell that the log has still to bring (a late
 * seal), for the one before this device came in, whose sender makes another one, or broken. What it
 * is, our cell's own key record says. That an epoch is still to come, the DS may say with a record
 * that is refused, as one is that has become old or whose signer has gone: only waiting comes of it.
 */
async function opensLater(
  { context, conversation, work }: Receiving,
  entry: SealedEntry,
  { header }: Checked,
  seal: Uint8Array,
  late = false,
): Promise<boolean> {
  const { group } = work;
  if (group === null) return true;
  const own = () => keysHeld(work.keys).get(group.cellId);
  const { keyId } = parseSeal(seal, header.kem);
  // Of many that wait none asks again.
  if (newestEpoch(work) > group.epoch) return true;
  // A record of our epoch does not say that there is none of a later one.
  if (own()?.keyId !== keyId || own()?.epoch !== group.epoch) await learnKeys(context, work);
  if (newestEpoch(work) > group.epoch) return true;
  const key = own();
  // A key of before this device came in says nothing of the seal.
  if (keyId === key?.keyId && key.epoch === group.epoch)
    throw new CellRefused("seal_broken", "the seal is for our key and does not open");
  if (!late && perhapsBeforeJoining(work.record, entry)) return true;
  // Our cell was given up, and its records with it: the log is about to bring its last epochs.
  if (!(await renewRoster(context, conversation, work))) return true;
  // Sealed to an epoch that is not held and will not come.
  if (entry.seq > work.record.joinedSeq) refuse(work, entry, "key_unknown");
  return false;
}

/** One of this device's own: it may be of before a loss of state. */
async function takeBackSealed(receiving: Receiving, entry: LogEntry): Promise<void> {
  await judged(receiving, entry, async () => {
    const header = parseSignedHeader(readPayload(entry.payload).sealed);
    const { signaturePublicKey } = receiving.context.account();
    const ed25519 = await platformEd25519();
    const signed = concat(TAG.message, header.unsigned);
    if (!(await ed25519.verify(signaturePublicKey, signed, header.signature)))
      throw new CellRefused("bad_signature", "not this device's own");
    acceptHeader(receiving.work, header, entry.seq);
  });
  await takeBack(receiving, entry);
}

/** Look in the log for the messages of this sender that did not come. */
async function fill(receiving: Receiving, entry: LogEntry, after: number): Promise<void> {
  const { context, conversation } = receiving;
  let from = after;
  for (let page = 0; page < FILL_PAGES; page++) {
    const { entries, more } = await context.api.log(conversation.id, from, PAGE);
    for (const one of entries) {
      if (one.seq >= entry.seq) return;
      if (one.kind === "sealed" && one.sender === entry.sender)
        await applySealed(receiving, one, true);
    }
    const last = entries.at(-1);
    if (!more || last === undefined) return;
    from = last.seq;
  }
}

function gapBefore({ conversationId, entryId, seq, sentMs }: LogEntry) {
  const place = { seq, order: seq - 0.5, sentMs };
  return noticeMessage(conversationId, `${entryId}.gap`, place, notice("gap"));
}

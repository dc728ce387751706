/**
 * The newest state as the server hands it out with the conversation, outside the log's order: a new
 * device knows the conversation's name at once, also where the log no longer keeps the message or
 * the device's history begins later. Then k alone is shared (H3).
 *
 * R1 to R4 and R6, R7 are checked as for every message but its place in log and chain; R6 as long as the
 * server keeps the key's record.
 */
import type { Conversation } from "../conversation/conversation.ts";
import type { UnitOfWork } from "../conversation/unit-of-work.ts";
import type { DeviceContext } from "../context.ts";
import { decodeContent } from "../kinds/content.ts";
import { hash } from "../keys/format/hashing.ts";
import { idOf, type DeviceId, type KeyId } from "../ids.ts";
import { HeaderFormat, bodyKey, openBody, parseMessage } from "../keys/message.ts";
import type { Header, Message } from "../keys/message.ts";
import { Refused, refuseUnless } from "../keys/format/refused.ts";
import { equalBytes, fromHex } from "../octets.ts";
import { mayAdminister, type Leaf } from "../keys/roster/leaf.ts";
import type { LogEntry } from "../wire.ts";
import { checkRecord } from "../keys/receive.ts";
import type { RosterHead } from "../keys/roster/head.ts";
import type { HeldKey } from "../conversation/conversation-keys.ts";
import { floorOf } from "./floors.ts";
import { findKey, senderOf } from "./judge.ts";
import { applyState } from "../messages/state.ts";

interface Judged {
  readonly message: Message;
  readonly leaf: Leaf;
}

/**
 * Take over the state, if it opens here and is newer. The header whose k is missing otherwise: ask
 * for it and call again with it. Inside the queue.
 */
export async function takeState(
  context: DeviceContext,
  conversation: Conversation,
  work: UnitOfWork,
  entry: LogEntry,
  k: Uint8Array | null,
): Promise<Header | null> {
  const known = work.record.profile;
  if (known !== null && known.seq >= entry.seq) return null;
  try {
    const judged = await judgeState(context, conversation, work, entry);
    const { header } = judged.message;
    const own = await secretOf(context, conversation, work, header);
    const secret = k ?? own;
    if (secret === null) return header;
    const content = decodeContent(await openBody(judged.message, secret));
    if (content.kind !== "state") return null;
    await applyState(context, work, content, {
      messageId: idOf(header.message),
      position: entry.seq,
      sentMs: entry.sentMs,
      leaf: judged.leaf,
      header,
      k: secret,
    });
  } catch (error) {
    // Nothing is shown of what a check refuses; the log or the next state will tell better.
    if (!(error instanceof Refused)) throw error;
  }
  return null;
}

async function judgeState(
  context: DeviceContext,
  conversation: Conversation,
  work: UnitOfWork,
  entry: LogEntry,
): Promise<Judged> {
  const message = parseMessage(entry.message, fromHex(conversation.id));
  const { header, body } = message;
  const { heads } = conversation;
  const head = await heads.require(work, header.epoch);
  refuseUnless(equalBytes(head.hash, header.head), "R4", "another roster head");
  const sender = idOf<DeviceId>(header.sender);
  const floor = await floorOf(conversation, work, entry.seq);
  const { leaf } = await senderOf(conversation, work, header, floor);
  refuseUnless(mayAdminister(leaf), "R2", "the sender is no admin");
  await context.trust.ensure([leaf.person]);
  const certificate = await context.trust.confirmedCertificate(
    leaf.person,
    sender,
    header.sent,
    "R2",
  );
  await HeaderFormat.verify(header, certificate.publicKey);
  refuseUnless(equalBytes(hash(body), header.body), "R3", "not the body that was signed");
  return { message, leaf };
}

/** k by S; null: S is missing here. */
async function secretOf(
  context: DeviceContext,
  conversation: Conversation,
  work: UnitOfWork,
  header: Header,
): Promise<Uint8Array | null> {
  let key: HeldKey;
  try {
    key = await findKey(context, conversation, work, idOf<KeyId>(header.key));
  } catch (error) {
    // The server keeps the record no longer: k is asked for instead.
    if (error instanceof Refused) return null;
    throw error;
  }
  const found = new Map<number, RosterHead>();
  for (const epoch of [header.epoch, key.record.epoch])
    found.set(epoch, await conversation.heads.require(work, epoch));
  const now = context.time.now() ?? context.now();
  checkRecord(key.record, header, { head: (epoch) => found.get(epoch) ?? null }, now);
  return key.secret === null ? null : bodyKey(header, key.secret);
}

/**
 * S2: which conversation key a message may be encrypted under. The author of the key must be
 * confirmed, and was listed when it made it; the proof is asked for once and kept.
 */
import type { Conversation } from "../conversation/conversation.ts";
import type { DeviceContext } from "../context.ts";
import { compareBytes } from "../keys/compare.ts";
import { ConversationKeyFormat } from "../keys/conversation-key.ts";
import { idOf } from "../keys/ids.ts";
import type { DeviceId } from "../keys/ids.ts";
import { Refused, refuseUnless } from "../keys/refused.ts";
import { DAY_MS, isYoung } from "../keys/times.ts";
import { equalBytes } from "../octets.ts";
import type { RosterHead } from "../rosters/head.ts";
import type { HeldKey } from "../secrets/conversation-keys.ts";
import { KEY_MESSAGES } from "../wire.ts";

/** The newest usable key that this device can open; null: none here. `without`: refused ones. */
export async function usableKey(
  context: DeviceContext,
  conversation: Conversation,
  head: RosterHead,
  without: ReadonlySet<string>,
): Promise<HeldKey | null> {
  const held = (await conversation.keys.newest()).filter(
    (key) => key.secret !== null && !without.has(key.keyId),
  );
  for (const key of [...held].sort(newestFirst)) {
    try {
      await requireUsable(context, conversation, key, head);
      return key;
    } catch (error) {
      if (!(error instanceof Refused)) throw error;
    }
  }
  return null;
}

/** By roster epoch, created, key id. */
function newestFirst(a: HeldKey, b: HeldKey): number {
  const { record: one } = a;
  const { record: other } = b;
  return (
    other.epoch - one.epoch ||
    other.created - one.created ||
    compareBytes(other.hash, one.hash)
  );
}

async function requireUsable(
  context: DeviceContext,
  conversation: Conversation,
  key: HeldKey,
  head: RosterHead,
): Promise<void> {
  const { record, firstSeq } = key;
  const inTime = head.rekeyEpoch <= record.epoch && record.epoch <= head.epoch;
  refuseUnless(inTime, "S2", "made before a removal");
  const used = firstSeq === null ? 0 : (conversation.record.log?.cursor ?? 0) - firstSeq + 1;
  const fresh = isYoung(record.created, context.time.requireNow(), DAY_MS);
  refuseUnless(fresh && used < KEY_MESSAGES, "S2", "older than 24 h, or used up");
  const author = idOf<DeviceId>(record.author);
  const { device, personId } = context.identity();
  // What this device signed it made while it was listed.
  const person =
    author === device ? personId : await authorsPerson(context, conversation, key);
  await context.trust.ensure([person]);
  const now = context.time.requireNow();
  const certificate = await context.trust.confirmedCertificate(person, author, now, "S2");
  await ConversationKeyFormat.verify(record, certificate.publicKey);
}

/** The person of the author's leaf under the record's own head. */
async function authorsPerson(
  context: DeviceContext,
  conversation: Conversation,
  key: HeldKey,
): Promise<string> {
  const { record, keyId } = key;
  const author = idOf<DeviceId>(record.author);
  if (key.authorProof !== null) {
    const head = await conversation.heads.find(null, record.epoch);
    if (head !== null) return conversation.heads.prove(head, author, key.authorProof).leaf.person;
  }
  const answer = await context.api.key(conversation.id, keyId);
  return conversation.change(async (work) => {
    const head =
      answer.head === null
        ? await conversation.heads.require(work, record.epoch)
        : await conversation.heads.take(work, answer.head);
    const same = head.epoch === record.epoch && equalBytes(head.hash, record.head);
    refuseUnless(same, "S2", "record of another roster head");
    if (answer.proof === null) throw new Refused("S2", "the author is not listed");
    const { leaf } = conversation.heads.prove(head, author, answer.proof);
    conversation.keys.authorProven(work, key, answer.proof);
    return leaf.person;
  });
}

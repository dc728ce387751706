/**
 * S2: which conversation key a message may be encrypted under, as keys/sender-rules.ts chooses it. This
 * module gathers what the choice lacks: the author's leaf, its proof asked for once and kept, and
 * the author's records.
 */
import type { Conversation } from "../conversation/conversation.ts";
import type { DeviceContext } from "../context.ts";
import { hasCode } from "../failure.ts";
import { idOf, type DeviceId, type KeyId } from "../ids.ts";
import { Refused, refuseUnless } from "../keys/format/refused.ts";
import { newestKeyFirst, requireUsableKey } from "../keys/sender-rules.ts";
import { equalBytes } from "../octets.ts";
import type { Newest } from "../roster/newest.ts";
import type { RosterHead } from "../keys/roster/head.ts";
import type { Listed } from "../keys/roster/proof.ts";
import type { HeldKey } from "../conversation/conversation-keys.ts";

/** The newest usable key that this device can open; null: none here. `without`: refused ones. */
export async function usableKey(
  context: DeviceContext,
  conversation: Conversation,
  newest: Pick<Newest, "head">,
  without: ReadonlySet<KeyId>,
): Promise<HeldKey | null> {
  const { trust, time } = context;
  const { head } = newest;
  const held = (await conversation.keys.newest())
    .filter(
      ({ keyId, record, secret }) =>
        secret !== null && !without.has(keyId) && record.epoch >= head.rekeyEpoch,
    )
    .sort((one, other) => newestKeyFirst(one.record, other.record));
  const cursor = conversation.record.log?.cursor ?? 0;
  for (const key of held) {
    const found = await author(context, conversation, key);
    if (found === null) continue;
    const { person, device } = found.listed.leaf;
    await trust.ensure([person]);
    const nowMs = time.requireNow();
    // Asks the server for what the judgement lacks, once in a while.
    const { confirmed } = await trust.verdict(person, device, nowMs);
    if (confirmed === "no") await context.freshness.renew(person);
    const known = { head: () => found.head, listed: () => found.listed };
    const used = key.firstSeq === null ? 0 : Math.max(0, cursor - key.firstSeq + 1);
    try {
      await requireUsableKey(key.record, { known, judge: trust.judge, newest: head, nowMs }, used);
      return key;
    } catch (error) {
      if (!(error instanceof Refused)) throw error;
    }
  }
  return null;
}

/** The author's leaf under the record's own head; null: it was not listed then. */
async function author(
  context: DeviceContext,
  conversation: Conversation,
  key: HeldKey,
): Promise<{ readonly head: RosterHead; readonly listed: Listed } | null> {
  const { record, authorProof, keyId } = key;
  const device = idOf<DeviceId>(record.author);
  try {
    const held = await conversation.heads.find(null, record.epoch);
    const known = held === null ? null : conversation.heads.known(held, device);
    if (held !== null && known !== null) return { head: held, listed: known };
    if (held !== null && authorProof !== null)
      return { head: held, listed: conversation.heads.prove(held, device, authorProof) };
    const answer = await context.api.keys(conversation.id, { key: keyId });
    return await conversation.change(async (work) => {
      const head =
        answer.head === null
          ? await conversation.heads.require(work, record.epoch)
          : await conversation.heads.takeHead(work, answer.head);
      const same = head.epoch === record.epoch && equalBytes(head.hash, record.head);
      refuseUnless(same, "S2", "record of another roster head");
      if (answer.proof === null) throw new Refused("S2", "the author is not listed");
      const listed = conversation.heads.prove(head, device, answer.proof);
      conversation.keys.authorProven(work, key, answer.proof);
      return { head, listed };
    });
  } catch (error) {
    if (error instanceof Refused || hasCode(error, "not_found")) return null;
    throw error;
  }
}

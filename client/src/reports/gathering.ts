/**
 * The proof of a message of this device's (F1): the bytes of the log and the message's own key.
 *
 * The header and body come from the server's log, which signed bytes cannot lie about; the key is
 * derived from the conversation's, which this device holds, because it opened the message. The device
 * judges the proof before it is sent, so that no moderator is sent one that does not hold.
 */
import type { Conversation } from "../conversation/conversation.ts";
import type { DeviceContext } from "../context.ts";
import { failure } from "../failure.ts";
import { idOf, type KeyId, type MessageId } from "../ids.ts";
import { findKey } from "../inbox/judge.ts";
import { bodyKey, parseEntry } from "../keys/message.ts";
import { PROVEN_MESSAGES, type ProofItem } from "../keys/proof.ts";
import { loadMessage, pageMessages } from "../conversation/messages.ts";
import { fromHex } from "../octets.ts";
import type { EditRecord } from "../mark-records.ts";
import type { MessageRecord } from "../records.ts";

/** Rows that are looked through for messages before the reported one. */
const LOOKED_THROUGH = 40;

/** A message of the log: one that is shown, or the edit of one. */
type Reportable = Pick<MessageRecord, "messageId" | "senderId"> & { readonly seq: number };
type Shown = MessageRecord & { readonly seq: number };

/**
 * The messages that a report would prove, the reported one first. If it was edited, the last edit is
 * first, and the message itself and its other edits are the last ones before it. Throws `not_found`.
 */
export async function reportedMessages(
  { vault }: Pick<DeviceContext, "vault">,
  conversation: Conversation,
  messageId: MessageId,
  before: boolean,
): Promise<readonly Reportable[]> {
  const reported = await loadMessage(vault, conversation.id, messageId);
  if (reported === null || !isReportable(reported) || reported.mine) throw failure("not_found");
  const rows = before
    ? await pageMessages(vault, conversation.id, reported.order, LOOKED_THROUGH)
    : [];
  const edits = (reported.edits ?? []).filter(({ text }) => text !== null);
  const wordings: Reportable[] = [reported, ...edits.map(editOf)];
  const last = wordings.pop() ?? reported;
  const room = PROVEN_MESSAGES - 1 - wordings.length;
  return [last, ...rows.filter(isReportable).slice(0, room).reverse(), ...wordings];
}

function editOf({ markId, personId, position }: EditRecord): Reportable {
  return { messageId: markId, senderId: personId, seq: position };
}

function isReportable(record: MessageRecord): record is Shown {
  const { seq, notice, senderId, content } = record;
  return seq !== null && notice === null && senderId !== null && content !== null;
}

/** Rejects with `network`; throws `not_found` where the log keeps the reported message no more. */
export async function gatherProof(
  context: DeviceContext,
  conversation: Conversation,
  messages: readonly Reportable[],
): Promise<readonly ProofItem[]> {
  const items: ProofItem[] = [];
  for (const message of messages) {
    const item = await gatherOne(context, conversation, message);
    if (item !== null) items.push(item);
    else if (items.length === 0) throw failure("not_found");
  }
  return items;
}

async function gatherOne(
  context: DeviceContext,
  conversation: Conversation,
  { messageId, seq, senderId }: Reportable,
): Promise<ProofItem | null> {
  const { entries } = await context.api.log(conversation.id, { after: seq - 1, limit: 1 });
  const [entry] = entries;
  if (entry === undefined || entry.seq !== seq || senderId === null) return null;
  const { header, body } = parseEntry(entry.message, fromHex(conversation.id));
  if (body === null || idOf<MessageId>(header.message) !== messageId) return null;
  const secret = await conversation.change(async (work) => {
    const held = await findKey(context, conversation, work, idOf<KeyId>(header.key));
    return held.secret;
  });
  if (secret === null) return null;
  return { person: senderId, message: entry.message, k: bodyKey(header, secret) };
}

/** An entry of kind "message": an MLS PrivateMessage of this device's cell. */
import { isCheckFailed } from "../check-failed.ts";
import type { Work } from "../conversation.ts";
import type { CellGroup } from "../mls/types.ts";
import { Alarm, StateLost } from "../stops.ts";
import type { LogEntry } from "../wire.ts";
import type { Receiving } from "./receiving.ts";
import { takeBack, takeIn } from "./received.ts";

/** So many messages in a row that do not decrypt, of two people, mean that the state is broken. */
const BROKEN_AFTER = 3;

export async function applyMessage(receiving: Receiving, entry: LogEntry): Promise<void> {
  const { context, work } = receiving;
  const { clientId, personId } = context.account();
  if (entry.sender === clientId) return takeBack(receiving, entry);
  if (entry.cellId !== work.record.cellId || entry.seq <= work.record.joinedSeq) return;
  const { group } = work;
  if (group === null) return;
  const opened = await decrypt(work, group, entry, personId);
  if (opened !== null) await takeIn(receiving, entry, opened.senderId, opened.plaintext);
}

async function decrypt(
  work: Work,
  group: CellGroup,
  entry: LogEntry,
  ownPersonId: string,
): Promise<{ readonly plaintext: Uint8Array; readonly senderId: string } | null> {
  // The DS takes messages for the current epoch only, so ours must be that epoch here.
  if (entry.epoch !== null && entry.epoch > group.epoch) throw new StateLost("epoch_gap");
  try {
    const { next, plaintext, sender } = await group.decrypt(entry.payload, entry.sentMs);
    if (sender.clientId !== entry.sender) throw new Alarm("sender_mismatch", null);
    work.advance(next);
    if (work.record.undecryptable > 0) work.set({ undecryptable: 0, undecryptableFrom: [] });
    return { plaintext, senderId: sender.personId };
  } catch (error) {
    if (!isCheckFailed(error)) throw error;
    if (error.code === "credential_refused" || error.code === "rule_violated") {
      throw new Alarm(error.code, error);
    }
    // One member's broken messages are that member's fault and show nothing: they must not send
    // everybody out and in again. Several in a row of several people are this device's.
    const undecryptable = work.record.undecryptable + 1;
    const from = new Set([...(work.record.undecryptableFrom ?? []), senderOf(work, entry)]);
    work.set({ undecryptable, undecryptableFrom: [...from] });
    const broken = from.size > 1 || onlyOneOther(group, ownPersonId);
    if (undecryptable >= BROKEN_AFTER && broken) {
      throw new StateLost(error.code, { cause: error });
    }
    return null;
  }
}

/** The person whose client posted an entry, as the roster has it. */
function senderOf({ roster }: Work, { sender }: LogEntry): string {
  const leaf = roster?.leaves().find(({ clientId }) => clientId === sender);
  return leaf?.personId ?? sender ?? "";
}

function onlyOneOther(group: CellGroup, ownPersonId: string): boolean {
  const others = group.members().filter((member) => member.personId !== ownPersonId);
  return new Set(others.map((member) => member.personId)).size <= 1;
}

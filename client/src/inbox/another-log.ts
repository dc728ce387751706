/**
 * R4 where this device reads on: whether the server's log is still the one that it followed. Pure.
 *
 * If it is not, this device goes back under a new Incarnation alone (S8, rewind.ts). Without one it
 * stands still in the conversation: it sends and takes nothing, and shows an alarm, until the log
 * shows the hash again that this device has.
 */
import type { Conversation } from "../conversation/conversation.ts";
import { equalBytes } from "../octets.ts";
import type { LogPage } from "../wire.ts";

/** Whether a page after this device's place continues another log, or one that has lost entries. */
export function continuesAnotherLog({ record }: Conversation, page: LogPage): boolean {
  const { log, own } = record;
  if (log === null) return false;
  if (page.lastSeq < Math.max(log.cursor, own?.seq ?? 0)) return true;
  const [first] = page.entries;
  if (first !== undefined && first.seq !== log.cursor + 1) return false;
  if (first === undefined && page.lastSeq !== log.cursor) return false;
  return !equalBytes(page.logHash, log.hash);
}

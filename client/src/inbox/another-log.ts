/** R4 where this device reads on: whether the server's log is still the one that it followed. Pure. */
import type { Conversation } from "../conversation/conversation.ts";
import { equalBytes } from "../octets.ts";
import type { LogPage } from "../wire.ts";

/** Whether a page after this device's place continues another log. */
export function continuesAnotherLog({ record }: Conversation, page: LogPage): boolean {
  const { log } = record;
  if (log === null) return false;
  if (page.lastSeq < log.cursor) return true;
  const [first] = page.entries;
  if (first !== undefined && first.seq !== log.cursor + 1) return false;
  if (first === undefined && page.lastSeq !== log.cursor) return false;
  return !equalBytes(page.logHash, log.hash);
}

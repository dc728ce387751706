/** Where conversations stand by what the server says when a connection begins. Pure. */
import type { Conversation, Ready } from "./wire.ts";

/** Where the server has a conversation. `receiptsVersion` null: of an older one, not said. */
export interface Stand {
  readonly lastSeq: number;
  readonly deliveredSeq: number;
  readonly readSeq: number;
  readonly receiptsVersion: number | null;
}

/** An older server says of conversations only where their logs end. */
export function saysVersions(ready: Partial<Ready>): boolean {
  return (ready.meVersion ?? "") !== "";
}

/** Where every conversation stands, by its head; by the list where there is none. */
export function standsOf(
  ready: Ready,
  listed: readonly Conversation[] | null,
): ReadonlyMap<string, Stand> {
  const stands = new Map<string, Stand>(
    (listed ?? []).map((info) => [info.conversationId, { ...info, receiptsVersion: null }]),
  );
  for (const head of saysVersions(ready) ? ready.heads : []) stands.set(head.conversationId, head);
  return stands;
}

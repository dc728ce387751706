/**
 * When a holder may pass a secret on (H1 to H3). H6, the recipient's side, is in key-share.ts.
 *
 * Invariant: a share never widens what the signed roster allows: the recipient's leaf is proven
 * under the newest head (S1), and its history_from bounds what it gets.
 */
import type { Leaf } from "./roster/leaf.ts";
import type { RosterHead } from "./roster/head.ts";
import { idOf, type MessageId } from "../ids.ts";
import { KIND_BODY_KEY, KIND_CELL_KEY, type Shareable } from "./key-share.ts";
import { refuseUnless } from "./format/refused.ts";
import { CELL_KEY_SHARED_MS } from "../limits.ts";

/**
 * H1 and H3, under the newest head (S1). `newestState`: the message id of the conversation's newest
 * state; null: it has none.
 */
export function requireShareable(
  one: Shareable,
  newest: RosterHead,
  leaf: Leaf,
  newestState: MessageId | null,
): void {
  // A stamp holds for minutes: its head still lists a device that was removed meanwhile.
  refuseUnless(one.record.epoch <= newest.epoch, "H1", "made under a later roster head");
  if (one.kind === KIND_BODY_KEY) {
    const newest = idOf<MessageId>(one.record.message) === newestState;
    refuseUnless(newest, "H3", "not the newest state");
    return;
  }
  // A key that is older than a cell key may be sealed to it later (S9).
  const begins = leaf.historyFrom + (one.kind === KIND_CELL_KEY ? CELL_KEY_SHARED_MS : 0);
  refuseUnless(one.record.created >= begins, "H3", "from before its history begins");
  // A removed member with another cell's key would read on: their own cell alone is rekeyed.
  const own = one.kind !== KIND_CELL_KEY || idOf(one.record.cell) === leaf.cell;
  refuseUnless(own, "H3", "another cell's key");
}

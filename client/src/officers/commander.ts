/**
 * The simulated head of the force: issues one order to the station that is shown, announces now and then
 * where only admins may write, and answers nobody.
 */
import type { ConversationItem } from "../seam.ts";
import type { LocalCore } from "../create.ts";
import { newId, type MessageId, type UnitId } from "../ids.ts";
import { pause } from "../transport/backoff.ts";
import { ANNOUNCEMENTS, ORDER, fill } from "./lines.ts";
import type { StationOptions } from "./station.ts";

const LOOK_MS = 1_000;

/** Announce until the signal, once there is where. */
export async function announce(
  core: LocalCore,
  { random, signal, everyMs, log }: Pick<StationOptions, "random" | "signal" | "everyMs" | "log">,
): Promise<void> {
  const where = await announcements(core, signal);
  if (where === null) return;
  log("the head of the force is there");
  for (let turn = Math.floor(random() * ANNOUNCEMENTS.length); !signal.aborted; turn++) {
    const text = fill(ANNOUNCEMENTS[turn % ANNOUNCEMENTS.length] ?? "", random);
    await core.messages
      .send(where.conversationId, { kind: "text", text, mentions: [] }, null)
      .catch((error: unknown) => {
        log(`an announcement failed: ${String(error)}`);
      });
    await pause(2 * everyMs * (0.5 + random()), signal);
  }
}

/** The channel where this officer may announce, once the device is in; null: the signal was first. */
async function announcements(
  core: LocalCore,
  signal: AbortSignal,
): Promise<ConversationItem | null> {
  while (!signal.aborted) {
    const found = (await core.conversations.list()).find(
      ({ kind, state, canSend }) => kind === "announcement" && state === "ready" && canSend,
    );
    if (found !== undefined) return found;
    await pause(LOOK_MS, signal);
  }
  return null;
}

/** Issue the first order to a unit below, if this officer heads one above it and has issued none. */
export async function order(core: LocalCore, unitId: UnitId): Promise<void> {
  const below = await core.unitOrders.units();
  const issued = await core.orders.page({ box: "issued" });
  if (issued.orders.length > 0 || !below.some((one) => one.unitId === unitId)) return;
  const [where] = await core.unitOrders.open([unitId]);
  if (where === undefined) return;
  const draft = {
    draftId: newId<MessageId>(),
    template: null,
    conversationId: null,
    unitIds: [unitId],
    order: ORDER,
    sendAtMs: null,
    savedMs: 0,
    filesLost: false,
  } as const;
  await core.unitOrders.issue(draft, [where.conversationId]);
}

/**
 * The devices that must show a message in the end, and the devices that may, from what the server
 * kept: the log, the keys and the signed rosters of every epoch. Nothing of a device is asked.
 */
import type { ConversationId, DeviceId, MessageId } from "#core/ids.ts";
import { newest } from "../memory/rosters.ts";
import type { MemoryServer } from "../memory/server.ts";
import type { ConversationState, KeyState, LogState, RosterAt } from "../memory/state.ts";

export interface AcceptedMessage {
  readonly messageId: MessageId;
  readonly seq: number;
  /** Devices that must have it. */
  readonly due: ReadonlySet<DeviceId>;
  /** Devices that may have it, and nobody else. */
  readonly allowed: ReadonlySet<DeviceId>;
}

/** In the order of the log. */
export function accepted(server: MemoryServer, id: ConversationId): readonly AcceptedMessage[] {
  const conversation = server.conversation(id);
  const rosters = [...conversation.rosters.values()];
  const everybody = new Set(rosters.flatMap(({ leaves }) => [...leaves.keys()]));
  return conversation.log.map((stored) => {
    const key = server.keys.byId(conversation, stored.keyId);
    const due = [...newest(conversation).leaves.keys()].filter((device) =>
      isDue(conversation, stored, key, device),
    );
    const allowed = [...everybody].filter((device) => mayRead(rosters, key, device));
    const { messageId, entry } = stored;
    return { messageId, seq: entry.seq, due: new Set(due), allowed: new Set(allowed) };
  });
}

/**
 * H3 shares a key with a device whose history reaches back to when it was made; the log gives a
 * device what came since.
 */
function isDue(
  conversation: ConversationState,
  { entry, device: sender }: LogState,
  key: KeyState | null,
  device: DeviceId,
): boolean {
  const leaf = newest(conversation).leaves.get(device);
  if (leaf === undefined || key === null) return false;
  if (device === sender) return true;
  return entry.sentMs >= leaf.historyFrom && key.createdMs >= leaf.historyFrom;
}

/**
 * Messages whose key was sealed to a device that was not listed any more when they came: what a
 * removed device could open of what was said after its removal. There are none (D1, S2). Devices that
 * are listed later, with a history that reaches back, may get a late seal (S9).
 */
export function opened(server: MemoryServer, id: ConversationId): readonly string[] {
  const conversation = server.conversation(id);
  return conversation.log.flatMap(({ entry, keyId, acceptedEpoch }) => {
    const key = server.keys.byId(conversation, keyId);
    const listed = conversation.rosters.get(acceptedEpoch)?.leaves;
    const before = [...conversation.rosters.values()].filter(
      ({ head }) => head.epoch < acceptedEpoch,
    );
    return [...(key?.covered ?? [])]
      .filter((device) => listed?.has(device) === false)
      .filter(
        (device) =>
          before.some(({ leaves }) => leaves.has(device)) ||
          !mayRead([...conversation.rosters.values()], key, device),
      )
      .map((device) => `${String(entry.seq)} to ${device.slice(0, 6)}`);
  });
}

/** Whether a device was ever listed, since the key was made or later, with a history that reaches it. */
function mayRead(rosters: readonly RosterAt[], key: KeyState | null, device: DeviceId): boolean {
  if (key === null) return false;
  return rosters.some(({ head, leaves }) => {
    const leaf = leaves.get(device);
    return leaf !== undefined && head.epoch >= key.epoch && key.createdMs >= leaf.historyFrom;
  });
}

import { describe, expect, it } from "vitest";
import { idOf, type DeviceId, type MessageId, type PersonId } from "../ids.ts";
import type { PinRecord } from "../mark-records.ts";
import { mayPin, pinnedBy, withPin } from "./pins.ts";

const [AUTHOR, GATE, RADIO, VESTS, ROLL] = [1, 2, 3, 4, 5].map((n) =>
  idOf<MessageId>(new Uint8Array(16).fill(n)),
) as [MessageId, MessageId, MessageId, MessageId, MessageId];

function at(position: number, messageId: MessageId, pinned = true): PinRecord {
  return {
    ...{ messageId, pinned, position, sentMs: position, signedMs: position, epoch: 1 },
    ...{ personId: AUTHOR as string as PersonId, device: "d" as DeviceId },
  };
}

function all(...pins: readonly PinRecord[]): readonly MessageId[] {
  let kept: readonly PinRecord[] = [];
  for (const pin of pins) kept = withPin(kept, pin);
  return pinnedBy(kept).map(({ messageId }) => messageId);
}

describe("pins", () => {
  it("are the last three by the order of the log, however they were received", () => {
    const pins = [at(5, GATE), at(6, RADIO), at(7, VESTS), at(8, ROLL)] as const;
    expect(all(...pins)).toEqual([ROLL, VESTS, RADIO]);
    expect(all(...pins.toReversed())).toEqual([ROLL, VESTS, RADIO]);
    expect(all(...pins, ...pins)).toEqual([ROLL, VESTS, RADIO]);
    expect(all(at(9, ROLL, false), ...pins)).toEqual([VESTS, RADIO]);
    expect(all(...pins, at(9, RADIO))).toEqual([RADIO, ROLL, VESTS]);
  });

  it("end with an unpin that comes after them", () => {
    expect(all(at(5, GATE), at(6, GATE, false))).toEqual([]);
    expect(all(at(6, GATE), at(5, GATE, false))).toEqual([GATE]);
  });

  it("are bounded: the newest count", () => {
    const many = Array.from({ length: 500 }, (_, n) => at(10 + n, n % 2 === 0 ? GATE : RADIO));
    let kept: readonly PinRecord[] = [at(5, VESTS)];
    for (const pin of many) kept = withPin(kept, pin);
    expect(kept.length).toBeLessThan(100);
    expect(pinnedBy(kept).map(({ messageId }) => messageId)).toEqual([RADIO, GATE]);
  });

  it("are of admins, and of both people in a direct conversation", () => {
    expect(mayPin({ directPersonId: null }, true)).toBe(true);
    expect(mayPin({ directPersonId: null }, false)).toBe(false);
    expect(mayPin({ directPersonId: AUTHOR as string as PersonId }, false)).toBe(true);
  });
});

/** spec/keys/marks.json: plaintexts of marks, and pins (M4) as the reference reads them. */
import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { describe, expect, it } from "vitest";
import type { DeviceId, MessageId, PersonId } from "#core/ids.ts";
import { decodeContent, encodeContent } from "#core/kinds/content.ts";
import type { Mark } from "#core/kinds/mark.ts";
import type { PinRecord } from "#core/mark-records.ts";
import { mayPin, pinnedBy, withPin } from "#core/messages/pins.ts";
import { fromHex, toHex } from "#core/octets.ts";

interface Golden {
  readonly message: MessageId;
  readonly marks: readonly {
    readonly name: string;
    readonly what: Mark;
    readonly plaintext: string;
  }[];
  readonly unreadable: readonly { readonly name: string; readonly plaintext: string }[];
  readonly pins: readonly {
    readonly name: string;
    readonly direct: boolean;
    readonly log: readonly {
      readonly position: number;
      readonly message: MessageId;
      readonly pinned: boolean;
      readonly admin: boolean;
    }[];
    readonly pinned: readonly MessageId[];
  }[];
}

const FILE = fileURLToPath(new URL("../../../spec/keys/marks.json", import.meta.url));
const golden = JSON.parse(readFileSync(FILE, "utf-8")) as Golden;

describe("the plaintext of a mark", () => {
  it.each(golden.marks)("$name", ({ what, plaintext }) => {
    const content = { kind: "mark", messageId: golden.message, what } as const;
    expect(decodeContent(fromHex(plaintext))).toEqual(content);
    expect(toHex(encodeContent(content))).toBe(plaintext);
  });

  it.each(golden.unreadable)("$name is unreadable", ({ plaintext }) => {
    expect(decodeContent(fromHex(plaintext))).toMatchObject({ what: { mark: "unreadable" } });
  });
});

describe("M4 pins", () => {
  it.each(golden.pins)("$name", ({ direct, log, pinned }) => {
    const record = { directPersonId: direct ? ("p" as PersonId) : null };
    let pins: readonly PinRecord[] = [];
    for (const { position, message: messageId, pinned, admin } of log) {
      if (!mayPin(record, admin)) continue;
      const at = { position, sentMs: 1, signedMs: 1, epoch: 1 };
      const by = { personId: "p" as PersonId, device: "d" as DeviceId };
      pins = withPin(pins, { ...at, ...by, messageId, pinned });
    }
    expect(pinnedBy(pins).map(({ messageId }) => messageId)).toEqual(pinned);
  });
});

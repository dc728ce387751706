import type { ClientId, ConversationId, DeviceId, PersonId, UnitId } from "@copconnect/client/wire";
import {
  inEnglish,
  type EncryptionView,
  type MemberItem,
  type MemberDevice,
} from "@copconnect/client/core";
import { expect, it } from "vitest";
import { readersOf } from "./readers.ts";

const VIEW: EncryptionView = {
  conversationId: "c" as ConversationId,
  people: 5,
  unregistered: 1,
  unregisteredPeople: [],
  devices: 4,
  whole: true,
  unconfirmed: [],
  waiting: 0,
  refused: 0,
  rosterEpoch: 1,
  keyAgeMs: null,
  kem: "x-wing",
  historyFromMs: null,
  headCode: null,
};

function member(registered: boolean, ...devices: MemberDevice["confirmed"][]): MemberItem {
  const names = inEnglish("Anjali Reddy");
  return {
    plate: {
      ...{ personId: "p" as PersonId, unitId: "u" as UnitId },
      ...{ names, rank: "SI", post: inEnglish("") },
    },
    admin: false,
    me: false,
    deliveredSeq: 0,
    readSeq: 0,
    registered,
    reads: devices.length > 0 ? "yes" : "no",
    listed: true,
    historyFromMs: null,
    devices: devices.map((confirmed, index) => ({
      device: String(index) as DeviceId,
      clientId: String(index) as ClientId,
      label: null,
      confirmed,
      by: null,
      expiresMs: 0,
    })),
  };
}

it("counts each person once, by what their devices can do, and adds up", () => {
  const members = [
    member(true, "admin", "own_device"),
    member(true, "no", "first"),
    member(true, "no"),
    member(true),
    member(false),
  ];
  const readers = readersOf(VIEW, members);
  expect(readers).toEqual({
    can: 2,
    devices: 3,
    unapproved: 1,
    unconfirmed: 1,
    signedOut: 1,
    unregistered: 1,
  });
  expect(readers.can + readers.unconfirmed + readers.signedOut + readers.unregistered).toBe(5);
});

it("takes the view's numbers where members come without devices", () => {
  expect(readersOf({ ...VIEW, people: 63_000, devices: 62_500 }, [])).toEqual({
    can: 62_999,
    devices: 62_500,
    unapproved: null,
    unconfirmed: 0,
    signedOut: 0,
    unregistered: 1,
  });
});

it("counts the devices that nobody has approved", () => {
  const { devices, unapproved } = readersOf(VIEW, [
    member(true, "admin", "first"),
    member(true, "first"),
  ]);
  expect({ devices, unapproved }).toEqual({ devices: 3, unapproved: 2 });
});

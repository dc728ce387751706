/**
 * PersonDevices (docs/keys.md): all devices of a person, signed by the roster authority, in
 * whichever conversations they are. E1, E4 and E5 judge by the newest.
 *
 * Convention: devices are listed in the order of their registration and former ones stay, because
 * E0 asks which was first and whether all before one are revoked. No device is listed twice.
 */
import { equalBytes, toHex } from "../../octets.ts";
import { ZEROS } from "../format/hashing.ts";
import { idOf, type DeviceId } from "../../ids.ts";
import { RecordFormat, bytes, integer, type Field, type RecordOf } from "../format/record.ts";
import { refuseUnless } from "../format/refused.ts";

const devicesInOrder: Field<readonly Uint8Array[]> = {
  read(reader) {
    const found = Array.from({ length: reader.uint(1) }, () => reader.take(32));
    const once = new Set(found.map(toHex)).size === found.length;
    reader.require(once, "a device is listed twice");
    return found;
  },
  write(writer, value) {
    writer.uint(value.length, 1);
    for (const one of value) writer.bytes(one, 32);
  },
};

export const PersonDevicesFormat = new RecordFormat(
  { label: "copconnect person-devices v1", rule: "E0", version: 1 },
  {
    person: bytes(16),
    number: integer(8),
    previous: bytes(32),
    created: integer(8),
    devices: devicesInOrder,
  },
);
export type PersonDevices = RecordOf<typeof PersonDevicesFormat>;

/** Check a list that shall replace `former`, the newest that this device has seen. */
export async function checkPersonDevices(
  list: PersonDevices,
  authority: Uint8Array,
  former: PersonDevices | null = null,
): Promise<void> {
  await PersonDevicesFormat.verify(list, authority);
  const first = equalBytes(list.previous, ZEROS);
  const numbered = list.number >= 1 && (list.number === 1) === first;
  refuseUnless(numbered, "E0", "wrong previous list");
  if (former === null || equalBytes(former.bytes, list.bytes)) return;
  refuseUnless(equalBytes(former.person, list.person), "E0", "another person's list");
  refuseUnless(list.number > former.number, "E0", "not newer than the list before");
  const chained = list.number > former.number + 1 || equalBytes(list.previous, former.hash);
  refuseUnless(chained, "E0", "list does not follow the one before: alarm");
  const kept = former.devices.every((device, at) => {
    const same = list.devices[at];
    return same !== undefined && equalBytes(device, same);
  });
  refuseUnless(kept, "E0", "a device was taken out or moved: alarm");
}

export function deviceIds(list: PersonDevices): readonly DeviceId[] {
  return list.devices.map((device) => idOf<DeviceId>(device));
}

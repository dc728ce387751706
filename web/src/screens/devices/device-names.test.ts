import type { ClientId } from "@copconnect/client/wire";
import { expect, it } from "vitest";
import { deviceName } from "./device-names.ts";

const dateOf = (ms: number): string => `day ${String(Math.floor(ms / 100))}`;
const momentOf = (ms: number): string => `at ${String(ms)}`;
const chrome = (name: string, createdMs: number) => ({
  ...{ clientId: name as ClientId, createdMs, label: "Chrome, Linux" },
});

it("leaves a label that no other device has", () => {
  const phone = { clientId: "a" as ClientId, createdMs: 1, label: "Duty phone" };
  expect(deviceName(phone, [phone, chrome("b", 1)], dateOf, momentOf)).toBe("Duty phone");
});

it("tells devices of one label apart by their day, or by the time", () => {
  const [one, two, three] = [chrome("a", 110), chrome("b", 220), chrome("c", 230)];
  const all = [one, two, three];
  expect(all.map((device) => deviceName(device, all, dateOf, momentOf))).toEqual([
    "Chrome, Linux, day 1",
    "Chrome, Linux, at 220",
    "Chrome, Linux, at 230",
  ]);
});

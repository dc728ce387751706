import type { ClientInfo } from "@copconnect/client/wire";
import { describe, expect, it } from "vitest";
import { unseenDevices } from "./devices.ts";
import { pinProblem } from "./pin.ts";

describe("pinProblem", () => {
  it.each([
    ["12345", "12345", "short"],
    ["1234567890123", "1234567890123", "short"],
    ["12ab56", "12ab56", "short"],
    ["123456", "123456", "weak"],
    ["987654", "987654", "weak"],
    ["890123", "890123", "weak"],
    ["777777", "777777", "weak"],
    ["121212", "121212", "weak"],
    ["471471", "471471", "weak"],
    ["473916", "473917", "differs"],
    ["473916", "473916", null],
    ["100000", "100000", null],
  ])("%s, repeated as %s: %s", (pin, repeated, problem) => {
    expect(pinProblem(pin, repeated)).toBe(problem);
  });
});

describe("unseenDevices", () => {
  const device = (clientId: string): ClientInfo => ({
    clientId,
    label: clientId,
    createdMs: 0,
    lastSeenMs: null,
    certificateHash: "",
    certificateExpiresMs: 0,
    revoked: false,
  });
  it("announces devices that are new, never this one", () => {
    const devices = [device("here"), device("old"), device("new")];
    expect(unseenDevices(devices, ["old"], "here").map((one) => one.clientId)).toEqual(["new"]);
    expect(unseenDevices(devices, ["old", "new"], "here")).toEqual([]);
  });
});

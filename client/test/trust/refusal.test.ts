import "fake-indexeddb/auto";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { CoreFailure, failure } from "#core/failure.ts";
import { MINUTE_MS } from "#core/keys/format/times.ts";
import { fromHex, toHex } from "#core/octets.ts";
import { newSigner, revoke } from "../support/department.ts";
import { MemoryServer } from "../memory/server.ts";
import { Phone, confirm, signerOf, type Clock } from "./phone.ts";
import { NOW } from "./scene.ts";

let clock: Clock;
let server: MemoryServer;

beforeEach(async () => {
  clock = { ms: NOW };
  server = await MemoryServer.start({ policy: "approval", now: () => clock.ms });
});

afterEach(() => server.close());

describe("E6: what a refusal by the server does to this device", () => {
  function refusal(revocation: Uint8Array | null): CoreFailure {
    const details = { reason: "device_removed" };
    if (revocation === null) return new CoreFailure("signed_out", { details });
    return new CoreFailure("signed_out", {
      details: { ...details, revocation: toHex(revocation) },
    });
  }

  test("locks and keeps, whatever it says without a signed revocation", async () => {
    const phone = await Phone.register(server, clock, 1);
    const { services } = phone;
    for (const error of [
      refusal(null),
      refusal(new Uint8Array(50)),
      new CoreFailure("signed_out", { details: { revocation: "no hex" } }),
      new CoreFailure("unauthenticated"),
      new CoreFailure("suspended"),
      failure("network"),
      new TypeError("something else"),
    ])
      expect(await services.endOf(error)).toBe("lock");
  });

  test("locks and keeps at the roster authority's revocation, and at one of another device", async () => {
    const phone = await Phone.register(server, clock, 1);
    const other = await Phone.register(server, clock, 2);
    clock.ms += MINUTE_MS;
    const device = fromHex(phone.device);
    const byAuthority = await server.department.revokeByAuthority(device, clock.ms, clock.ms);
    expect(await phone.services.endOf(refusal(byAuthority.bytes))).toBe("lock");
    const ofOther = await revoke(server.desk, fromHex(other.device), clock.ms, clock.ms);
    expect(await phone.services.endOf(refusal(ofOther.bytes))).toBe("lock");
    const byStranger = await revoke(signerOf(other), device, clock.ms, clock.ms);
    await phone.services.trust.ensure([other.personId]);
    expect(await phone.services.endOf(refusal(byStranger.bytes))).toBe("lock");
    const unknown = await revoke(newSigner(), device, clock.ms, clock.ms);
    expect(await phone.services.endOf(refusal(unknown.bytes))).toBe("lock");
  });

  test("wipes at an admin's, and stays so over a restart", async () => {
    const phone = await Phone.register(server, clock, 1);
    clock.ms += MINUTE_MS;
    const byAdmin = await revoke(server.desk, fromHex(phone.device), clock.ms, clock.ms);
    phone.offline = true;
    expect(await phone.services.endOf(refusal(byAdmin.bytes))).toBe("wipe");
    await phone.restart();
    expect(await phone.services.endOf(refusal(byAdmin.bytes))).toBe("wipe");
  });

  test("locks where the vault closed meanwhile: nothing was proven", async () => {
    const phone = await Phone.register(server, clock, 1);
    clock.ms += MINUTE_MS;
    const byAdmin = await revoke(server.desk, fromHex(phone.device), clock.ms, clock.ms);
    phone.vault.close();
    expect(await phone.services.endOf(refusal(byAdmin.bytes))).toBe("lock");
  });

  test("an own device wipes what it endorsed, directly or onward, and only locks the others", async () => {
    const first = await Phone.register(server, clock, 1, "First");
    const second = await Phone.register(server, clock, 1, "Second");
    await confirm(first, second);
    const third = await Phone.register(server, clock, 1, "Third");
    await confirm(second, third);
    await third.services.onAccountEvent("clients");
    const by = async (signer: Phone, of: Phone): Promise<CoreFailure> => {
      const device = fromHex(of.device);
      return refusal((await revoke(signerOf(signer), device, clock.ms, clock.ms)).bytes);
    };
    expect(await first.services.endOf(await by(third, first))).toBe("lock");
    expect(await third.services.endOf(await by(first, third))).toBe("wipe");
  });
});

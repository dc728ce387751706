import "fake-indexeddb/auto";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { verifyPresence } from "#core/admin/presences.ts";
import { MINUTE_MS } from "#core/keys/format/times.ts";
import { PIN, encodePresence, parsePresence } from "#core/keys/trust/presence.ts";
import { fromHex, toHex, utf8 } from "#core/octets.ts";
import { ActFormat } from "#core/keys/trust/admin-act.ts";
import { MemoryServer } from "../memory/server.ts";
import { Phone, TEST_PIN, codeOf, type Clock } from "./phone.ts";
import { NOW } from "./scene.ts";

let clock: Clock;
let server: MemoryServer;
let phone: Phone;

beforeEach(async () => {
  clock = { ms: NOW };
  server = await MemoryServer.start({ policy: "none", now: () => clock.ms });
  phone = await Phone.register(server, clock, 1, "Chief");
  clock.ms += MINUTE_MS;
});

afterEach(() => server.close());

async function act(): Promise<Uint8Array> {
  const { deviceBytes: device, privateKey } = phone.services.account.identity;
  const values = { device, actId: fromHex("00".repeat(16)), created: NOW, body: utf8("{}") };
  return (await ActFormat.sign(values, privateKey)).bytes;
}

/** The request that the page shows, once it is there. */
async function asked(): Promise<number> {
  await expect.poll(() => phone.events.at(-1)?.type).toBe("presence");
  const last = phone.events.findLast((one) => one.type === "presence");
  return last?.request?.number ?? 0;
}

describe("the proof that the person is there", () => {
  test("is for its very act, by a key that only the PIN gives", async () => {
    const [first, second] = [await act(), await act()];
    const proof = await phone.services.presences.of(first);
    const presence = parsePresence(proof);
    expect(toHex(encodePresence(presence))).toBe(toHex(proof));
    expect(presence.algorithm).toBe(PIN);
    await verifyPresence(presence, first);
    const other = new Uint8Array([...second, 0]);
    await expect(verifyPresence(presence, other)).rejects.toMatchObject({ rule: "presence" });
    // The same key after the PIN was changed, and after the app was started again.
    await phone.vault.setPin("582211", TEST_PIN);
    expect(parsePresence(await changed(first)).publicKey).toEqual(presence.publicKey);
    expect(toHex(presence.publicKey)).not.toBe(
      toHex(phone.services.account.require().signaturePublicKey),
    );
  });

  test("is not given by a wrong PIN, which counts as a try, nor after the person gives up", async () => {
    await phone.vault.setPin(TEST_PIN, null);
    phone.answersPresence = false;
    const proving = phone.services.presences.of(await act());
    const failed = codeOf(proving);
    const number = await asked();
    const wrong = phone.services.presences.give(number, { pin: "999111" });
    await expect(wrong).rejects.toMatchObject({ code: "pin_wrong", details: { triesLeft: 9 } });
    await phone.services.presences.give(number, null);
    expect(await failed).toBe("cancelled");
    expect(phone.events.at(-1)).toEqual({ type: "presence", request: null });
  });

  test("is asked for one act at a time, and ends with the lock", async () => {
    phone.answersPresence = false;
    const [first, second] = [act(), act()].map(async (one) =>
      codeOf(phone.services.presences.of(await one)),
    );
    await asked();
    const requests = phone.events.filter((one) => one.type === "presence");
    expect(requests.length).toBe(1);
    phone.services.presences.reset();
    expect(await first).toBe("locked");
    await expect.poll(() => phone.events.filter((one) => one.type === "presence").length).toBe(3);
    phone.services.presences.reset();
    expect(await second).toBe("locked");
  });
});

async function changed(bytes: Uint8Array): Promise<Uint8Array> {
  phone.pin = "582211";
  return phone.services.presences.of(bytes);
}

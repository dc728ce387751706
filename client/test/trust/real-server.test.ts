import "fake-indexeddb/auto";
import { afterAll, beforeAll, expect, test } from "vitest";
import { CoreFailure } from "#core/failure.ts";
import type { DeviceId } from "#core/ids.ts";
import type { Ready } from "#core/wire.ts";
import { TestServer } from "../support/server.ts";
import { Phone, codeOf, type Clock, type PhoneServer } from "./phone.ts";

let running: TestServer;
let server: PhoneServer;
const clock: Clock = {
  get ms() {
    return Date.now();
  },
};

beforeAll(async () => {
  running = await TestServer.start();
  let versions = 0;
  server = {
    origin: running.origin,
    fetch: (url, init) => fetch(url, init),
    codeFor: (number) => running.codeFor(number),
    // Everything is due, as after hours.
    ready: (): Promise<Ready> =>
      Promise.resolve({
        ...{ t: "ready", serverTimeMs: Date.now(), trustVersion: --versions, heads: [] },
        ...{
          directoryVersion: "",
          guardPolicy: 1,
          guardPictures: 0,
          sanctioned: false,
          meVersion: String(versions),
        },
      }),
  };
}, 120_000);

afterAll(() => running.close());

async function failureOf(attempt: Promise<unknown>): Promise<CoreFailure> {
  const error: unknown = await attempt.then(
    () => null,
    (reason: unknown) => reason,
  );
  if (error instanceof CoreFailure) return error;
  throw new Error("it was accepted", { cause: error });
}

test("two phones of one officer, from registration to the loss of one (E0 to E6)", async () => {
  const old = await Phone.registerAt(server, clock, 5, "Old phone");
  const name = (await old.people.plate(old.personId))?.names.en;
  expect(name).toMatch(/^Officer/u);
  const { verdict } = old.services.standing;
  // Whatever the department's policy: the server and the phone judge the same.
  const me = await old.services.account.refreshMe();
  expect(verdict?.confirmed).toBe(me.confirmed);
  expect(me.confirmed).toBe("first");

  const fresh = await Phone.registerAt(server, clock, 5, "New phone");
  expect((await fresh.state()).confirmed).toBe("no");
  const [waiting] = await old.calls.unconfirmed();
  expect(waiting).toMatchObject({ device: fresh.device, label: "New phone", own: true });

  const { confirmationId } = await old.calls.beginConfirmation(fresh.device);
  await fresh.services.onAccountEvent("confirmation");
  await fresh.calls.answerConfirmation(confirmationId);
  for (const phone of [old, fresh]) await phone.services.onAccountEvent("confirmation");
  const [shown] = await fresh.calls.confirmations();
  const done = await old.calls.confirmDigits(confirmationId, shown?.code ?? "");
  expect(done.state).toBe("confirmed");
  for (const phone of [old, fresh]) await phone.connect();
  expect((await fresh.state()).confirmed).toBe("own_device");
  expect((await fresh.services.account.refreshMe()).confirmed).toBe("own_device");
  expect(await old.calls.alarms()).toEqual([]);
  expect(await fresh.calls.alarms()).toEqual([]);

  // DeviceKeys are served to others with the records that they rest on.
  const other = await Phone.registerAt(server, clock, 6, "Another's");
  await other.services.trust.ensure([old.personId], { keys: true });
  const { trust } = other.services;
  for (const phone of [old, fresh]) {
    const kem = phone.services.account.trust.lowestKem;
    const key = await trust.deviceKey(old.personId, phone.device as DeviceId, kem);
    expect(key.generation).toBe(1);
  }
  const seen = await trust.verdict(old.personId, fresh.device as DeviceId, Date.now());
  expect(seen).toMatchObject({ confirmed: "own_device", byDevice: old.device });
  expect(await codeOf(other.calls.revoke(fresh.device))).toBe("no_grant");
  expect(await codeOf(other.calls.grant(old.personId, "TG", 30))).toBe("no_grant");
  const renamed = await fresh.calls.rename(fresh.clientId, "Night duty");
  expect(renamed.map(({ label }) => label).sort()).toEqual(["Night duty", "Old phone"]);

  expect((await old.calls.madeBy(fresh.device)).confirmed).toEqual([]);
  await old.calls.revoke(fresh.device);
  const ended = await failureOf(fresh.services.account.refreshMe());
  expect(ended.code).toBe("signed_out");
  // The old phone endorsed it: it wipes itself. Without the record the server's word only locks.
  const { code, retry } = ended;
  const unsigned = new CoreFailure(code, { retry, details: { reason: "device_removed" } });
  expect(await fresh.services.endOf(unsigned)).toBe("lock");
  expect(await fresh.services.endOf(ended)).toBe("wipe");
  const left = (await old.calls.of(old.personId)).map(({ device }) => device);
  expect(left).toEqual([old.device]);
});

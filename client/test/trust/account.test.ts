import "fake-indexeddb/auto";
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { X25519, publicKeyOf } from "#core/keys/hpke.ts";
import { DeviceKeyFormat } from "#core/keys/device-key.ts";
import type { AlarmId, DeviceId, PersonId } from "#core/ids.ts";
import { DAY_MS, HOUR_MS, MINUTE_MS } from "#core/keys/format/times.ts";
import { fromHex, toHex } from "#core/octets.ts";
import { Department, endorse, grant, newSigner } from "../support/department.ts";
import { MemoryServer } from "../memory/server.ts";
import { TrustRole } from "../memory/trust.ts";
import { Phone, codeOf, confirm, signerOf, type Clock } from "./phone.ts";
import { NOW } from "./scene.ts";

let clock: Clock;
let server: MemoryServer;

beforeEach(async () => {
  clock = { ms: NOW };
  server = await MemoryServer.start({ policy: "approval", now: () => clock.ms });
});

afterEach(() => server.close());

async function give(personId: PersonId, path: string): Promise<void> {
  const right = await grant(server.desk, personId, path, clock.ms);
  await server.judge.records.addGrant(right.bytes);
  const person = await server.people.person(personId);
  person.grants.push(right.bytes);
  server.people.changed(person);
  clock.ms += MINUTE_MS;
}

describe("the account", () => {
  test("pins root and department record at registration, and publishes its keys", async () => {
    const phone = await Phone.register(server, clock, 1);
    const record = phone.services.account.require();
    expect(toHex(record.pinnedRoot)).toBe(toHex(server.department.root.certificate));
    expect(phone.services.account.trust.department.number).toBe(1);
    expect(server.people.client(phone.clientId).keys.length).toBe(2);
    expect((await phone.state()).confirmed).toBe("admin");
    await phone.restart();
    expect(phone.services.account.require().device).toBe(record.device);
    expect((await phone.state()).confirmed).toBe("admin");
  });

  test("a new phone asks once for its person's records with nothing held", async () => {
    const asked = vi.spyOn(TrustRole.prototype, "lookUp");
    const { personId } = await Phone.register(server, clock, 1);
    const held = asked.mock.calls
      .flatMap(([{ people }]) => people)
      .filter((one) => one.personId === personId)
      .map((one) => one.held.length > 0);
    asked.mockRestore();
    expect(held).toEqual([false]);
  });

  test("a registration whose answer was lost is repeated with the same key", async () => {
    const phone = await Phone.register(server, clock, 1);
    const other = await Phone.register(server, clock, 2);
    expect(other.device).not.toBe(phone.device);
    const { challengeId } = await phone.registration.requestCode("+917000000003", "en");
    const { ticket } = await phone.registration.submitCode(challengeId, "000000");
    const before = server.state.clients.size;
    phone.crashAfter = "/registration/clients";
    await expect(phone.services.register(ticket, "Lost")).rejects.toThrow();
    phone.crashAfter = null;
    await phone.restart();
    await phone.services.register(ticket, "Lost");
    expect(server.state.clients.size).toBe(before + 1);
  });

  test("E0: a department record that goes back, or another root, changes nothing", async () => {
    const phone = await Phone.register(server, clock, 1);
    const first = server.department.trust(1);
    await server.department.declare({
      ...{ createdMs: clock.ms, policy: "approval", lowestKem: X25519 },
      admins: [server.desk.deviceBytes],
    });
    server.state.version++;
    await phone.connect();
    expect(phone.services.account.trust.department.number).toBe(2);
    const other = await Department.found({ nowMs: NOW });
    for (const lie of [first, other.trust(9)]) {
      server.state.version++;
      phone.intercept = (path, answer) => (path === "/v1/trust" ? lie : answer);
      expect(await codeOf(phone.connect())).toBe("trust_invalid");
      expect(phone.services.account.trust.department.number).toBe(2);
      await phone.restart();
      expect(phone.services.account.trust.department.number).toBe(2);
    }
    expect(phone.services.trust.department.number).toBe(2);
  });

  test("the certificate is renewed in time, and only this device's own is taken", async () => {
    const phone = await Phone.register(server, clock, 1);
    const thief = await Phone.register(server, clock, 2);
    const former = phone.services.account.require().certificate;
    clock.ms += 61 * DAY_MS;
    const foreign = thief.services.account.require().certificate;
    phone.intercept = (path, answer) =>
      path === "/v1/certificates" ? { certificate: foreign, tokenExpiresMs: 0 } : answer;
    expect(await codeOf(phone.connect())).toBe("trust_invalid");
    expect(toHex(phone.services.account.require().certificate)).toBe(toHex(former));
    phone.intercept = (_, answer) => answer;
    await phone.connect();
    const renewed = phone.services.account.require().certificate;
    expect(toHex(renewed)).not.toBe(toHex(former));
    clock.ms += 40 * DAY_MS;
    // By the former certificate it would be unconfirmed now.
    await phone.services.onAccountEvent("clients");
    expect((await phone.state()).confirmed).toBe("admin");
  });

  test("a device that was away until its certificate ran out renews it first of all", async () => {
    const phone = await Phone.register(server, clock, 1);
    clock.ms += 200 * DAY_MS;
    phone.offline = true;
    await phone.restart();
    expect((await phone.state()).confirmed).toBe("no");
    phone.offline = false;
    await phone.connect();
    expect((await phone.state()).confirmed).toBe("admin");
    const newest = server.people.client(phone.clientId).keys.at(-1);
    expect(newest?.generation).toBe(2);
  });

  test("a token that has expired is followed by another, once for all calls that meet it", async () => {
    const phone = await Phone.register(server, clock, 1);
    const asked: string[] = [];
    phone.intercept = (path, answer) => {
      asked.push(path);
      return answer;
    };
    const former = phone.services.account.require().accessToken;
    clock.ms += 8 * DAY_MS;
    await Promise.all([phone.api.me(), phone.api.me(), phone.api.conduct({ language: "en" })]);
    expect(asked.filter((path) => path === "/v1/certificates")).toHaveLength(1);
    const { accessToken, tokenExpiresMs } = phone.services.account.require();
    expect(accessToken).not.toBe(former);
    expect(tokenExpiresMs).toBe(clock.ms + DAY_MS);
    await phone.restart();
    expect(phone.services.account.require().accessToken).toBe(accessToken);
  });

  test("an answer with a token may be lost", async () => {
    const phone = await Phone.register(server, clock, 1);
    const { account } = phone.services;
    const former = account.require().accessToken;
    let losing = true;
    phone.intercept = (path, answer) => {
      if (path !== "/v1/certificates" || !losing) return answer;
      throw new TypeError("the network is gone");
    };
    await expect(account.renewToken()).rejects.toMatchObject({ code: "network" });
    expect(account.require().accessToken).toBe(former);
    expect((await phone.api.me()).clientId).toBe(phone.clientId);
    // It has expired, and the next answers are lost too: nothing is concluded from that.
    clock.ms += 2 * DAY_MS;
    await expect(phone.api.me()).rejects.toMatchObject({ code: "network" });
    losing = false;
    expect((await phone.api.me()).clientId).toBe(phone.clientId);
  });

  test("a token is renewed before it expires, and in time for a connection", async () => {
    const phone = await Phone.register(server, clock, 1);
    const { account } = phone.services;
    const first = account.require().accessToken;
    expect(await account.freshToken()).toBe(first);
    clock.ms += 12 * HOUR_MS;
    await phone.connect();
    expect(account.require().accessToken).toBe(first);
    clock.ms += 6 * HOUR_MS;
    await phone.connect();
    const second = account.require().accessToken;
    expect(second).not.toBe(first);
    clock.ms += DAY_MS;
    expect(await account.freshToken()).not.toBe(second);
  });

  test("a clock that is wrong keeps nobody from another token", async () => {
    const phone = await Phone.register(server, clock, 1);
    clock.ms += 2 * DAY_MS;
    const right = server.now;
    const { account } = phone.services;
    phone.clock.ms += 3 * HOUR_MS;
    (server as { now: () => number }).now = () => clock.ms - 3 * HOUR_MS;
    await account.renewToken();
    expect(account.require().tokenExpiresMs).toBe(clock.ms - 3 * HOUR_MS + DAY_MS);
    (server as { now: () => number }).now = right;
  });

  test("a device that was removed learns it by its key, long after its token", async () => {
    const phone = await Phone.register(server, clock, 1);
    await server.trust.revokeByAuthority(phone.clientId);
    clock.ms += 8 * DAY_MS;
    const refusal = await phone.api.me().catch((error: unknown) => error);
    expect(refusal).toMatchObject({ code: "signed_out" });
    expect(await phone.services.endOf(refusal)).toBe("lock");
  });

  test("a device has the name that its person gives it", async () => {
    const phone = await Phone.register(server, clock, 1);
    const clients = await phone.calls.rename(phone.clientId, "  Night duty ");
    expect(clients.map(({ label }) => label)).toEqual(["Night duty"]);
    expect(phone.services.account.require().me?.clients[0]?.label).toBe("Night duty");
  });
});

describe("E5: alarms", () => {
  test("a new phone is not warned about the older one, nor the old one about what it confirmed", async () => {
    const old = await Phone.register(server, clock, 1, "Old");
    const fresh = await Phone.register(server, clock, 1, "New");
    await confirm(old, fresh);
    expect(await old.calls.alarms()).toEqual([]);
    expect(await fresh.calls.alarms()).toEqual([]);
  });

  test("a device that somebody else confirmed alarms once, until it is acknowledged", async () => {
    const old = await Phone.register(server, clock, 1, "Old");
    const second = await Phone.register(server, clock, 1, "Second");
    await confirm(old, second);
    const ghost = await Phone.register(server, clock, 1, "Ghost");
    await old.services.onAccountEvent("clients");
    // Unconfirmed, it gets nothing and is shown among the devices that wait.
    expect(await old.calls.alarms()).toEqual([]);
    await confirm(second, ghost);
    await old.services.onAccountEvent("clients");
    const [alarm] = await old.calls.alarms();
    expect(alarm).toMatchObject({ kind: "device", device: ghost.device });
    expect(alarm?.person?.personId).toBe(old.personId);
    expect(old.events.map(({ type }) => type)).toContain("alarm");
    await old.restart();
    expect(await old.calls.alarms()).toHaveLength(1);
    await old.calls.acknowledgeAlarm((alarm?.id ?? "") as AlarmId);
    await old.services.onAccountEvent("clients");
    expect(await old.calls.alarms()).toEqual([]);
    expect(await second.calls.alarms()).toEqual([]);
  });

  test("each change of the own card is shown, moved and moved back, and no repeated card", async () => {
    const phone = await Phone.register(server, clock, 1, "Phone");
    await phone.services.onAccountEvent("clients");
    const person = await server.people.person(phone.personId);
    for (const [path, changes] of [
      ["TG/WGL/KAZI", 1],
      ["TG/WGL/KAZI", 1],
      ["TG/HYD/CHAR", 2],
    ] as const) {
      clock.ms += MINUTE_MS;
      await server.people.addCard(person, { path });
      await phone.services.onAccountEvent("clients");
      expect((await phone.calls.alarms()).map(({ kind }) => kind)).toEqual(
        Array<string>(changes).fill("card"),
      );
    }
  });

  test("a card that moved its person and one that moved back are shown to a phone that was off", async () => {
    const phone = await Phone.register(server, clock, 1, "Phone");
    await phone.services.onAccountEvent("clients");
    const person = await server.people.person(phone.personId);
    for (const change of [{ path: "TG/WGL/KAZI" }, {}]) {
      clock.ms += MINUTE_MS;
      await server.people.addCard(person, change);
    }
    await phone.services.onAccountEvent("clients");
    expect((await phone.calls.alarms()).map(({ kind }) => kind)).toEqual(["card", "card"]);
    await phone.services.onAccountEvent("clients");
    expect(await phone.calls.alarms()).toHaveLength(2);
  });

  test("T1: a broken log is one alarm until it is acknowledged, however the log goes on", async () => {
    const phone = await Phone.register(server, clock, 1);
    const { alarms } = phone.services;
    for (const at of [1, 2, 3]) await alarms.raiseLog(new Uint8Array(32).fill(at));
    const shown = await phone.calls.alarms();
    expect(shown.map(({ kind }) => kind)).toEqual(["log"]);
    await phone.calls.acknowledgeAlarm(shown[0]?.id as AlarmId);
    await alarms.raiseLog(new Uint8Array(32).fill(4));
    expect(await phone.calls.alarms()).toHaveLength(1);
  });

  test("E4: a card that is dated back alarms once, with its person, also the own one", async () => {
    const phone = await Phone.register(server, clock, 1, "Phone");
    const other = await Phone.register(server, clock, 2, "Other");
    for (const personId of [phone.personId, other.personId]) {
      await phone.services.trust.ensure([personId], { fresh: true });
      const person = await server.people.person(personId);
      clock.ms += HOUR_MS;
      const dated = { path: "TG/WGL/KAZI", createdMs: clock.ms - HOUR_MS / 2 };
      await phone.services.trust.ensure([personId], { fresh: true });
      await server.people.addCard(person, dated);
    }
    const { personId: own } = phone;
    const ask = async (times: number): Promise<void> => {
      const raised = vi.spyOn(phone.services.alarms, "raiseRefusedCard");
      for (let at = 0; at < times; at++)
        await phone.services.trust.ensure([own, other.personId], { fresh: true });
      await Promise.all(raised.mock.results.map(({ value }) => value as Promise<void>));
      expect(raised).toHaveBeenCalledTimes(2);
    };
    // People are judged side by side: which alarm comes first says nothing.
    const shown = async () =>
      new Map(
        (await phone.calls.alarms()).map(({ kind, person, id }) => [
          person?.personId,
          { kind, id },
        ]),
      );
    await ask(2);
    const both = await shown();
    expect([...both.keys()].sort()).toEqual([own, other.personId].sort());
    expect([...both.values()].map(({ kind }) => kind)).toEqual(["refusedCard", "refusedCard"]);
    expect(phone.events.map(({ type }) => type)).toContain("alarm");
    await phone.calls.acknowledgeAlarm((both.get(own)?.id ?? "") as AlarmId);
    await phone.restart();
    await phone.services.time.anchor();
    await ask(1);
    expect([...(await shown()).keys()]).toEqual([other.personId]);
  });

  test("a DeviceKey of this device that it did not make: its keys were copied", async () => {
    const phone = await Phone.register(server, clock, 1);
    const copied = signerOf(phone);
    const publicKey = await publicKeyOf(X25519, new Uint8Array(32).fill(7));
    const key = await DeviceKeyFormat.sign(
      { kem: X25519, device: copied.deviceBytes, generation: 9, created: clock.ms, publicKey },
      copied.keys.privateKey,
    );
    const client = server.people.client(phone.clientId);
    await server.people.putKeys(client, [key.bytes]);
    await phone.services.onAccountEvent("clients");
    expect(await phone.calls.alarms()).toMatchObject([{ kind: "key", device: phone.device }]);
  });
});

describe("grants", () => {
  test("descend from a root admin, are listed by path, and are withdrawn", async () => {
    const chief = await Phone.register(server, clock, 1, "Chief");
    const officer = await Phone.register(server, clock, 2, "Officer");
    clock.ms += MINUTE_MS;
    expect(await codeOf(chief.calls.grant(officer.personId, "TG/CHAR", 30))).toBe("no_grant");
    await give(chief.personId, "TG");
    const { grants, waiting } = await chief.calls.grant(officer.personId, "TG/CHAR", 30);
    const [given] = grants;
    expect(waiting).toBe(false);
    expect(given).toMatchObject({ unitPath: "TG/CHAR", createdMs: clock.ms });
    expect(given?.by?.personId).toBe(chief.personId);
    expect(given?.notAfterMs).toBe(clock.ms + 30 * DAY_MS);
    clock.ms += MINUTE_MS;
    // Below what one has, not above it.
    const third = await Phone.register(server, clock, 3, "Third");
    clock.ms += MINUTE_MS;
    expect(await codeOf(officer.calls.grant(third.personId, "TG", 30))).toBe("no_grant");
    await officer.calls.grant(third.personId, "TG/CHAR/BEAT1", 10);
    clock.ms += MINUTE_MS;
    expect(await chief.calls.withdrawGrant(officer.personId, "TG/CHAR")).toEqual([]);
    expect(await codeOf(officer.calls.grant(third.personId, "TG/CHAR", 10))).toBe("no_grant");
    for (const days of [0, 181, NaN])
      expect(await codeOf(chief.calls.grant(third.personId, "TG", days))).toBe("message_invalid");
    const wrongPath = chief.calls.grant(third.personId, "TG//CHAR", 10);
    expect(await codeOf(wrongPath)).toBe("message_invalid");
  });

  test("a grant that the server made up is not listed", async () => {
    const phone = await Phone.register(server, clock, 1);
    const forger = newSigner();
    const forged = await grant(forger, phone.personId, "TG", clock.ms);
    (await server.people.person(phone.personId)).grants.push(forged.bytes);
    server.people.changed(await server.people.person(phone.personId));
    expect(await phone.calls.grants(phone.personId)).toEqual([]);
  });
});

describe("E4: revoking a lost phone", () => {
  test("by one's own other phone: what it confirmed before the loss still counts", async () => {
    const lost = await Phone.register(server, clock, 1, "Lost");
    const early = await Phone.register(server, clock, 1, "Early");
    await confirm(lost, early);
    const lostMs = clock.ms;
    clock.ms += HOUR_MS;
    const late = await Phone.register(server, clock, 1, "By the thief");
    await confirm(lost, late);
    expect((await late.state()).confirmed).toBe("own_device");
    const made = await early.calls.madeBy(lost.device);
    expect(made.confirmed.map(({ createdMs }) => createdMs < lostMs)).toEqual([true, false]);
    await early.calls.revoke(lost.device, lostMs);
    const { trust } = early.services;
    const verdict = async (phone: Phone): Promise<string> =>
      (await trust.verdict(phone.personId, phone.device as DeviceId, clock.ms)).confirmed;
    expect(await verdict(lost)).toBe("no");
    expect(await verdict(late)).toBe("no");
    expect(await verdict(early)).toBe("own_device");
    expect(await codeOf(early.calls.revoke(early.device))).toBe("not_found");
  });

  test("by one's own phone, of one that registered just now and nobody has seen yet", async () => {
    const phone = await Phone.register(server, clock, 1, "Mine");
    const unknown = await Phone.register(server, clock, 1, "Not mine");
    clock.ms += MINUTE_MS;
    await phone.calls.revoke(unknown.device);
    expect(server.people.client(unknown.clientId).revoked).toBe(true);
    expect(await codeOf(phone.calls.revoke("ab".repeat(32) as DeviceId))).toBe("not_found");
  });

  test("not by a stranger, and by an admin of the unit", async () => {
    const lost = await Phone.register(server, clock, 1, "Lost");
    const other = await Phone.register(server, clock, 2, "Other");
    clock.ms += MINUTE_MS;
    await other.services.trust.ensure([lost.personId]);
    expect(await codeOf(other.calls.revoke(lost.device))).toBe("no_grant");
    await give(other.personId, "TG");
    const tooFar = other.calls.revoke(lost.device, clock.ms - 31 * DAY_MS);
    expect(await codeOf(tooFar)).toBe("message_invalid");
    await other.calls.revoke(lost.device);
    expect(server.people.client(lost.clientId).revoked).toBe(true);
  });

  test("the server cannot put into the list what the device never signed", async () => {
    const lost = await Phone.register(server, clock, 1, "Lost");
    const early = await Phone.register(server, clock, 1, "Early");
    await confirm(lost, early);
    const forged = await endorse(newSigner(), fromHex(early.device), "own device", clock.ms);
    early.intercept = (path, answer) =>
      path.endsWith("/made")
        ? { ...(answer as object), endorsements: [forged.bytes], grants: [new Uint8Array(9)] }
        : answer;
    expect(await early.calls.madeBy(lost.device)).toEqual({ confirmed: [], granted: [] });
  });
});

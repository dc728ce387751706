/**
 * A server that plays the past to a device: old times, old rosters with old stamps, old device keys,
 * rosters that nobody signed (S1, S3, R4, T1). Nothing is sealed or sent by what is old.
 */
import { newId, type ClientId, type ConversationId } from "#core/ids.ts";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { copy } from "#core/octets.ts";
import { DeviceKeyFormat } from "#core/keys/device-key.ts";
import { MINUTE_MS } from "#core/keys/format/times.ts";
import type { Conversation, PeopleTrust, RosterState } from "#core/wire.ts";
import { Insider } from "../support/insider.ts";
import type { Officer } from "../support/officer.ts";
import { World, inSimulatedTime } from "../support/world.ts";

const LIMIT_MS = 60_000;
/** Long enough for a device that would send to have sent. */
const MEANWHILE_MS = 4_000;

inSimulatedTime();

let world: World;
let a: Officer;
let b: Officer;
let id: ConversationId;
let laterMs = 0;
const now = (): number => Date.now() + laterMs;

beforeEach(async () => {
  laterMs = 0;
  world = await World.make({ now });
  a = await world.join({ now });
  b = await world.join({ now });
  const c = await world.join({ now });
  ({ conversationId: id } = await a.core.conversations.createGroup({
    ...{ title: "Beat 9", personIds: [b.person, c.person], photo: null },
    ...{ whoMaySend: "everyone", history: "none" },
  }));
  await a.text(id, "before");
  for (const officer of [b, c]) await officer.receives(id, "before");
}, LIMIT_MS);

afterEach(async () => {
  await world.close();
  await world.server.close();
});

function said(): Promise<readonly string[]> {
  return b.texts(id);
}

/** From now on the device learns of the roster as it is now, and of nothing that changes it. */
async function freezeRoster(officer: Officer): Promise<void> {
  const { server } = world;
  const device = await officer.device();
  const { head, stamp, proof } = await rosterOf(officer);
  const old: RosterState = { head, stamp, proof };
  server.live.pushes = (to, frame) => {
    const tells = frame.t === "roster" || frame.t === "conversation";
    return to === device && tells ? [] : [frame];
  };
  const time = (await server.department.time(newId(), server.now())).bytes;
  world.network(officer).rewrite = (path, body) => {
    if (path === "/v1/time") return { time };
    if (path.endsWith(`/${id}/head`)) return old;
    if (path.endsWith(`/conversations/${id}`)) return { ...(body as Conversation), roster: old };
    return body;
  };
}

/** The server says what is so again, and the device comes back to it. */
async function honest(): Promise<void> {
  world.server.live.pushes = (_, frame) => [frame];
  world.network(a).rewrite = null;
  await a.core.app.networkChanged(false);
  await a.core.app.networkChanged(true);
}

async function rosterOf(officer: Officer): Promise<RosterState> {
  const { clientId } = await officer.core.app.state();
  const { device } = world.server.people.client((clientId ?? "") as ClientId);
  const found = await world.server.rosters.state(world.server.conversation(id), device);
  if (found === null) throw new Error("not listed");
  return found;
}

describe("a server that plays the past", { timeout: LIMIT_MS }, () => {
  it("keeps a device from sending once its stamp is 10 minutes old (S1, T1)", async () => {
    const { server } = world;
    await freezeRoster(a);
    server.log.takesAnything = true;
    await a.text(id, "within ten minutes");
    await b.receives(id, "within ten minutes");
    laterMs += 11 * MINUTE_MS;
    await a.text(id, "under the old roster");
    await new Promise((resolve) => setTimeout(resolve, MEANWHILE_MS));
    expect((await a.core.app.state()).outbox).toBe(1);
    expect(await said()).toEqual(["before", "within ten minutes"]);
    server.log.takesAnything = false;
    await honest();
    await b.receives(id, "under the old roster");
  });

  it("keeps a device from sending after a restart, though it plays back a time too (T1)", async () => {
    const { server } = world;
    await freezeRoster(a);
    server.log.takesAnything = true;
    laterMs += 11 * MINUTE_MS;
    await a.restart();
    await a.text(id, "under the old roster");
    await new Promise((resolve) => setTimeout(resolve, MEANWHILE_MS));
    expect((await a.core.app.state()).outbox).toBe(1);
    expect(await said()).toEqual(["before"]);
    server.log.takesAnything = false;
    await honest();
    await b.receives(id, "under the old roster");
  });

  it("has nothing sealed to a device key that was followed by another (S3)", async () => {
    const { server } = world;
    const insider = await Insider.register(server, 50);
    const { conversationId: direct } = await a.core.conversations.openDirect(insider.personId);
    const first = await insider.keysOf([insider.personId], server.kem);
    await insider.publishKey(server.kem, undefined, 2);
    await a.text(direct, "one");
    await a.until("sent", async () => (await a.core.app.state()).outbox === 0);
    const sealedTo = (): readonly string[] =>
      server.conversation(direct).keys.flatMap(({ seals }) => [...seals.keys()]);
    const [, second] = server.people.client(insider.signer.clientId).keys;
    expect(sealedTo()).toContain(second?.keyId);
    // The server hands out the first one again; a new key is due after the removal of nobody: 25 h.
    world.network(a).rewrite = (path, body) => {
      if (!path.endsWith("/people/trust")) return body;
      const { people, untold } = body as PeopleTrust;
      return {
        untold,
        people: people.map((one) =>
          one.personId === insider.personId
            ? { ...one, keys: first.map(({ bytes }) => copy(bytes)) }
            : one,
        ),
      };
    };
    laterMs += 25 * 60 * MINUTE_MS;
    await a.text(direct, "two");
    await new Promise((resolve) => setTimeout(resolve, MEANWHILE_MS));
    const [old] = server.people.client(insider.signer.clientId).keys;
    expect(sealedTo()).not.toContain(old?.keyId);
    expect(first.map(({ generation }) => generation)).toEqual([1]);
    expect(DeviceKeyFormat.parse(second?.record ?? new Uint8Array()).generation).toBe(2);
  });

  it("has no message taken under a roster that the authority did not sign (R4)", async () => {
    const { server } = world;
    const { head } = (await server.rosters.state(
      server.conversation(id),
      server.people.client(((await a.core.app.state()).clientId ?? "") as ClientId).device,
    )) as RosterState;
    const forged = copy(head);
    forged[forged.length - 1] = (forged[forged.length - 1] ?? 0) ^ 1;
    world.network(b).rewrite = (path, body) => {
      if (path.endsWith(`/${id}/head`)) return { ...(body as RosterState), head: forged };
      return body;
    };
    laterMs += 11 * MINUTE_MS;
    await b.text(id, "under a forged roster");
    await new Promise((resolve) => setTimeout(resolve, MEANWHILE_MS));
    expect(await a.texts(id)).toEqual(["before"]);
    world.network(b).rewrite = null;
    await b.core.app.networkChanged(true);
    await a.receives(id, "under a forged roster");
  });
});

/**
 * A removed member whom a lying server helps: it asks for keys that were made after its removal, under
 * the head of before, or under a backup's that forgot the removal (H1).
 */
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import type { ConversationId, DeviceId } from "#core/ids.ts";
import { toHex } from "#core/octets.ts";
import type { SubmitShares, ShareAsker, ShareWanted } from "#core/wire.ts";
import { newest } from "../memory/rosters.ts";
import type { ClientState } from "../memory/state.ts";
import type { Officer } from "../support/officer.ts";
import { Insider } from "../support/insider.ts";
import { World } from "../support/world.ts";

const LIMIT_MS = 60_000;

let world: World;
let a: Officer;
let b: Officer;
let c: Officer;
let group: ConversationId;

beforeEach(async () => {
  world = await World.make({ people: 3, policy: "none" });
  [a, b, c] = [world.officer("Asha"), world.officer("Balu"), world.officer("Chandra")];
  ({ conversationId: group } = await a.core.conversations.createGroup({
    ...{ title: "Three", personIds: [b.person, c.person], photo: null },
    ...{ whoMaySend: "everyone", history: "none" },
  }));
  await a.text(group, "to three");
  await b.receives(group, "to three");
}, LIMIT_MS);

afterEach(async () => {
  await world.close();
  await world.server.close();
});

/** A request for a share by a person's device, under the newest head. */
async function wanted(by: Officer): Promise<Omit<ShareWanted, "references">> {
  const { server } = world;
  const conversation = server.conversation(group);
  const device = await by.device();
  const client = server.people.clientOf(device) as ClientState;
  const asker: ShareAsker = {
    ...{ device, personId: by.person, keys: [...server.people.newestKeys(client)] },
    proof: server.rosters.prove(conversation, conversation.epoch, device) as Uint8Array,
  };
  return {
    ...{ t: "share_wanted", conversationId: group, askers: [asker] },
    head: newest(conversation).head.bytes,
    stamp: await server.rosters.stamp(conversation),
  };
}

/** The shares that b posted. */
function shared(): readonly string[] {
  return world.network(b).seen.filter((one) => /^POST .*\/shares$/u.test(one));
}

it(
  "H1 H2 a holder shares with a device that the newest head lists as its person's, by its own key",
  { timeout: LIMIT_MS },
  async () => {
    const { server } = world;
    const conversation = server.conversation(group);
    const [receiver, device, asked] = [await b.device(), await c.device(), await wanted(c)];
    const [right] = asked.askers as [ShareAsker];
    const [other] = (await wanted(a)).askers as [ShareAsker];
    const outsider = await Insider.register(server, 50);
    const made = conversation.log[0]?.keyId.slice(0, 32) as string;
    const references = [{ kind: 1 as const, reference: made }];
    await c.core.close();
    world.network(b).seen.length = 0;
    for (const wrong of [
      { device: outsider.signer.device, personId: outsider.personId },
      { personId: a.person },
      { proof: other.proof },
      { keys: other.keys },
    ])
      server.live.push(receiver, { ...asked, askers: [{ ...right, ...wrong }], references });
    server.live.push(receiver, { ...asked, references });
    await b.until("answered", () => Promise.resolve(shared().length > 0));
    await b.until("all answered", () => Promise.resolve(shared().length > 1));
    const own = server.people.clientOf(device)?.keys.map(({ keyId }) => keyId);
    const shares = [...conversation.shares.values()].flat();
    expect(conversation.shares.has(outsider.signer.device)).toBe(false);
    for (const share of shares) expect(own).toContain(toHex(share.subarray(17, 33)));
  },
);

describe("a removed member", { timeout: LIMIT_MS }, () => {
  it("gets no key of after its removal under the head of before (H1)", async () => {
    const { server } = world;
    const conversation = server.conversation(group);
    const receiver = await b.device();
    const before = await wanted(c);
    // b hears of the removal by no head and no message: the key alone comes.
    server.live.pushes = (to, frame) => (to !== receiver || frame.t === "key" ? [frame] : []);
    world.network(b).refuse = (path) => (path.includes("/head") ? "not_found" : null);
    await a.core.members.change(group, { remove: [c.person] });
    await a.text(group, "to two");
    await a.until("posted", async () => (await a.core.app.state()).outbox === 0);
    const made = conversation.log.at(-1)?.keyId.slice(0, 32) as string;
    const references = [{ kind: 1 as const, reference: made }];
    world.network(b).seen.length = 0;
    server.live.pushes = (_, frame) => [frame];
    server.live.push(receiver, { ...before, references });
    // b answers one request after another, and a is listed under the head of now.
    server.live.push(receiver, { ...(await wanted(a)), references });
    await b.until("answered", () => Promise.resolve(shared().length > 0));
    expect(shared()).toHaveLength(1);
    // A head with a stamp raises the floor: nothing goes out under the one before, older keys neither.
    const old = conversation.log[0]?.keyId.slice(0, 32) as string;
    server.live.push(receiver, { ...before, references: [{ kind: 1, reference: old }] });
    server.live.push(receiver, { ...(await wanted(a)), references });
    await b.until("answered", () => Promise.resolve(shared().length > 1));
    expect(shared()).toHaveLength(2);
  });

  it("stops no other device of one question, nor does one that lies (H1)", async () => {
    const { server } = world;
    const before = await wanted(c);
    await a.core.members.change(group, { remove: [c.person] });
    const [receiver, asha] = [await b.device(), await a.device()];
    const asked = await wanted(a);
    const liars: readonly ShareAsker[] = [
      ...before.askers,
      ...asked.askers.map((one) => ({ ...one, personId: c.person })),
      ...asked.askers.map((one) => ({ ...one, device: "0".repeat(64) as DeviceId })),
    ];
    const answers: SubmitShares[] = [];
    world.network(b).forge = (path, body) => {
      if (path.endsWith("/shares")) answers.push(body as SubmitShares);
      return body;
    };
    const reference = server.conversation(group).log[0]?.keyId.slice(0, 32) as string;
    server.live.push(receiver, {
      ...{ ...asked, askers: [...liars, ...asked.askers] },
      references: [{ kind: 1, reference }],
    });
    await b.until("answered", () => Promise.resolve(answers.length > 0));
    await world.settle();
    expect(answers.map(({ shares }) => shares.map(({ device }) => device))).toEqual([[asha]]);
  });

  it("gets no key of after its removal from a backup that forgot it (H1)", async () => {
    const { server } = world;
    const backup = server.backup();
    await a.core.members.change(group, { remove: [c.person] });
    await a.text(group, "to two");
    await b.receives(group, "to two");
    const keyAt = (at: number) => server.conversation(group).log.at(at)?.keyId.slice(0, 32) ?? "";
    const [kept, lost] = [keyAt(0), keyAt(-1)];
    await server.restore(backup);
    await a.text(group, "to three again");
    await b.receives(group, "to three again");
    const receiver = await b.device();
    const asked = await wanted(c);
    world.network(b).seen.length = 0;
    // b answers one request after another; the key that the backup holds is shared.
    for (const reference of [lost, kept, kept])
      server.live.push(receiver, { ...asked, references: [{ kind: 1, reference }] });
    await b.until("answered", () => Promise.resolve(shared().length > 1));
    await world.settle();
    expect(shared()).toHaveLength(2);
  });
});

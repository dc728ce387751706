/** Requests that nobody answers for a while, on a connection that stands: nothing else may come. */
import { afterEach, describe, expect, it } from "vitest";
import { MemoryWorld } from "./memory/world.ts";
import { Network } from "./network.ts";
import type { Officer } from "./officer.ts";
import { groupOf, joinMany } from "./several-cells.scenarios.ts";

const LIMIT_MS = 120_000;
const SOON_MS = 60_000;

let w: MemoryWorld;
afterEach(() => w.close());

/** Until so many requests like these have failed, and for a moment more. */
async function unanswered(network: Network, path: RegExp, step: () => Promise<unknown>) {
  network.path = path;
  network.seen.length = 0;
  network.cut = true;
  await step();
  const [officer] = w.officers as [Officer];
  await officer.until("asked in vain", () => Promise.resolve(network.seen.length >= 3));
  await new Promise((resolve) => setTimeout(resolve, 2_500));
  network.cut = false;
}

describe("what was not answered on a connection that stands", { timeout: LIMIT_MS }, () => {
  it.each([
    ["what conversation it is", /\/conversations\/[0-9a-f]+$/u],
    ["who is in it", /\/roster$/u],
    ["the way in", /\/(leases|welcome)$/u],
  ])("is asked again by who was added: %s", async (_, path) => {
    w = new MemoryWorld(8);
    const officers = await joinMany(w, 2);
    const [admin] = officers as [Officer];
    const network = new Network(w.fetch);
    const added = await w.join({ fetch: network.fetch });
    const id = await groupOf(officers);
    await unanswered(network, path, () => admin.core.changeMembers(id, { add: [added.person] }));
    await added.ready(id);
  });

  it("is asked again by who lacks what was not pushed", async () => {
    w = new MemoryWorld(8);
    const officers = await joinMany(w, 2);
    const [admin] = officers as [Officer];
    const network = new Network(w.fetch);
    const lacks = await w.join({ fetch: network.fetch });
    const { clientId } = await lacks.core.state();
    const id = await groupOf([...officers, lacks]);
    await admin.text(id, "before");
    await lacks.receives(id, "before", SOON_MS);
    let lost = false;
    w.server.pushes = (to, frame) => {
      if (to !== clientId || frame.t !== "entry" || lost) return frame;
      lost = true;
      return null;
    };
    await unanswered(network, /\/log$/u, async () => {
      await admin.text(id, "lost on its way");
      await admin.until("sent", async () => (await admin.core.state()).outbox === 0);
      await admin.text(id, "after it");
    });
    await lacks.receives(id, "after it");
    expect(await lacks.texts(id)).toEqual(["before", "lost on its way", "after it"]);
  });

  it("keeps nobody from seeing which epoch of its cell has no key yet", async () => {
    w = new MemoryWorld(8);
    const [admin, newcomer, other] = (await joinMany(w, 3)) as [Officer, Officer, Officer];
    const network = new Network(w.fetch);
    const away = await w.join({ fetch: network.fetch });
    const id = await groupOf([admin, away]);
    await away.core.close();
    await admin.core.changeMembers(id, { add: [newcomer.person] });
    await newcomer.ready(id);
    for (const officer of [admin, newcomer, other]) await officer.core.close();
    // So many that another cell comes beside theirs, while nobody is there.
    const conversation = w.server.conversation(id);
    const many = await joinMany(w, 3);
    for (const officer of many) await officer.core.close();
    const people = [other, ...many].map(({ person }) => person);
    for (const person of people)
      conversation.members.set(person, { admin: false, addedMs: 0, deliveredSeq: 0, readSeq: 0 });
    conversation.edit({
      reason: "department",
      by: null,
      add: people.flatMap((person) => w.server.clientsOf(person)),
      addedPeople: people,
    });
    expect(conversation.cells.size).toBe(2);
    network.path = /\/log$/u;
    network.cut = true;
    network.seen.length = 0;
    await away.restart();
    await away.until("knows of both", async () => (await away.core.encryption(id)).cells === 2);
    await away.until("asked in vain", () => Promise.resolve(network.seen.length >= 3));
    await away.core.encryption(id);
    await new Promise((resolve) => setTimeout(resolve, 2_500));
    network.cut = false;
    await away.text(id, "to all cells");
    await away.until("sent", async () => (await away.core.state()).outbox === 0, SOON_MS);
    await admin.restart();
    await admin.receives(id, "to all cells", SOON_MS);
  });
});

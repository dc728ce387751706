/** Requests that nobody answers for a while, on an open connection: nothing else may come. */
import type { ConversationId } from "#core/ids.ts";
import { describe, expect, it } from "vitest";
import type { Network } from "../support/network.ts";
import type { Officer } from "../support/officer.ts";
import { memoryWorld } from "../support/world.ts";

const LIMIT_MS = 120_000;
const SOON_MS = 60_000;
const w = memoryWorld();

/** Until so many requests like these have failed, and for a moment more. */
async function unanswered(
  officer: Officer,
  network: Network,
  path: RegExp,
  step: () => Promise<unknown>,
): Promise<void> {
  network.path = path;
  network.seen.length = 0;
  network.cut = true;
  await step();
  await officer.until("asked in vain", () => Promise.resolve(network.seen.length >= 3));
  await new Promise((resolve) => setTimeout(resolve, 2_500));
  network.cut = false;
}

async function groupOf(admin: Officer, others: readonly Officer[]): Promise<ConversationId> {
  const { conversationId } = await admin.core.conversations.createGroup({
    title: "Beat 4",
    personIds: others.map(({ person }) => person),
    photo: null,
    whoMaySend: "everyone",
    history: "none",
  });
  await Promise.all([admin, ...others].map((officer) => officer.ready(conversationId)));
  return conversationId;
}

describe("requests without an answer on an open connection", { timeout: LIMIT_MS }, () => {
  it.each([
    ["what conversation it is", /\/conversations\/[0-9a-f]+\/start$/u],
    ["its log", /\/log$/u],
  ])("is asked again by a device that was added: %s", async (_, path) => {
    const [admin, other] = [await w.join(), await w.join()];
    const added = await w.join();
    const network = w.current.network(added);
    const id = await groupOf(admin, [other]);
    await unanswered(admin, network, path, () =>
      admin.core.members.change(id, { add: [added.person] }),
    );
    await added.ready(id);
    await admin.text(id, "after it");
    await added.receives(id, "after it", SOON_MS);
  });

  it("is asked again by a device that lacks what was not pushed", async () => {
    const [admin, other, lacks] = [await w.join(), await w.join(), await w.join()];
    const network = w.current.network(lacks);
    const device = await lacks.device();
    const id = await groupOf(admin, [other, lacks]);
    await admin.text(id, "before");
    await lacks.receives(id, "before", SOON_MS);
    let lost = false;
    w.server.live.pushes = (to, frame) => {
      if (to !== device || frame.t !== "entry" || lost) return [frame];
      lost = true;
      return [];
    };
    await unanswered(admin, network, /\/log$/u, async () => {
      await admin.text(id, "lost on its way");
      await admin.until("sent", async () => (await admin.core.app.state()).outbox === 0);
      await admin.text(id, "after it");
    });
    await lacks.receives(id, "after it", SOON_MS);
    expect(await lacks.texts(id)).toEqual(["before", "lost on its way", "after it"]);
  });
});

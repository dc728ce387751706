/** What was sent to people whose cell nobody had founded yet, when much has been logged since. */
import { afterAll, expect, it } from "vitest";
import { MemoryWorld } from "./memory/world.ts";
import { joinMany } from "./several-cells.scenarios.ts";
import type { Officer } from "./officer.ts";

const SOON_MS = 60_000;
const ENTRIES = 1_200;

const w = new MemoryWorld(8);
afterAll(() => w.close());

it("reaches them however far back it is in the log", { timeout: 240_000 }, async () => {
  const officers = await joinMany(w, 10);
  const [admin, ...others] = officers as [Officer, ...Officer[]];
  for (const officer of others) await officer.core.close();
  const { conversationId: id } = await admin.core.createGroup({
    title: "Force",
    personIds: others.map(({ person }) => person),
    photo: null,
    whoMayPost: "everyone",
  });
  await admin.ready(id);
  await admin.text(id, "first");
  await admin.until("sent", async () => (await admin.core.state()).outbox === 0, SOON_MS);
  // As when thousands of others come in, cell by cell.
  const conversation = w.server.conversation(id);
  for (let i = 0; i < ENTRIES; i++) conversation.edit({ reason: "members", by: null });
  await admin.text(id, "last");
  for (const officer of others) await officer.restart();
  for (const text of ["first", "last"])
    for (const officer of officers) await officer.receives(id, text, SOON_MS);
  for (const officer of officers) expect(await officer.texts(id)).toEqual(["first", "last"]);
  for (const officer of officers)
    expect(await officer.core.encryption(id)).toMatchObject({ waiting: 0, refused: 0 });
});

/** A device that ends in the middle of coming in by a Welcome has everything when it comes back. */
import { afterEach, expect, it } from "vitest";
import type { Fetch } from "../src/transport/http.ts";
import { MemoryWorld } from "./memory/world.ts";
import { Network } from "./network.ts";
import type { Officer } from "./officer.ts";
import { groupOf } from "./several-cells.scenarios.ts";

const LIMIT_MS = 120_000;
const SOON_MS = 60_000;

let w: MemoryWorld;
afterEach(() => w.close());

it("what was read before it was in is opened", { timeout: LIMIT_MS }, async () => {
  w = new MemoryWorld(8);
  const officers: Officer[] = [];
  const random = (): number => Math.random() / 30;
  for (let i = 0; i < 5; i++) officers.push(await w.join({ random }));
  let ends = false;
  let ended = false;
  const fetch: Fetch = (url, init) => {
    if (!ends || init.method !== "DELETE") return w.fetch(url, init);
    ended = true;
    return new Promise(() => undefined);
  };
  const network = new Network(fetch);
  const comes = await w.join({ fetch: network.fetch });
  const clientId = (await comes.core.state()).clientId ?? "";
  const id = await groupOf([...officers, comes]);
  const [admin] = officers as [Officer];
  await admin.text(id, "before");
  await comes.receives(id, "before", SOON_MS);
  await admin.core.changeMembers(id, { remove: [comes.person] });
  await comes.until("removed", async () =>
    (await comes.core.conversations()).some(({ state }) => state === "left"),
  );
  network.path = /\/welcome$/u;
  network.dies = () => "before";
  await admin.core.changeMembers(id, { add: [comes.person] });
  const conversation = w.server.conversation(id);
  const cell = () => conversation.cells.get(conversation.leafOf(clientId)?.cellId ?? "");
  const welcomed = () => Promise.resolve(cell()?.welcomes.has(clientId));
  await comes.until("a Welcome", welcomed, SOON_MS);
  await admin.text(id, "still outside");
  const waits = async () => (await comes.core.encryption(id)).waiting > 0;
  await comes.until("waits", waits, SOON_MS);
  ends = true;
  network.dies = null;
  await comes.until("ended", () => Promise.resolve(ended), SOON_MS);
  ends = false;
  await comes.restart();
  await comes.receives(id, "still outside");
  expect((await comes.core.encryption(id)).waiting).toBe(0);
});

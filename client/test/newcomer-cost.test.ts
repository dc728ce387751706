/** Who comes in late fetches the heads that the cells' keys name: each once, not once for each cell. */
import { afterAll, expect, it } from "vitest";
import { MemoryWorld } from "./memory/world.ts";
import { Network } from "./network.ts";
import { groupOf, joinMany } from "./several-cells.scenarios.ts";

const w = new MemoryWorld(8);
afterAll(() => w.close());

it("asks for few heads before its first message", { timeout: 120_000 }, async () => {
  const officers = await joinMany(w, 20);
  const [admin] = officers;
  if (admin === undefined) throw new Error("nobody");
  const id = await groupOf(officers);
  const network = new Network(w.fetch);
  const second = await w.device(5, { fetch: network.fetch });
  await second.ready(id);
  await second.text(id, "from the second device");
  await admin.receives(id, "from the second device", 60_000);
  const { cells = 0 } = await admin.core.encryption(id);
  const asked = network.seen.filter((path) => path.endsWith("/roster/heads"));
  expect(cells).toBeGreaterThanOrEqual(5);
  expect(asked.length).toBeGreaterThan(0);
  expect(asked.length).toBeLessThan(cells);
});

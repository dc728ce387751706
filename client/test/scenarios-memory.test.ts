import { describe } from "vitest";
import { XWING } from "#core/keys/hpke.ts";
import { scenarios } from "./support/scenarios.ts";
import { memoryWorld } from "./support/world.ts";

describe("with one cell", () => {
  const world = memoryWorld();
  scenarios(() => world.current);
});

describe("with cells of three devices, X-Wing and approval by an admin", () => {
  const world = memoryWorld({ cellSize: 3, kem: XWING, policy: "approval" });
  scenarios(() => world.current);
});

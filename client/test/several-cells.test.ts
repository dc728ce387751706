import { afterAll } from "vitest";
import { MemoryWorld } from "./memory/world.ts";
import { severalCells } from "./several-cells.scenarios.ts";

const w = new MemoryWorld(8);

afterAll(() => w.close());

severalCells(w);

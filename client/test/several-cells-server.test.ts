import { severalCells } from "./several-cells.scenarios.ts";
import { world } from "./world.ts";

// The server in memory speaks X25519 (several-cells.test.ts).
severalCells(world({ COPCONNECT_CELL_SIZE: "8", COPCONNECT_SUITE: "x-wing" }));

import { severalCells } from "./several-cells.scenarios.ts";
import { world } from "./world.ts";

severalCells(world({ COPCONNECT_CELL_SIZE: "8" }));

import { scenarios } from "./scenarios.ts";
import { serverWorld } from "./world.ts";

const world = serverWorld({ COPCONNECT_ROSTER_BATCH_MS: "100" });
scenarios(() => world.current);

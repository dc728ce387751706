import { scenarios } from "./support/scenarios.ts";
import { serverWorld } from "./support/world.ts";

const world = serverWorld({ COPCONNECT_ROSTER_BATCH_MS: "100" });
scenarios(() => world.current);

/** The console that ships: the real core, in the same worker as the app's. */
import "#app/trusted-types.ts";
import { connectCore } from "@copconnect/client/host/connect";
import { start } from "./start.ts";

const target = document.getElementById("app");
if (target !== null) void start(connectCore(), target);

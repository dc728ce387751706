/** The app that ships: the real core, in its worker. */
import type { ConnectedCore } from "@copconnect/client/core";
import { start } from "./app/start.ts";

const hosts = import.meta.glob<{ connectCore(): ConnectedCore }>(
  "../../client/src/host/connect.ts",
  { eager: true },
);
const host = Object.values(hosts)[0];
const target = document.getElementById("app");
if (host !== undefined && target !== null) void start(host.connectCore(), target);

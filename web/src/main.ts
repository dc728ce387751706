/** The app that ships: the real core, in its worker. */
import "./app/trusted-types.ts";
import { connectCore } from "@copconnect/client/host/connect";
import { start } from "./app/start.ts";

const target = document.getElementById("app");
if (target !== null) void start(connectCore(), target);

/** The console over a scripted core: for looking at it, and at states that are hard to reach. */
import { start } from "#console/start.ts";
import { scriptedCore } from "../scripted.ts";

const target = document.getElementById("app");
if (target !== null) void start(scriptedCore(), target);

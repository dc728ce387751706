/** The screens over a scripted core: for looking at them, and at states that are hard to reach. */
import { askNoServer } from "#app/server-config.ts";
import { start } from "#app/start.ts";
import { scriptedCore } from "./scripted.ts";

askNoServer("members", true);
const target = document.getElementById("app");
if (target !== null) void start(scriptedCore(), target);

/** The screens over a scripted core: for looking at them, and at states that are hard to reach. */
import { start } from "#app/start.ts";
import { scriptedCore } from "./scripted.ts";

const target = document.getElementById("app");
if (target !== null) void start(scriptedCore(), target);

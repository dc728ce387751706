/** The console over a scripted core: for looking at it, and at states that are hard to reach. */
import { start } from "#console/start.ts";
import { ScriptedCore } from "../scripted.ts";
import { scenarioFrom } from "../scenario.ts";

const target = document.getElementById("app");
if (target !== null) {
  void start(new ScriptedCore(scenarioFrom(new URLSearchParams(location.search))), target);
}

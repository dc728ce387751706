/**
 * Ends the core as a power cut does (SIGKILL) at a step, once the file ARMED is there. The core has no
 * code for this: `node --import` runs this first, which wraps what the core stores and sends by.
 */
import { existsSync } from "node:fs";
import { DatabaseSync } from "node:sqlite";

const { ARMED: armed, STOP: stop } = process.env;
let commits = 0;

/** End here if this is the step. */
function pass(step) {
  if (step === stop) process.kill(process.pid, "SIGKILL");
}

const exec = DatabaseSync.prototype.exec;
DatabaseSync.prototype.exec = function (sql) {
  if (sql !== "COMMIT" || !existsSync(armed)) return exec.call(this, sql);
  commits += 1;
  pass(`before commit ${commits}`);
  exec.call(this, sql);
  pass(`after commit ${commits}`);
};

const fetch = globalThis.fetch;
globalThis.fetch = async (url, init) => {
  if (init?.method !== "POST" || !existsSync(armed)) return fetch(url, init);
  const what = String(url).split("/").at(-1);
  pass(`before it sends ${what}`);
  const answer = await fetch(url, init);
  pass(`after it sent ${what}`);
  return answer;
};

/** The Python of the server, for tests that start one. */
import { existsSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

export const ROOT = join(dirname(fileURLToPath(import.meta.url)), "..", "..", "..");
/** A server process's environment: nothing of the developer's own settings. */
export const PLAIN: NodeJS.ProcessEnv = {
  PATH: process.env["PATH"],
  PYTHONPATH: `${join(ROOT, "src")}:${ROOT}`,
  PYTHONUNBUFFERED: "1",
};

/** The interpreter with the server's packages. */
export function python(): string {
  const given = process.env["COPCONNECT_PYTHON"];
  if (given !== undefined && given !== "") return given;
  const own = join(ROOT, ".venv", "bin", "python");
  return existsSync(own) ? own : "python3";
}

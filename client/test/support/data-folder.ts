/**
 * The data folder of a real server's department with its keys and people. The first test that starts
 * a server makes it, for all files of tests: each server starts on its own copy. Making it takes
 * two Python processes. Tests in several processes agree by files: one makes the lock and works, the
 * others wait for the mark. A process forks servers and commands meanwhile ({@link startForks}).
 */
import { existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { inject } from "vitest";
import type { TestProject } from "vitest/node";
import { forked, startForks } from "./forks.ts";
import { PLAIN } from "./interpreter.ts";
import { nameOf, numberOf } from "./people.ts";

const PEOPLE = 120;

function writeDataBank(folder: string): void {
  const write = (name: string, rows: readonly (readonly string[])[]): void => {
    writeFileSync(join(folder, name), rows.map((row) => row.join(",")).join("\n") + "\n");
  };
  const terms = ["code", "name_en", "name_te"];
  write("levels.csv", [terms, ["state", "State", ""], ["station", "Station", ""]]);
  write("ranks.csv", [terms, ["PC", "Police Constable", ""], ["SI", "Sub-Inspector", ""]]);
  write("roles.csv", [terms, ["sho", "Station House Officer", ""], ["patrol", "Patrol", ""]]);
  write("units.csv", [
    ["code", "parent", "level", "name_en", "name_te"],
    ["TG", "", "state", "Telangana", "తెలంగాణ"],
    ["TG-CHAR", "TG", "station", "Charminar Police Station", "చార్మినార్"],
  ]);
  const people = Array.from({ length: PEOPLE }, (_, index) => [
    `TG-${String(index).padStart(5, "0")}`,
    nameOf(index),
    "",
    numberOf(index),
    index === 0 ? "SI" : "PC",
    index === 0 ? "SHO Charminar" : "Constable Charminar",
    index === 0 ? "sho" : "patrol",
    "TG-CHAR",
    index === 0 ? "yes" : "no",
    `ENROL${String(index).padStart(7, "0")}`,
  ]);
  write("people.csv", [
    [
      ...["code", "name_en", "name_te", "number", "rank", "post_en"],
      ...["roles", "unit", "head", "enrolment_code"],
    ],
    ...people,
  ]);
}

/** Keys and people of a new department in `folder/data`. */
async function makeDepartment(folder: string): Promise<void> {
  writeDataBank(folder);
  await command(folder, PLAIN, ["init", "--department", "Test Police", "--policy", "none"]);
  await command(folder, PLAIN, ["directory", "import", folder]);
}

/** Run `copconnect` on `folder/data`; return what it printed. */
export function command(
  folder: string,
  env: NodeJS.ProcessEnv,
  args: readonly string[],
): Promise<string> {
  return forked("copconnect", [...args, "--data", join(folder, "data")], env);
}

declare module "vitest" {
  interface ProvidedContext {
    department: string;
  }
}

const MADE = "made";
const FAILED = "failed";
const WAIT_MS = 100;
const LIMIT_MS = 120_000;

/** The folder, made if this is the first to ask. */
export async function departmentFolder(): Promise<string> {
  const folder = inject("department");
  try {
    mkdirSync(join(folder, "lock"));
  } catch {
    for (let ms = 0; !existsSync(join(folder, MADE)); ms += WAIT_MS) {
      if (ms > LIMIT_MS || existsSync(join(folder, FAILED)))
        throw new Error("the department's folder could not be made");
      await new Promise((resolve) => setTimeout(resolve, WAIT_MS));
    }
    return folder;
  }
  try {
    await makeDepartment(folder);
    writeFileSync(join(folder, MADE), "");
  } catch (error) {
    writeFileSync(join(folder, FAILED), String(error));
    throw error;
  }
  return folder;
}

export default async function setUp(project: TestProject): Promise<() => void> {
  const folder = mkdtempSync(join(tmpdir(), "copconnect-department-"));
  project.provide("department", folder);
  const { path, end } = await startForks();
  project.provide("forks", path);
  return () => {
    end();
    rmSync(folder, { recursive: true, force: true });
  };
}

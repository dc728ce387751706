/**
 * The app that ships holds nothing of the scripted core, and the first screen stays small. Builds
 * the app once into a folder of its own.
 */
import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { brotliDecompressSync, gunzipSync, gzipSync } from "node:zlib";
import { build, type Rollup } from "vite";
import { enRest } from "../src/i18n/locales/en-rest.ts";
import { flat } from "./translations.ts";
import { afterAll, beforeAll, describe, expect, it, vi } from "vitest";

const WEB = fileURLToPath(new URL("..", import.meta.url));
const KB = 1000;

let folder = "";
let output: Rollup.RollupOutput["output"];

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), "copconnect-web-"));
  // The build of a test would contain what helps development.
  vi.stubEnv("NODE_ENV", "production");
  const built = await build({
    configFile: join(WEB, "vite.config.ts"),
    mode: "production",
    logLevel: "silent",
    build: { outDir: folder, emptyOutDir: true },
  });
  vi.unstubAllEnvs();
  output = (built as Rollup.RollupOutput).output;
}, 180_000);

afterAll(() => rmSync(folder, { recursive: true, force: true }));

function files(within: string): readonly string[] {
  return readdirSync(within).flatMap((name) => {
    const path = join(within, name);
    return statSync(path).isDirectory() ? files(path) : [path];
  });
}

const chunks = (): readonly Rollup.OutputChunk[] =>
  output.filter((one): one is Rollup.OutputChunk => one.type === "chunk");

/** The files of chunks and everything that they import at once. */
function loadedWith(names: readonly string[]): readonly string[] {
  const wanted = new Set<string>();
  const visit = (fileName: string): void => {
    if (wanted.has(fileName)) return;
    wanted.add(fileName);
    chunks()
      .find((one) => one.fileName === fileName)
      ?.imports.forEach(visit);
  };
  for (const name of names) {
    // The console has chunks of the same names.
    const chunk = chunks().find(
      (one) => one.name === name && !one.moduleIds.some((id) => id.includes("/web/admin/")),
    );
    if (chunk === undefined) throw new Error(`no chunk ${name}`);
    visit(chunk.fileName);
  }
  return [...wanted];
}

const FIRST_SCREEN = ["index", "Main", "ChatsScreen", "en"];

/** Gzipped bytes of files. */
const weight = (names: readonly string[]): number =>
  names.reduce((sum, name) => sum + gzipSync(readFileSync(join(folder, name))).length, 0);

/** Keys of words, or beginnings of keys that are made at run time, as a source names them. */
const named = (source: string): readonly string[] =>
  [...source.matchAll(/["`]([a-zA-Z]+\.[\w.]+)(?:["`]|\$\{)/gu)].map((match) => match[1] ?? "");

describe("the app that ships", () => {
  it("is made of no module of web/dev or web/bench", () => {
    const modules = chunks().flatMap((one) => one.moduleIds);
    expect(modules.some((id) => id.includes("/web/src/app/App.svelte"))).toBe(true);
    expect(modules.filter((id) => /\/web\/(?:dev|bench)\//u.test(id))).toEqual([]);
  });

  it("loads and caches nothing of the console", () => {
    const entry = (name: string): Rollup.OutputChunk => {
      const found = chunks().find((one) => one.isEntry && one.name === name);
      if (found === undefined) throw new Error(`no entry ${name}`);
      return found;
    };
    const reachedFrom = (start: Rollup.OutputChunk): ReadonlySet<string> => {
      const reached = new Set<string>();
      const visit = (fileName: string): void => {
        const chunk = chunks().find((one) => one.fileName === fileName);
        if (chunk === undefined || reached.has(fileName)) return;
        reached.add(fileName);
        [...chunk.imports, ...chunk.dynamicImports].forEach(visit);
      };
      visit(start.fileName);
      return reached;
    };
    const [app, console] = [reachedFrom(entry("index")), reachedFrom(entry("console"))];
    const ofConsole = chunks().filter(({ moduleIds }) =>
      moduleIds.some((id) => /\/web\/admin\/|\/@tanstack\/|\/layerchart\//u.test(id)),
    );
    expect(ofConsole.length).toBeGreaterThan(5);
    expect(ofConsole.filter(({ fileName }) => app.has(fileName))).toEqual([]);
    expect(ofConsole.every(({ fileName }) => console.has(fileName))).toBe(true);
    const worker = readFileSync(join(folder, "service-worker.js"), "utf8");
    const cached = [...console].filter((name) => !app.has(name) && worker.includes(name));
    expect(cached).toEqual([]);
    expect(worker).not.toMatch(/admin\/index\.html|assets\/console-/u);
    // The core's part of the console is fetched with its first call, beside the worker.
    expect(files(folder).some((path) => path.includes("/assets/console-"))).toBe(true);
  });

  it("contains none of the scripted core's words", () => {
    const text = files(folder)
      .filter((path) => /\.(?:js|html|css|webmanifest)$/u.test(path))
      .map((path) => readFileSync(path, "utf8"));
    expect(text.length).toBeGreaterThan(5);
    for (const word of ["ScriptedCore", "scenarioFrom", "Laad Bazaar", "Farhana"]) {
      expect(text.filter((one) => one.includes(word))).toEqual([]);
    }
  });

  it("shows the list of chats with at most 95 KB of script, the core's worker aside", () => {
    expect(weight(loadedWith(FIRST_SCREEN))).toBeLessThan(95 * KB);
  });

  it("names no word on the first screen that comes after it", () => {
    const first = loadedWith(FIRST_SCREEN);
    const modules = chunks()
      .filter(({ fileName }) => first.includes(fileName))
      .flatMap(({ moduleIds }) => moduleIds)
      .filter((id) => /\/web\/src\/(?!i18n\/locales).*\.(?:ts|svelte)$/u.test(id));
    expect(modules.length).toBeGreaterThan(50);
    // The module of errors asks first whether there is a sentence for a code.
    const asked = ["errors.", "errors.limits."];
    const keys = modules
      .flatMap((id) => named(readFileSync(id, "utf8")))
      .filter((key) => !asked.includes(key));
    expect(keys).toContain("chats.empty.title");
    const later = [...flat(enRest).keys()];
    const isLater = (key: string): boolean =>
      later.some((one) => one === key || one.replace(/_(?:one|other)$/u, "") === key) ||
      (key.endsWith(".") && later.some((one) => one.startsWith(key)));
    expect(keys.filter(isLater)).toEqual([]);
    expect(["errors.not_allowed", "firstRun."].map(isLater)).toEqual([true, true]);
  });

  it("lies there compressed too, a third of the bytes, and the same once it is expanded", () => {
    const all = files(folder);
    for (const [ending, expand] of [
      [".br", brotliDecompressSync],
      [".gz", gunzipSync],
    ] as const) {
      const packed = all.filter((path) => path.endsWith(ending));
      expect(packed.map((path) => path.slice(folder.length))).toContain(
        `/service-worker.js${ending}`,
      );
      let [before, after] = [0, 0];
      for (const path of packed) {
        const original = readFileSync(path.slice(0, -ending.length));
        const small = readFileSync(path);
        expect(expand(small).equals(original)).toBe(true);
        [before, after] = [before + original.length, after + small.length];
      }
      expect(after / before).toBeLessThan(0.4);
    }
  });

  it("does not load the map library with any screen", () => {
    const map = chunks().filter((one) => one.moduleIds.some((id) => id.includes("/maplibre-gl/")));
    expect(map.length).toBeGreaterThan(0);
    const direct = chunks().filter((one) =>
      one.imports.some((name) => map.some((each) => each.fileName === name)),
    );
    expect(direct.filter((one) => !map.includes(one))).toEqual([]);
  });
});

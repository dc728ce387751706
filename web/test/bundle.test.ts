/**
 * The app that ships holds nothing of the server in memory, and the first screen stays small. Needs
 * the built app.
 */
import { existsSync, readdirSync, readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { brotliDecompressSync, gunzipSync, gzipSync } from "node:zlib";
import { enRest } from "#i18n/locales/en-rest.ts";
import { isForSome } from "#pwa/used-files.ts";
import { flat } from "./translations.ts";
import { describe, expect, it } from "vitest";

const WEB = fileURLToPath(new URL("..", import.meta.url));
const KB = 1000;

/** A script of the app, as the build describes it; modules relative to web/. */
interface Chunk {
  readonly name: string;
  readonly fileName: string;
  readonly isEntry: boolean;
  readonly imports: readonly string[];
  readonly dynamicImports: readonly string[];
  readonly moduleIds: readonly string[];
}

const folder = join(WEB, "..", "src", "copconnect", "web_app");
const description = join(folder, ".chunks");
if (!existsSync(description)) throw new Error("the web app is not built: run make web");
const chunks = JSON.parse(readFileSync(description, "utf8")) as readonly Chunk[];

function files(within: string): readonly string[] {
  return readdirSync(within).flatMap((name) => {
    const path = join(within, name);
    return statSync(path).isDirectory() ? files(path) : [path];
  });
}

/** The files of modules and everything that they import at once. */
function filesOf(modules: readonly string[]): readonly string[] {
  const wanted = new Set<string>();
  const visit = (fileName: string): void => {
    if (wanted.has(fileName)) return;
    wanted.add(fileName);
    chunks.find((one) => one.fileName === fileName)?.imports.forEach(visit);
  };
  for (const module of modules) {
    const chunk = chunks.find((one) => one.moduleIds.includes(module));
    if (chunk === undefined) throw new Error(`no file has ${module}`);
    visit(chunk.fileName);
  }
  return [...wanted];
}

/** Modules that each start loads, whatever it shows. */
const START = ["src/main.ts", "src/app/start.ts", "src/i18n/locales/en.ts"];
const CHATS = [...START, "src/app/Main.svelte", "src/screens/chats/ChatsScreen.svelte"];
const LANGUAGES = [...START, "src/screens/first-run/FirstRun.svelte"];

/** The page's worker, and the core that it imports at once. */
function core(): readonly string[] {
  const found = new Set<string>();
  const visit = (name: string): void => {
    if (found.has(name)) return;
    found.add(name);
    const code = readFileSync(join(folder, name), "utf8");
    for (const [, next = ""] of code.matchAll(/(?:from|import)"\.\/([\w-]+\.js)"/gu))
      visit(`assets/${next}`);
  };
  for (const name of readdirSync(join(folder, "assets")))
    if (/^worker-[\w-]+\.js$/u.test(name)) visit(`assets/${name}`);
  return [...found];
}

/** Bytes of files as the server sends them. */
const sent = (names: readonly string[]): number =>
  names.reduce((sum, name) => {
    const packed = join(folder, `${name}.br`);
    return sum + statSync(existsSync(packed) ? packed : join(folder, name)).size;
  }, 0);

/** The styles of the page itself, which it waits for. */
const styles = (): readonly string[] =>
  [...readFileSync(join(folder, "index.html"), "utf8").matchAll(/href="\/([^"]+\.css)"/gu)].map(
    ([, name = ""]) => name,
  );

/** Gzipped bytes of files. */
const weight = (names: readonly string[]): number =>
  names.reduce((sum, name) => sum + gzipSync(readFileSync(join(folder, name))).length, 0);

/** Keys of words, or beginnings of keys that are made at run time, as a source names them. */
const named = (source: string): readonly string[] =>
  [...source.matchAll(/["`]([a-zA-Z]+\.[\w.]+)(?:["`]|\$\{)/gu)].map((match) => match[1] ?? "");

describe("the app that ships", () => {
  it("is made of no module of web/dev", () => {
    const modules = chunks.flatMap((one) => one.moduleIds);
    expect(modules.some((id) => id === "src/app/App.svelte")).toBe(true);
    expect(modules.filter((id) => /^dev\//u.test(id))).toEqual([]);
  });

  it("loads and caches nothing of the console", () => {
    const entry = (name: string): Chunk => {
      const found = chunks.find((one) => one.isEntry && one.name === name);
      if (found === undefined) throw new Error(`no entry ${name}`);
      return found;
    };
    const reachedFrom = (start: Chunk): ReadonlySet<string> => {
      const reached = new Set<string>();
      const visit = (fileName: string): void => {
        const chunk = chunks.find((one) => one.fileName === fileName);
        if (chunk === undefined || reached.has(fileName)) return;
        reached.add(fileName);
        [...chunk.imports, ...chunk.dynamicImports].forEach(visit);
      };
      visit(start.fileName);
      return reached;
    };
    const [app, console] = [reachedFrom(entry("index")), reachedFrom(entry("console"))];
    const ofConsole = chunks.filter(({ moduleIds }) =>
      moduleIds.some((id) => /^admin\/|\/@tanstack\/|\/layerchart\//u.test(id)),
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

  it("contains none of the words of the server in memory", () => {
    const text = files(folder)
      .filter((path) => /\.(?:js|html|css|webmanifest)$/u.test(path))
      .map((path) => readFileSync(path, "utf8"));
    expect(text.length).toBeGreaterThan(5);
    for (const word of ["http://memory.test", "the server is down", "Bonalu bandobast"]) {
      expect(text.filter((one) => one.includes(word))).toEqual([]);
    }
  });

  it("shows the list of chats with at most 95 KB of script, the core's worker aside", () => {
    expect(weight(filesOf(CHATS))).toBeLessThan(95 * KB);
  });

  it("comes in few files", () => {
    expect(filesOf(CHATS).length).toBeLessThan(14);
  });

  it("asks a new phone for a language after 220 KB, the core included", () => {
    const loaded = ["index.html", ...styles(), ...filesOf(LANGUAGES), ...core()];
    expect(loaded.length).toBeGreaterThan(9);
    expect(sent(loaded)).toBeLessThan(220 * KB);
  });

  it("keeps the decoder, which throws while it is loaded, out of the core's large file", () => {
    // An error at the top of a module has the engine parse its whole file again, for the line.
    const throwing = core().filter((name) =>
      readFileSync(join(folder, name), "utf8").includes("RangeError on out-of-bounds access"),
    );
    expect(throwing).toHaveLength(1);
    for (const name of throwing) expect(statSync(join(folder, name)).size).toBeLessThan(25 * KB);
    expect(core()).toHaveLength(3);
  });

  it("starts the core's worker before it runs the screens, whose code comes beside it", () => {
    const page = readFileSync(join(folder, "index.html"), "utf8");
    const [screens = ""] = chunks
      .filter(({ moduleIds }) => moduleIds.includes("src/app/start.ts"))
      .map(({ fileName }) => fileName);
    expect(page).toContain(`<link rel="modulepreload" crossorigin href="/${screens}">`);
    expect(filesOf(["src/main.ts"])).not.toContain(screens);
    expect(weight(filesOf(["src/main.ts"]))).toBeLessThan(5 * KB);
  });

  it("compiles at most 480 KB for the core before the list of chats", () => {
    const size = (name: string): number => statSync(join(folder, name)).size;
    expect(core().reduce((sum, name) => sum + size(name), 0)).toBeLessThan(480 * KB);
  });

  it("is stored on a phone in few files, for each of which it asks the server", () => {
    const worker = readFileSync(join(folder, "service-worker.js"), "utf8");
    const stored = files(folder)
      .filter((path) => !/\.(?:br|gz)$/u.test(path))
      .filter((path) => worker.includes(`"${path.slice(folder.length + 1)}"`))
      .filter((path) => !isForSome(path));
    expect(stored).toContain(join(folder, "index.html"));
    expect(stored.length).toBeLessThan(80);
  });

  it("fetches the core once: the service worker imports the file of the page's worker", () => {
    const [, visit = ""] =
      /from"\/(assets\/visit-[\w-]+\.js)"/u.exec(
        readFileSync(join(folder, "service-worker.js"), "utf8"),
      ) ?? [];
    const importedBy = (name: string): readonly string[] =>
      [...readFileSync(join(folder, name), "utf8").matchAll(/from"\.\/([\w-]+\.js)"/gu)].map(
        ([, file = ""]) => file,
      );
    const worker = files(folder).find((path) => /\/assets\/worker-[\w-]+\.js$/u.test(path)) ?? "";
    const started = importedBy(worker.slice(folder.length + 1));
    expect(started).toHaveLength(1);
    // A service worker can import nothing later: what the core imports then comes at once.
    const later = importedBy(visit).filter((name) => !started.includes(name));
    expect(importedBy(visit)).toEqual(expect.arrayContaining([...started]));
    expect(later.map((name) => name.replace(/-.*/u, ""))).toEqual(["kems"]);
    expect(weight(["service-worker.js"])).toBeLessThan(20 * KB);
  });

  it("has a page of one file for those who verify an export without it, of at most 350 KB", () => {
    const page = readFileSync(join(folder, "check-export.html"), "utf8");
    const { length } = Buffer.from(page);
    expect(length).toBeGreaterThan(200 * KB);
    expect(length).toBeLessThan(350 * KB);
    // Its parts are in it, and its own policy lets it reach nothing.
    expect(page).not.toMatch(/<(?:script|link|img)[^>]*\s(?:src|href)=/u);
    expect(page).toContain("default-src 'none'; script-src 'sha256-");
    const worker = readFileSync(join(folder, "service-worker.js"), "utf8");
    expect(worker).not.toContain("check-export");
  });

  it("stores at most 608 KB on a phone at its first visit", () => {
    const worker = readFileSync(join(folder, "service-worker.js"), "utf8");
    const stored = files(folder)
      .map((path) => path.slice(folder.length + 1))
      .filter((name) => !/\.(?:br|gz)$/u.test(name) && worker.includes(`"${name}"`))
      .filter((name) => !isForSome(name));
    expect(stored.filter((name) => name.endsWith(".woff2"))).toEqual([]);
    expect(stored.filter((name) => /icon.*512/u.test(name))).toEqual([]);
    expect(sent(stored)).toBeLessThan(608 * KB);
  });

  it("names no word on a first screen that comes after it", () => {
    const first = [...filesOf(CHATS), ...filesOf(LANGUAGES)];
    const modules = chunks
      .filter(({ fileName }) => first.includes(fileName))
      .flatMap(({ moduleIds }) => moduleIds)
      .filter((id) => /^src\/(?!i18n\/locales).*\.(?:ts|svelte)$/u.test(id));
    expect(modules.length).toBeGreaterThan(50);
    // The module of errors asks first whether there is a sentence for a code.
    const asked = ["errors.", "errors.limits."];
    const keys = modules
      .flatMap((id) => named(readFileSync(join(WEB, id), "utf8")))
      .filter((key) => !asked.includes(key));
    expect(keys).toContain("chats.empty.title");
    const later = [...flat(enRest).keys()];
    const isLater = (key: string): boolean =>
      later.some((one) => one === key || one.replace(/_(?:one|other)$/u, "") === key) ||
      (key.endsWith(".") && later.some((one) => one.startsWith(key)));
    expect(keys.filter(isLater)).toEqual([]);
    expect(["errors.not_allowed", "firstRun.number."].map(isLater)).toEqual([true, true]);
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

  it.each(["maplibre-gl", "pdfjs-dist", "mediabunny"])("loads %s with no screen", (library) => {
    const apart = chunks.filter((one) => one.moduleIds.some((id) => id.includes(`/${library}/`)));
    expect(apart.length).toBeGreaterThan(0);
    const direct = chunks.filter((one) =>
      one.imports.some((name) => apart.some((each) => each.fileName === name)),
    );
    expect(direct.filter((one) => !apart.includes(one))).toEqual([]);
  });
});

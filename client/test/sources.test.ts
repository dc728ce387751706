/**
 * The sources and tests of client/ and web/ import each other in no circle, types included, and their
 * files have names of one style. Each failure names the files; make/structure.py checks sizes.
 */
import { readdirSync, readFileSync } from "node:fs";
import { basename, dirname, join, normalize } from "node:path";
import { fileURLToPath } from "node:url";
import { describe, expect, it } from "vitest";

const ROOT = fileURLToPath(new URL("../../", import.meta.url));
const FOLDERS = [
  "client/src",
  "client/test",
  "client/bench",
  "web/src",
  "web/admin",
  "web/dev",
  "web/test",
];

const KEBAB = /^[a-z0-9]+(?:-[a-z0-9]+)*(?:\.svelte|\.test|\.d)?\.(?:ts|mjs|css|json)$/;
const COMPONENT = /^[A-Z][A-Za-z0-9]*\.svelte$/;

const FILES: ReadonlyMap<string, string> = new Map(
  FOLDERS.flatMap((folder) =>
    readdirSync(join(ROOT, folder), { recursive: true, encoding: "utf8" })
      .map((name) => join(folder, name))
      .filter((path) => /\.(?:ts|mjs|svelte|css)$/.test(path) && !path.includes("/dist/"))
      .map((path): [string, string] => [path, readFileSync(join(ROOT, path), "utf8")]),
  ),
);

/** The folders that aliases name: `imports` of each package.json. */
const ALIASES: readonly (readonly [string, string])[] = [
  ["#console/", "web/admin/src/"],
  ["#core/", "client/src/"],
  ["#", "web/src/"],
];

/** The files that a file imports, by `import`, `import type`, `export … from` or `import()`. */
function importsOf(path: string, text: string): readonly string[] {
  const found = text.matchAll(/\b(?:from|import)\s*\(?\s*["']((?:\.{1,2}\/|#)[^"'?]+)["']/g);
  return [...found].map(([, name = ""]) => {
    const [alias, folder] = ALIASES.find(([one]) => name.startsWith(one)) ?? [
      "",
      `${dirname(path)}/`,
    ];
    return normalize(folder + name.slice(alias.length));
  });
}

/** The first circle that is found, as the files along it; null: there is none. */
function circleIn(graph: ReadonlyMap<string, readonly string[]>): readonly string[] | null {
  const done = new Set<string>();
  const way: string[] = [];
  const visit = (file: string): readonly string[] | null => {
    if (done.has(file)) return null;
    const at = way.indexOf(file);
    if (at >= 0) return [...way.slice(at), file];
    way.push(file);
    for (const next of graph.get(file) ?? []) {
      const circle = visit(next);
      if (circle !== null) return circle;
    }
    way.pop();
    done.add(file);
    return null;
  };
  for (const file of graph.keys()) {
    const circle = visit(file);
    if (circle !== null) return circle;
  }
  return null;
}

describe("the sources", () => {
  it("import each other in no circle, types included", () => {
    expect(FILES.size).toBeGreaterThan(400);
    const graph = new Map([...FILES].map(([path, text]) => [path, importsOf(path, text)]));
    const edges = [...graph.values()].flat().filter((to) => graph.has(to));
    expect(edges.length).toBeGreaterThan(1_000);
    expect(circleIn(graph)).toBeNull();
  });

  it("finds a circle of types, of components and of three files", () => {
    const text =
      'import type { A } from "./a.ts";\nexport * from "../c.ts";\nimport("./D.svelte");';
    expect(importsOf("x/b.ts", text)).toEqual(["x/a.ts", "c.ts", "x/D.svelte"]);
    const aliases = 'import "#core/a.ts";\nimport "#console/b.ts";\nimport "#parts/c.ts";';
    expect(importsOf("x/b.ts", aliases)).toEqual([
      ...["client/src/a.ts", "web/admin/src/b.ts", "web/src/parts/c.ts"],
    ]);
    const graph = new Map([
      ["a", ["b"]],
      ["b", ["d", "c"]],
      ["c", ["a"]],
    ]);
    expect(circleIn(graph)).toEqual(["a", "b", "c", "a"]);
    expect(
      circleIn(
        new Map([
          ["a", ["b", "b"]],
          ["b", ["c"]],
        ]),
      ),
    ).toBeNull();
  });

  it("have names in one style: kebab-case, and components as their tags", () => {
    const others = [...FILES.keys()].filter((path) => {
      const name = basename(path);
      return !KEBAB.test(name) && !COMPONENT.test(name);
    });
    expect(others).toEqual([]);
  });
});

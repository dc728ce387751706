/**
 * The sources and tests of client/ and web/ import each other in no circle, types included, and against
 * no layer (support/layers.ts), and their files have names of one style. Each failure names the files;
 * make/structure.py checks sizes.
 */
import { readdirSync, readFileSync } from "node:fs";
import { basename, dirname, join, normalize } from "node:path";
import { fileURLToPath } from "node:url";
import { describe, expect, it } from "vitest";
import { LAYERS, mayImport, partOf } from "./support/layers.ts";

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

/** The client as a package: its files are named without their ending. */
const PACKAGE = "@copconnect/client/";

/** The files that a file imports, by `import`, `import type`, `export … from` or `import()`. */
function importsOf(path: string, text: string): readonly string[] {
  const found = text.matchAll(
    /\b(?:from|import)\s*\(?\s*["']((?:\.{1,2}\/|#|@copconnect\/client\/)[^"'?]+)["']/g,
  );
  return [...found].map(([, name = ""]) => {
    if (name.startsWith(PACKAGE)) return `client/src/${name.slice(PACKAGE.length)}.ts`;
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

  it("import against no layer, and each folder and flat file of the client has its layer", () => {
    const imports = [...FILES].flatMap(([path, text]) =>
      importsOf(path, text).map((to): [string, string] => [path, to]),
    );
    const against = imports.filter(([from, to]) => !mayImport(from, to));
    expect(against.map((pair) => pair.join(" -> "))).toEqual([]);
    const parts = new Set([...FILES.keys()].map(partOf));
    for (const part of [null, "web", "console"]) expect(parts.delete(part)).toBe(true);
    expect([...parts].sort()).toEqual(LAYERS.flat().sort());
  });

  it.each([
    ["client/src/keys/open.ts", 'import { none } from "../octets.ts";'],
    ["client/src/keys/open.ts", 'import { kem } from "../hpke/suite.ts";'],
    ["client/src/keys/open.ts", 'import { confirmed } from "./trust/confirmed.ts";'],
    ["client/src/inbox/judge.ts", 'export { header } from "../keys/message.ts";'],
    ["client/src/calls/session.ts", 'import { http } from "../transport/http.ts";'],
    ["client/src/create.ts", 'export { session } from "./calls/session.ts";'],
    ["web/src/connected.ts", 'import type { Core } from "../../client/src/core.ts";'],
    ["web/src/connected.ts", 'import { connect } from "@copconnect/client/host/connect";'],
    ["web/src/parts/uses.ts", 'export { connected } from "../connected.ts";'],
    ["web/admin/src/page.ts", 'export { part } from "#parts/part.ts";'],
    ["web/admin/src/page.ts", 'import { OUTCOMES } from "@copconnect/client/admin/outcomes";'],
  ])("let %s say %s", (path, text) => {
    expect(importsOf(path, text).filter((to) => mayImport(path, to))).toHaveLength(1);
  });

  it.each([
    ["client/src/keys/to-transport.ts", 'export { http } from "../transport/http.ts";'],
    ["client/src/keys/to-vault.ts", 'export type { store } from "../vault/store.ts";'],
    ["client/src/keys/to-core.ts", 'export type { Core } from "../core.ts";'],
    ["client/src/keys/to-other.ts", 'export { empty } from "../bytes.ts";'],
    ["client/src/keys/to-store.ts", 'export { people } from "../trust/people-trust.ts";'],
    ["client/src/transport/to-keys.ts", 'import "../keys/message.ts";'],
    ["client/src/transport/to-vault.ts", 'export * from "../vault/store.ts";'],
    ["client/src/vault/to-keys.ts", 'export const m = import("../keys/message.ts");'],
    ["client/src/vault/to-hpke.ts", 'export { kem } from "#core/hpke/suite.ts";'],
    ["client/src/hpke/to-keys.ts", 'export { header } from "../keys/message.ts";'],
    ["client/src/hpke/to-core.ts", 'export type { Core } from "../core.ts";'],
    ["client/src/inbox/to-outbox.ts", 'export { outbox } from "../outbox/outbox.ts";'],
    ["client/src/outbox/to-inbox.ts", 'export { inbox } from "../inbox/inbox.ts";'],
    ["client/src/outbox/to-sync.ts", 'export { sync } from "../sync/sync.ts";'],
    ["client/src/kinds/to-seam.ts", 'import type { Plate } from "../seam/people.ts";'],
    ["client/src/kinds/to-attachments.ts", 'export { cipher } from "../attachments/cipher.ts";'],
    ["client/src/conversation/to-roster.ts", 'import type { R } from "../roster/roster.ts";'],
    ["client/src/conversation/to-secrets.ts", 'import { ask } from "../secrets/asking.ts";'],
    ["client/src/conversation/to-messages.ts", 'export * from "../messages/views.ts";'],
    ["client/src/account/to-reports.ts", 'import type { Case } from "#core/reports/cases.ts";'],
    ["client/src/failure.ts", 'import { Refused } from "./keys/format/refused.ts";'],
    ["client/src/records.ts", 'import type { Context } from "./context.ts";'],
    ["client/src/sync/to-calls.ts", 'export { session } from "../calls/session.ts";'],
    ["client/src/to-web.ts", 'export { connected } from "../../web/src/connected.ts";'],
    ["web/src/deep.ts", 'export { other } from "../../client/src/host/other.ts";'],
    ["web/src/deep-keys.ts", 'export { header } from "@copconnect/client/keys/message";'],
    ["web/src/Deep.svelte", '<script>\n  import { a } from "../../client/src/keys/a.ts";'],
    ["web/src/parts/to-console.ts", 'export { part } from "#console/page.ts";'],
    ["web/admin/src/deep.ts", 'export { other } from "@copconnect/client/host/other";'],
  ])("refuse that %s says %s", (path, text) => {
    expect(importsOf(path, text).filter((to) => !mayImport(path, to))).toHaveLength(1);
  });

  it("have names in one style: kebab-case, and components as their tags", () => {
    const others = [...FILES.keys()].filter((path) => {
      const name = basename(path);
      return !KEBAB.test(name) && !COMPONENT.test(name);
    });
    expect(others).toEqual([]);
  });
});

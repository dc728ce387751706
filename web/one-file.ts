/**
 * A page that is one file, for a disk without a network: its script and styles are in it, and its own
 * policy, by which the browser runs nothing else and reaches nothing.
 */
import { createHash } from "node:crypto";
import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { svelte } from "@sveltejs/vite-plugin-svelte";
import { build, type Plugin, type Rollup } from "vite";

export interface OneFile {
  /** The folder of the page's sources. */
  readonly root: string;
  /** The page's name: `root` has its frame, `.html`, and its script, `.ts`. */
  readonly name: string;
  /** Texts that the page shows, by their files; null: the whole file. It holds no others. */
  readonly texts: Readonly<Record<string, readonly string[] | null>>;
  readonly onwarn: Rollup.WarningHandlerWithDefault;
}

const LOCALE = /\/locales\/\w+\/(\w+)\.json$/u;

function withTexts(texts: OneFile["texts"]): Plugin {
  return {
    name: "with-texts",
    enforce: "pre",
    transform(code, id) {
      const [, file] = LOCALE.exec(id) ?? [];
      if (file === undefined) return undefined;
      const keys = file in texts ? texts[file] : [];
      if (keys === null) return undefined;
      const all = Object.entries(JSON.parse(code) as object);
      return JSON.stringify(Object.fromEntries(all.filter(([key]) => keys?.includes(key))));
    },
  };
}

function hashOf(text: string): string {
  return `'sha256-${createHash("sha256").update(text).digest("base64")}'`;
}

async function pageOf({ root, name, texts, onwarn }: OneFile): Promise<string> {
  const frame = await readFile(join(root, `${name}.html`), "utf8");
  const built = (await build({
    ...{ root, configFile: false, publicDir: false, logLevel: "warn" },
    plugins: [svelte({ configFile: join(root, "svelte.config.js") }), withTexts(texts)],
    build: {
      ...{ write: false, cssCodeSplit: false, assetsInlineLimit: Number.MAX_SAFE_INTEGER },
      modulePreload: { polyfill: false },
      rollupOptions: {
        input: join(root, `${name}.ts`),
        output: { inlineDynamicImports: true },
        onwarn,
      },
    },
  })) as Rollup.RollupOutput;
  let [script, style] = ["", ""];
  for (const one of built.output) {
    if (one.type === "chunk") script += one.code;
    else if (one.fileName.endsWith(".css")) style += String(one.source);
    else throw new Error(`${one.fileName} is beside the page`);
  }
  // Such words in a text of the script would end it in HTML.
  script = script.trim().replaceAll(/<(?=\/?script|!--)/giu, String.raw`\x3c`);
  style = style.trim();
  const policy = [
    `default-src 'none'; script-src ${hashOf(script)}; style-src ${hashOf(style)}; img-src data:`,
    "base-uri 'none'; form-action 'none'; require-trusted-types-for 'script'",
    "trusted-types default svelte-trusted-html",
  ].join("; ");
  const parts = [
    ["{{policy}}", policy],
    ["</head>", `<style>${style}</style></head>`],
    [
      `<script type="module" src="/${name}.ts"></script>`,
      `<script type="module">${script}</script>`,
    ],
  ] as const;
  return parts.reduce((page, [place, part]) => {
    if (!page.includes(place)) throw new Error(`${name}.html has no ${place}`);
    return page.replace(place, () => part);
  }, frame);
}

/** Builds the page beside the app. */
export function oneFile(page: OneFile): Plugin {
  return {
    name: "one-file",
    apply: "build",
    async writeBundle({ dir = "" }) {
      await writeFile(join(dir, `${page.name}.html`), await pageOf(page));
    },
  };
}

/**
 * One config, two builds: the app that ships (`vite build`, into the Python package, which serves it at
 * `/`), and the app over a server in memory for looking at screens (`vite build --mode memory`, into
 * web/dev/dist). Nothing of the latter can reach the first: it has its own root.
 */
import { readFile, readdir, writeFile } from "node:fs/promises";
import { join, relative, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { brotliCompress, constants, gzip } from "node:zlib";
import { svelte } from "@sveltejs/vite-plugin-svelte";
import type { HtmlTagDescriptor, Plugin, Rollup } from "vite";
import { VitePWA } from "vite-plugin-pwa";
import { defineConfig } from "vitest/config";
import { inStages } from "./chunks.ts";
import { oneFile, type OneFile } from "./one-file.ts";

const here = (path: string): string => fileURLToPath(new URL(path, import.meta.url));

/** Files that the console alone loads: the service worker of the officers' app does not fetch them. */
const consoleFiles = new Set<string>();
const CONSOLE_PART = "assets/console-";

/** The chunk of the core that the service worker imports: its name, and its source file. */
const VISIT = {
  name: "@copconnect/client/host/visit",
  file: here("../client/src/host/visit.ts"),
};

/** A file as Rollup is about to name it. */
type Named = Pick<Rollup.PreRenderedChunk, "isDynamicEntry" | "moduleIds">;

/** Parts of the core's worker that belong to screens which few phones keep: the folder, and the file's name. */
const PARTS: Readonly<Record<string, string>> = {
  admin: CONSOLE_PART,
  overseeing: "assets/oversee-",
};

/** The file names of the parts above, by which the service worker knows to keep them once they are used. */
function namedByPart({ isDynamicEntry, moduleIds }: Named): string {
  const part = Object.entries(PARTS).find(
    ([folder]) => isDynamicEntry && moduleIds.some((id) => id.includes(`/client/src/${folder}/`)),
  );
  return `${part?.[1] ?? "assets/"}[name]-[hash].js`;
}

/** Names the words of a language, which the service worker keeps where they are used (pwa/used-files.ts). */
function namedByLanguage({ isDynamicEntry, moduleIds }: Named): string {
  const locale = /\/web\/src\/i18n\/locales\/(te|ur|hi)\b/u.exec(moduleIds.at(-1) ?? "");
  const words = isDynamicEntry && locale !== null ? `words-${locale[1] ?? ""}-` : "";
  return `assets/${words}[name]-[hash].js`;
}

/**
 * MessagePack's decoder throws an error while its module runs, to see which one. An engine then parses the
 * whole file that the module is in once more, for the line: so it has a separate file.
 */
function decoderApart(id: string): string | undefined {
  return id.includes("/@msgpack/") ? "msgpack" : undefined;
}

/**
 * The core's file in the page's worker is the service worker's too, so that a phone fetches it once.
 * `forWorker` builds `VISIT` beside the worker; `forServiceWorker` imports what was built.
 */
function sharedCore(): { readonly forWorker: Plugin; readonly forServiceWorker: Plugin } {
  let built = "";
  return {
    forWorker: {
      name: "shared-core",
      moduleParsed({ id }) {
        if (!id.endsWith("/client/src/host/worker.ts")) return;
        this.emitFile({
          ...{ type: "chunk", id: VISIT.file, name: "visit" },
          preserveSignature: "strict",
        });
      },
      generateBundle(_, bundle) {
        for (const one of Object.values(bundle)) {
          if (one.type !== "chunk" || one.facadeModuleId !== VISIT.file) continue;
          built = one.fileName;
          // Vite takes the first entry for the worker.
          one.isEntry = false;
        }
      },
    },
    forServiceWorker: {
      name: "shared-core",
      enforce: "pre",
      resolveId(id) {
        if (id !== VISIT.name) return null;
        if (built === "") throw new Error(`${VISIT.file} was not built`);
        return { id: `/${built}`, external: "absolute" };
      },
    },
  };
}

/** Notes which files are reached from the console's page and not from the app's. */
function consoleApart(): Plugin {
  return {
    name: "console-apart",
    apply: "build",
    generateBundle(_, bundle) {
      const reachedFrom = (entry: string): ReadonlySet<string> => {
        const reached = new Set<string>();
        const visit = (name: string): void => {
          const chunk = bundle[name];
          if (reached.has(name) || chunk?.type !== "chunk") return;
          reached.add(name);
          for (const css of chunk.viteMetadata?.importedCss ?? []) reached.add(css);
          [...chunk.imports, ...chunk.dynamicImports].forEach(visit);
        };
        for (const one of Object.values(bundle))
          if (one.type === "chunk" && one.isEntry && one.name === entry) visit(one.fileName);
        return reached;
      };
      const app = reachedFrom("index");
      for (const name of reachedFrom("console")) if (!app.has(name)) consoleFiles.add(name);
    },
  };
}

/** Writes what each script is made of beside the app, for a test of it (test/bundle.test.ts); it is
 * neither served nor packed. */
function described(): Plugin {
  return {
    name: "described",
    apply: "build",
    async writeBundle({ dir = "" }, bundle) {
      const chunks = Object.values(bundle)
        .filter((one) => one.type === "chunk")
        .map(({ name, fileName, isEntry, imports, dynamicImports, moduleIds }) => ({
          ...{ name, fileName, isEntry, imports, dynamicImports },
          moduleIds: moduleIds.map((id) => relative(here("."), id)),
        }));
      await writeFile(join(dir, ".chunks"), JSON.stringify(chunks));
    },
  };
}

/** Has the app's page fetch a module, and what it imports, beside its own script, which imports it later. */
function preloaded(module: string): Plugin {
  return {
    name: "preloaded",
    apply: "build",
    transformIndexHtml: {
      order: "post",
      handler(html, { bundle = {}, path }) {
        if (path !== "/index.html") return undefined;
        const tags: HtmlTagDescriptor[] = [];
        const add = (rel: string, name: string): void => {
          const href = `/${name}`;
          const isNew = tags.every(({ attrs }) => attrs?.["href"] !== href);
          if (isNew && !html.includes(`href="${href}"`))
            tags.push({ tag: "link", attrs: { rel, crossorigin: true, href }, injectTo: "head" });
        };
        const visit = (name: string): void => {
          const chunk = bundle[name];
          if (chunk?.type !== "chunk") return;
          add("modulepreload", name);
          for (const css of chunk.viteMetadata?.importedCss ?? []) add("stylesheet", css);
          chunk.imports.forEach(visit);
        };
        for (const one of Object.values(bundle))
          if (one.type === "chunk" && one.moduleIds.includes(module)) visit(one.fileName);
        return tags;
      },
    },
  };
}

/**
 * Passes over warnings of Rollup about libraries' own files, which nobody here can mend: comments that it
 * does not read, and a fallback to Node's crypto that a browser never takes.
 */
const warnOfOurs: Rollup.WarningHandlerWithDefault = (warning, warn) => {
  const annotation = warning.code === "INVALID_ANNOTATION";
  const nodeCrypto = warning.message.includes('Module "crypto" has been externalized');
  if (!annotation && !nodeCrypto) warn(warning);
};

/** The web manifest, and the service worker built from src/service-worker.ts. */
function installable(srcDir: string, core: Plugin): ReturnType<typeof VitePWA> {
  return VitePWA({
    strategies: "injectManifest",
    srcDir,
    filename: "service-worker.ts",
    injectRegister: false,
    // The system that installs the app fetches its icons.
    includeManifestIcons: false,
    injectManifest: {
      rollupFormat: "es",
      buildPlugins: { vite: [core] },
      rollupOptions: { onwarn: warnOfOurs },
      globPatterns: ["**/*.{html,js,css,woff2,svg,png,webmanifest,wasm}"],
      globIgnores: [
        // MapLibre is a megabyte that many never open; it is fetched with the first large map.
        ...["**/libre-*", "**/maplibre-gl-worker-*"],
        ...["icon-512.png", "icon-maskable-512.png", "apple-touch-icon.png"],
        "check-export.html",
      ],
      maximumFileSizeToCacheInBytes: 4 * 1024 * 1024,
      manifestTransforms: [
        (entries) => ({
          manifest: entries.filter(
            ({ url }) =>
              !consoleFiles.has(url) && !url.startsWith("admin/") && !url.startsWith(CONSOLE_PART),
          ),
          warnings: [],
        }),
      ],
    },
    manifest: {
      id: "/",
      name: "Cop Connect",
      short_name: "Cop Connect",
      description: "The department's own end-to-end encrypted messenger.",
      start_url: "/",
      scope: "/",
      display: "standalone",
      background_color: "#ffffff",
      theme_color: "#1b4397",
      categories: ["communication"],
      icons: [
        { src: "/icon-192.png", sizes: "192x192", type: "image/png" },
        { src: "/icon-512.png", sizes: "512x512", type: "image/png" },
        {
          src: "/icon-maskable-512.png",
          sizes: "512x512",
          type: "image/png",
          purpose: "maskable",
        },
        { src: "/icon.svg", sizes: "any", type: "image/svg+xml" },
      ],
    },
  });
}

/** The page that people without the app verify an export with. */
const CHECK: OneFile = {
  ...{ root: here("."), name: "check-export" },
  texts: {
    ...{ exports: null, media: ["print"] },
    errors: ["export_invalid", "unexpected"],
  },
  onwarn: warnOfOurs,
};

const COMPRESSIBLE = /\.(html|js|css|svg|json|webmanifest|wasm)$/;
const SMALLEST = 1_000;

/** Beside each file what the server sends instead: a phone's first visit is a third of the bytes. */
function compressed(): Plugin {
  let folder = "";
  const brotli = promisify(brotliCompress);
  const zip = promisify(gzip);
  return {
    name: "compressed",
    apply: "build",
    configResolved({ root, build: { outDir } }) {
      folder = resolve(root, outDir);
    },
    // After the service worker, whose own file is written last.
    closeBundle: {
      order: "post",
      sequential: true,
      async handler() {
        for (const name of await readdir(folder, { recursive: true })) {
          if (!COMPRESSIBLE.test(name)) continue;
          const file = join(folder, name);
          const bytes = await readFile(file);
          if (bytes.length < SMALLEST) continue;
          const params = { [constants.BROTLI_PARAM_QUALITY]: 9 };
          await writeFile(`${file}.br`, await brotli(bytes, { params }));
          await writeFile(`${file}.gz`, await zip(bytes, { level: 9 }));
        }
      },
    },
  };
}

const APART: Readonly<Record<string, { root: string; outDir: string }>> = {
  memory: { root: "./dev", outDir: "./dev/dist" },
};

const pages = (root: string): Record<string, string> => ({
  index: here(`${root}/index.html`),
  // The pages of the app that ships alone.
  ...(root === "."
    ? { console: here("./admin/index.html"), practice: here("./practice.html") }
    : {}),
});

const screens = (...paths: readonly string[]): readonly string[] =>
  paths.map((path) => here(`./src/screens/${path}`));

const STAGES = inStages(
  {
    page: here("./index.html"),
    stages: {
      start: [here("./src/app/start.ts")],
      chats: [here("./src/app/Main.svelte"), ...screens("chats/ChatsScreen.svelte")],
      firstRun: screens("first-run/FirstRun.svelte"),
      laterSteps: screens("first-run/LaterSteps.svelte"),
      notices: [
        ...["Announcements", "FlashOrder", "LiveBanner"].map((name) =>
          here(`./src/app/${name}.svelte`),
        ),
        ...screens("reports/SanctionBanner.svelte", "reports/SanctionNote.svelte"),
      ],
      lock: screens("lock/LockScreen.svelte"),
    },
    rooms: {
      conversation: [
        ...screens("conversation/Conversation.svelte", "conversation/guard/GuardSheet.svelte"),
        ...screens("conversation/guard/pictures.ts", "conversation/consultation/LiveMap.svelte"),
        here("./src/parts/attachments/SoundBar.svelte"),
      ],
      sheets: [
        here("./src/media/editing/PictureEditor.svelte"),
        ...screens(
          ...["conversation/composer/Attach.svelte", "conversation/composer/LinkBar.svelte"],
          "conversation/forward/ForwardSheet.svelte",
          ...[
            "conversation/details/Details.svelte",
            "conversation/consultation/QuestionList.svelte",
          ],
          ...["new/NewScreen.svelte", "reports/ReportSheet.svelte"],
          ...["FoundMessages", "FoundPeople", "ChatMenu", "FolderSheet"].map(
            (name) => `chats/${name}.svelte`,
          ),
          ...["conversation/FindBar.svelte", "conversation/SelectionBar.svelte"],
          "exports/ExportSheet.svelte",
          ...[
            "conversation/gallery/GalleryPage.svelte",
            "conversation/replies/RepliesPage.svelte",
            "joining/GroupJoining.svelte",
            "conversation/messages/NumberSheet.svelte",
          ],
          ...["DeleteDialog", "EditSheet", "FormerSheet"].map(
            (name) => `conversation/messages/${name}.svelte`,
          ),
        ),
      ],
      orders: screens(
        ...["orders/OrdersScreen.svelte", "orders/OrderPage.svelte"],
        "orders/compose/ComposeOrder.svelte",
      ),
      oversee: screens("overseeing/OverseeScreen.svelte"),
      people: screens("people/PeopleScreen.svelte", "joining/JoinablePage.svelte"),
      me: [
        ...screens("me/MeScreen.svelte", "devices/Unconfirmed.svelte"),
        ...screens("presence/PresenceDialog.svelte"),
        ...screens("reports/MyReports.svelte", "reports/SanctionsPage.svelte"),
        ...screens("me/StarredPage.svelte", "me/DownloadsPage.svelte", "exports/VerifyPage.svelte"),
        here("./src/app/SignedOut.svelte"),
      ],
      training: screens("training/TrainingScreen.svelte"),
    },
  },
  [
    { page: here("./admin/index.html"), opensRooms: false },
    { page: here("./practice.html"), opensRooms: true },
  ],
);

export default defineConfig(({ mode }) => {
  const apart = APART[mode];
  const core = sharedCore();
  return {
    root: here(apart?.root ?? "."),
    publicDir: here("./public"),
    plugins: [
      svelte({ configFile: here("./svelte.config.js") }),
      // Only the app that ships is installable; the others must not take over its address.
      ...(apart === undefined
        ? [
            consoleApart(),
            described(),
            preloaded(here("./src/app/start.ts")),
            oneFile(CHECK),
            installable(here("./src"), core.forServiceWorker),
            compressed(),
          ]
        : []),
    ],
    worker: {
      format: "es",
      plugins: () => (apart === undefined ? [core.forWorker] : []),
      rollupOptions: { output: { chunkFileNames: namedByPart, manualChunks: decoderApart } },
    },
    build: {
      outDir: here(apart?.outDir ?? "../src/copconnect/web_app"),
      emptyOutDir: true,
      sourcemap: false,
      chunkSizeWarningLimit: 1500,
      rollupOptions: {
        // The console has its own page: nothing of it is loaded by the officers' app.
        input: pages(apart?.root ?? "."),
        ...(apart === undefined
          ? { output: { manualChunks: STAGES, chunkFileNames: namedByLanguage } }
          : {}),
        onwarn: warnOfOurs,
      },
    },
    test: {
      root: here("."),
      include: ["{src,admin,test}/**/*.test.ts"],
      // To import the app again for each file takes two thirds of the time of all tests. A file that
      // fakes something of the process puts it back.
      isolate: false,
      environment: "node",
    },
  };
});

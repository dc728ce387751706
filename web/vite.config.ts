/**
 * One config, two builds: the app that ships (`vite build`, into the Python package, which serves
 * it at `/`), and the scripted app for looking at screens without a server (`vite build --mode
 * scripted`, into web/dev/dist). Nothing of web/dev can reach the first: it has its own root.
 */
import { fileURLToPath } from "node:url";
import { svelte } from "@sveltejs/vite-plugin-svelte";
import { VitePWA } from "vite-plugin-pwa";
import { defineConfig } from "vitest/config";

const here = (path: string): string => fileURLToPath(new URL(path, import.meta.url));

/** The web manifest, and the service worker built from src/service-worker.ts. */
function installable(srcDir: string): ReturnType<typeof VitePWA> {
  return VitePWA({
    strategies: "injectManifest",
    srcDir,
    filename: "service-worker.ts",
    injectRegister: false,
    injectManifest: {
      globPatterns: ["**/*.{html,js,css,woff2,svg,png,webmanifest,wasm}"],
      // MapLibre is a megabyte that many never open; it is fetched with the first large map.
      globIgnores: ["**/libre-*", "**/maplibre-gl-worker-*"],
      maximumFileSizeToCacheInBytes: 4 * 1024 * 1024,
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

export default defineConfig(({ mode }) => {
  const scripted = mode === "scripted";
  return {
    root: here(scripted ? "./dev" : "."),
    publicDir: here("./public"),
    plugins: [
      svelte({ configFile: here("./svelte.config.js") }),
      // Only the app that ships is installable; the scripted one must not take over its address.
      ...(scripted ? [] : [installable(here("./src"))]),
    ],
    worker: { format: "es" },
    build: {
      outDir: here(scripted ? "./dev/dist" : "../src/copconnect/web_app"),
      emptyOutDir: true,
      sourcemap: false,
      chunkSizeWarningLimit: 1500,
      rollupOptions: {
        // What libraries' own files make Rollup say, and nobody here can mend: comments that it
        // does not read, and a fallback to Node's crypto that a browser never takes.
        onwarn(warning, warn) {
          const annotation = warning.code === "INVALID_ANNOTATION";
          const nodeCrypto = warning.message.includes('Module "crypto" has been externalized');
          if (!annotation && !nodeCrypto) warn(warning);
        },
      },
    },
    test: {
      root: here("."),
      include: ["src/**/*.test.ts", "test/**/*.test.ts"],
      environment: "node",
    },
  };
});

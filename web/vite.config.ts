/**
 * One config, two builds: the app that ships (`vite build`, into the Python package, which serves
 * it at `/`), and the scripted app for looking at screens without a server (`vite build --mode
 * scripted`, into web/dev/dist). Nothing of web/dev can reach the first: it has its own root.
 */
import { fileURLToPath } from "node:url";
import { svelte } from "@sveltejs/vite-plugin-svelte";
import { defineConfig } from "vitest/config";

const here = (path: string): string => fileURLToPath(new URL(path, import.meta.url));

export default defineConfig(({ mode }) => {
  const scripted = mode === "scripted";
  return {
    root: here(scripted ? "./dev" : "."),
    publicDir: here("./public"),
    plugins: [svelte({ configFile: here("./svelte.config.js") })],
    worker: { format: "es" },
    build: {
      outDir: here(scripted ? "./dev/dist" : "../src/copconnect/web_app"),
      emptyOutDir: true,
      sourcemap: false,
    },
    test: {
      root: here("."),
      include: ["src/**/*.test.ts", "test/**/*.test.ts"],
      environment: "node",
    },
  };
});

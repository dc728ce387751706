import js from "@eslint/js";
import boundaries from "eslint-plugin-boundaries";
import svelte from "eslint-plugin-svelte";
import globals from "globals";
import tseslint from "typescript-eslint";

/** Forbid globals, also as properties of globalThis, self and window. */
function without(names, message) {
  const forbidden = names.map((name) => ({ name, message }));
  return ["error", { globals: forbidden, checkGlobalObject: true }];
}

const CLIENT = "client/src/**/*.ts";
const WEB = "web/src/**/*.{ts,svelte}";
const PAGE = ["window", "document", "localStorage", "sessionStorage", "alert", "confirm", "prompt"];
const IO = ["fetch", "XMLHttpRequest", "WebSocket", "EventSource", "indexedDB", "crypto"];
const CRYPTOGRAPHY = ["@hpke/*", "@noble/*", "@peculiar/*", "hash-wasm"];

export default tseslint.config(
  {
    ignores: [
      "**/node_modules/**",
      "**/dist/**",
      "build/**",
      ".venv/**",
      ".demo/**",
      ".artefacts/**",
      "src/**",
      "client/src/wire.ts",
    ],
  },
  js.configs.recommended,
  ...tseslint.configs.strict,
  ...svelte.configs.recommended,
  {
    languageOptions: { globals: { ...globals.browser, ...globals.node } },
    linterOptions: { reportUnusedDisableDirectives: "error" },
    rules: {
      "@typescript-eslint/consistent-type-imports": "error",
      "no-console": "error",
    },
  },
  {
    files: ["**/*.svelte", "**/*.svelte.ts"],
    languageOptions: { parserOptions: { parser: tseslint.parser } },
  },

  // Layers, with nothing exempt. Each file of client/src and web/src belongs to one element, and an
  // import between two elements that no policy allows is an error. src/wire.ts is generated.
  {
    files: [CLIENT, WEB],
    plugins: { boundaries },
    settings: {
      "import/resolver": { node: { extensions: [".ts", ".js", ".svelte"] } },
      "boundaries/include": ["client/src/**/*", "web/src/**/*"],
      "boundaries/elements": [
        { type: "cells", pattern: "client/src/cells", partialMatch: false },
        { type: "hpke", pattern: "client/src/hpke", partialMatch: false },
        { type: "keys", pattern: "client/src/keys", partialMatch: false },
        { type: "rosters", pattern: "client/src/rosters", partialMatch: false },
        { type: "mls", pattern: "client/src/mls", partialMatch: false },
        { type: "transport", pattern: "client/src/transport", partialMatch: false },
        { type: "vault", pattern: "client/src/vault", partialMatch: false },
        { type: "core", pattern: "client/src", partialMatch: false },
        { type: "web", pattern: "web/src", partialMatch: false },
      ],
      "boundaries/files": [
        { category: "seam", pattern: "client/src/{core,wire}.ts" },
        { category: "seam", pattern: "client/src/host/connect.ts" },
        { category: "bytes", pattern: "client/src/octets.ts" },
        {
          category: "trust records",
          pattern:
            "client/src/trust/{confirmed,department,device-certificate,ed25519,endorsement,grant," +
            "person-card,person-devices,revocation,trust-records}.ts",
        },
      ],
    },
    rules: {
      "boundaries/no-unknown-files": "error",
      "boundaries/dependencies": [
        "error",
        {
          default: "disallow",
          message:
            "cells, mls, transport and vault never import each other; cells knows only hpke/ and " +
            "octets.ts of the rest; web/ knows only core.ts, wire.ts and host/connect.ts of the client. " +
            "Pass the thing in from client/src/engine.",
          policies: [
            { allow: { to: { module: { origin: ["external", "core"] } } } },
            {
              from: { element: { type: "core" } },
              allow: {
                to: {
                  element: {
                    types: {
                      anyOf: ["cells", "keys", "mls", "rosters", "transport", "vault"],
                    },
                  },
                },
              },
            },
            // KEYS.md as code: bytes and judgements, no I/O.
            {
              from: { element: { types: { anyOf: ["keys", "rosters"] } } },
              allow: { to: { element: { types: { anyOf: ["keys", "rosters"] } } } },
            },
            {
              from: { element: { types: { anyOf: ["keys", "rosters"] } } },
              allow: { to: { file: { categories: "trust records" } } },
            },
            {
              from: { element: { types: { anyOf: ["mls", "transport", "vault"] } } },
              allow: { to: { element: { type: "core" } } },
            },
            {
              from: { element: { types: { anyOf: ["cells", "hpke", "keys", "rosters"] } } },
              allow: { to: { file: { categories: "bytes" } } },
            },
            {
              from: { element: { types: { anyOf: ["cells", "keys", "mls"] } } },
              allow: { to: { element: { type: "hpke" } } },
            },
            { from: { element: { type: "web" } }, allow: { to: { file: { categories: "seam" } } } },
          ],
        },
      ],
    },
  },

  // The client runs in a worker: no page. Only mls/ knows the MLS library.
  {
    files: [CLIENT],
    rules: {
      "no-restricted-globals": without(PAGE, "The client runs in a worker: there is no page."),
      "no-restricted-imports": [
        "error",
        {
          patterns: [
            { group: ["ts-mls", "ts-mls/*"], message: "Only client/src/mls imports ts-mls." },
            { group: ["svelte", "svelte/*"], message: "The client has no screens." },
          ],
        },
      ],
    },
  },
  {
    files: ["client/src/mls/**/*.ts"],
    rules: {
      "no-restricted-imports": [
        "error",
        { patterns: [{ group: ["svelte", "svelte/*"], message: "The client has no screens." }] },
      ],
    },
  },

  // The web app shows what the core says: it neither talks to the server nor encrypts.
  {
    files: [WEB],
    rules: {
      "no-restricted-globals": without(IO, "web/ asks the core (client/src/core.ts) for this."),
      "no-restricted-imports": [
        "error",
        {
          patterns: [
            {
              group: [
                "@copconnect/client/*",
                "!@copconnect/client/core",
                "!@copconnect/client/wire",
                "!@copconnect/client/host",
                "@copconnect/client/host/*",
                "!@copconnect/client/host/connect",
              ],
              message: "Of the client, web/ knows only core, wire and host/connect.",
            },
            {
              group: ["ts-mls", "ts-mls/*", "@msgpack/*", "idb", ...CRYPTOGRAPHY],
              message: "web/ asks the core (client/src/core.ts) for this.",
            },
          ],
        },
      ],
    },
  },

  // Two files pass requests on: the service worker (the app's own files) and the one that reads
  // /config.json, which is no part of the protocol.
  {
    files: ["web/src/service-worker.ts", "web/src/app/server-config.ts"],
    rules: {
      "no-restricted-globals": without(
        IO.filter((name) => name !== "fetch"),
        "web/ asks the core (client/src/core.ts) for this.",
      ),
    },
  },
);

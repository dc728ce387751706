import js from "@eslint/js";
import svelte from "eslint-plugin-svelte";
import globals from "globals";
import tseslint from "typescript-eslint";

/** Forbid globals, also as properties of globalThis, self and window. */
function without(names, message) {
  const forbidden = names.map((name) => ({ name, message }));
  return ["error", { globals: forbidden, checkGlobalObject: true }];
}

const CLIENT = "client/src/**/*.ts";
const WEB = "web/{src,admin}/**/*.{ts,svelte}";
const PAGE = ["window", "document", "localStorage", "sessionStorage", "alert", "confirm", "prompt"];
const IO = ["fetch", "XMLHttpRequest", "WebSocket", "EventSource", "indexedDB", "crypto"];
const CRYPTOGRAPHY = ["@hpke/*", "@noble/*", "@peculiar/*", "hash-wasm"];

/** Deep climbs name no folder; `imports` of web/package.json and client/package.json does. */
const CLIMBING = {
  regex: "^\\.\\./\\.\\./\\.\\./",
  message:
    "Name the folder: #core/… in client/, #parts/… or #console/… in web/ (see package.json).",
};

/** Names of ids and of devices, which are named by one. */
const ID = "/^(?:id|ids|device|devices)$|(?:Id|Ids|Device|Devices)$/";
/** Text, alone or among other types, as the type of what `owner` names. */
function plainId(owner, message) {
  const within = [
    ...["", " > TSUnionType", " > TSArrayType", " > TSTypeOperator > TSArrayType"],
    " > TSTypeReference > TSTypeParameterInstantiation",
  ];
  return within.map((path) => ({
    selector: `${owner} > TSTypeAnnotation${path} > TSStringKeyword`,
    message,
  }));
}

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
      "client/src/limits.ts",
      "client/src/admin/outcomes.ts",
      "client/src/transport/operations.ts",
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
      // Two fifths of the linter's time, for comments that no longer silence anything, for comments in
      // components that silence ESLint (there are none), and for values that nobody reads.
      "svelte/no-unused-svelte-ignore": "off",
      "svelte/comment-directive": "off",
      "no-useless-assignment": "off",
    },
  },
  {
    files: ["**/*.svelte", "**/*.svelte.ts"],
    languageOptions: { parserOptions: { parser: tseslint.parser } },
  },

  // TypeScript refuses what is unused (noUnusedLocals, noUnusedParameters) at no cost; this rule took a
  // quarter of the linter's time.
  {
    files: ["client/{src,test,bench}/**/*.ts", "web/{src,admin,dev,bench,test}/**/*.{ts,svelte}"],
    rules: { "@typescript-eslint/no-unused-vars": "off" },
  },

  // Each id is its own type: text that is mixed up does not compile. wire.ts has no plain id either
  // (src/copconnect/wire/typescript.py).
  {
    files: [CLIENT, WEB],
    rules: {
      "no-restricted-syntax": [
        "error",
        ...[
          `Identifier[name=${ID}]`,
          `TSPropertySignature[key.name=${ID}]`,
          `PropertyDefinition[key.name=${ID}]`,
        ].flatMap((owner) =>
          plainId(
            owner,
            "Give an id its own type: PersonId, ConversationId, … of client/src/ids.ts (in web/ from " +
              "@copconnect/client/wire). Cast plain text only where it comes in from outside.",
          ),
        ),
      ],
    },
  },

  // The client runs in a worker: no page.
  {
    files: [CLIENT],
    rules: {
      "no-restricted-globals": without(PAGE, "The client runs in a worker: there is no page."),
      "no-restricted-imports": [
        "error",
        {
          patterns: [
            CLIMBING,
            { group: ["svelte", "svelte/*"], message: "The client has no screens." },
          ],
        },
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
            CLIMBING,
            {
              group: [
                "@copconnect/client/*",
                "!@copconnect/client/core",
                "!@copconnect/client/wire",
                "!@copconnect/client/host",
                "@copconnect/client/host/*",
                "!@copconnect/client/host/connect",
                "!@copconnect/client/host/visit",
                "!@copconnect/client/admin",
                "@copconnect/client/admin/*",
                "!@copconnect/client/admin/outcomes",
              ],
              message:
                "Of the client, web/ knows only core, wire, admin/outcomes, host/connect and host/visit.",
            },
            {
              group: ["@msgpack/*", "idb", ...CRYPTOGRAPHY],
              message: "web/ asks the core (client/src/core.ts) for this.",
            },
          ],
        },
      ],
    },
  },

  // Three files make requests: the service worker and the viewer of PDFs (the app's own files), and the
  // one that reads /config.json, which is no part of the protocol.
  {
    files: [
      ...["web/src/service-worker.ts", "web/src/app/server-config.ts"],
      "web/src/media/pdf/document.ts",
    ],
    rules: {
      "no-restricted-globals": without(
        IO.filter((name) => name !== "fetch"),
        "web/ asks the core (client/src/core.ts) for this.",
      ),
    },
  },
);

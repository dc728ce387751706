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

/** The rooms of one conversation and of its messages. */
const CONVERSATION = ["conversation", "roster", "secrets", "messages", "kinds", "keys"];

/** The rooms of the client, lowest first, and which rooms each may import; "core": its flat files. */
const ROOMS = {
  hpke: [],
  keys: ["hpke"],
  transport: ["core"],
  vault: ["core"],
  trust: ["core", "keys", "transport", "vault"],
  people: ["core", "keys", "trust", "vault"],
  account: ["core", "guard", "keys", "people", "seam", "transport", "trust", "vault"],
  admin: ["core", "account", "guard", "keys", "people", "seam", "transport", "trust", "vault"],
  attachments: ["core", "kinds", "vault"],
  guard: ["core", "keys", "seam", "transport", "trust", "vault"],
  seam: ["core", "kinds"],
  kinds: ["core", "attachments", "seam"],
  conversation: ["core", "vault", ...CONVERSATION],
  roster: ["core", ...CONVERSATION],
  secrets: ["core", "transport", ...CONVERSATION],
  oneself: ["core", "kinds", "vault"],
  messages: ["core", "attachments", "oneself", "people", "vault", ...CONVERSATION],
  orders: ["core", "people", "seam", "transport", "vault", ...CONVERSATION],
  overseeing: ["core", "keys", "orders", "people", "seam", "transport", "trust", "vault"],
  exporting: [
    ...["core", "attachments", "inbox", "orders", "outbox", "people", "seam", "transport"],
    "trust",
    ...CONVERSATION,
  ],
  inbox: ["core", "oneself", "orders", "transport", ...CONVERSATION],
  outbox: ["core", "attachments", "orders", "transport", "vault", ...CONVERSATION],
  sync: ["core", "inbox", "outbox", "people", "transport", ...CONVERSATION],
  search: ["core", "people", "seam", "vault", ...CONVERSATION],
  calls: [
    ...["core", "account", "admin", "attachments", "guard", "inbox", "orders", "outbox"],
    ...["exporting", "oneself", "overseeing", "people", "search"],
    ...["sync", "transport", "trust", "vault"],
    ...CONVERSATION,
  ],
  bot: [
    ...["core", "account", "attachments", "calls", "conversation", "inbox", "keys", "kinds"],
    ...["messages", "overseeing", "transport", "vault"],
  ],
  host: ["core", "vault"],
  officers: ["core", "transport", "vault"],
};

/**
 * The rule that allows imports by these policies alone. Each import is held against each policy: a
 * room's files are given no other room's.
 */
function layers(policies) {
  const message =
    "ROOMS in eslint.config.js says which room of the client knows which; keys, transport " +
    "and vault never import each other; web/ knows only core.ts, wire.ts, admin/outcomes.ts, " +
    "host/connect.ts and host/visit.ts of the client. Pass the thing in from client/src/calls/session.ts.";
  const packages = { allow: { to: { module: { origin: ["external", "core"] } } } };
  return ["error", { default: "disallow", message, policies: [packages, ...policies] }];
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

  // Layers, with nothing exempt. Each file of client/src and web/src belongs to one element, and an
  // import between two elements that no policy allows is an error. src/wire.ts and limits.ts are generated.
  {
    files: [CLIENT, WEB],
    plugins: { boundaries },
    settings: {
      "import/resolver": { [import.meta.dirname + "/make/resolver.cjs"]: {} },
      "boundaries/include": ["client/src/**/*", "web/src/**/*", "web/admin/src/**/*"],
      "boundaries/elements": [
        ...Object.keys(ROOMS).map((room) => ({
          type: room,
          pattern: `client/src/${room}`,
          partialMatch: false,
        })),
        { type: "core", pattern: "client/src", partialMatch: false },
        { type: "web", pattern: "web/src", partialMatch: false },
        { type: "console", pattern: "web/admin/src", partialMatch: false },
      ],
      "boundaries/files": [
        { category: "seam", pattern: "client/src/{core,wire}.ts" },
        { category: "seam", pattern: "client/src/host/{connect,visit}.ts" },
        { category: "seam", pattern: "client/src/admin/outcomes.ts" },
        { category: "bytes", pattern: "client/src/{ids,octets,limits}.ts" },
      ],
    },
    rules: {
      "boundaries/no-unknown-files": "error",
      "boundaries/dependencies": layers([
        // The flat files: context.ts and records.ts name types of rooms, create.ts makes the core.
        {
          from: { element: { type: "core" } },
          allow: { to: { element: { types: { anyOf: Object.keys(ROOMS) } } } },
        },
        { from: { element: { type: "web" } }, allow: { to: { file: { categories: "seam" } } } },
        // The console uses the app's parts; the app knows nothing of the console.
        {
          from: { element: { type: "console" } },
          allow: { to: { element: { type: "web" } } },
        },
        {
          from: { element: { type: "console" } },
          allow: { to: { file: { categories: "seam" } } },
        },
      ]),
    },
  },
  ...Object.entries(ROOMS).map(([room, known]) => ({
    files: [`client/src/${room}/**/*.ts`],
    rules: {
      "boundaries/dependencies": layers([
        {
          from: { element: { type: room } },
          allow: { to: { element: { types: { anyOf: [room, ...known] } } } },
        },
        // docs/keys.md as code: bytes and judgements, no I/O.
        {
          from: { element: { types: { anyOf: ["hpke", "keys"] } } },
          allow: { to: { file: { categories: "bytes" } } },
        },
      ]),
    },
  })),

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

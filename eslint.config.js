import js from "@eslint/js";
import boundaries from "eslint-plugin-boundaries";
import svelte from "eslint-plugin-svelte";
import globals from "globals";
import tseslint from "typescript-eslint";

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
    rules: {
      "@typescript-eslint/consistent-type-imports": "error",
      "no-console": "error",
    },
  },
  {
    files: ["**/*.svelte", "**/*.svelte.ts"],
    languageOptions: { parserOptions: { parser: tseslint.parser } },
  },
  // Layers of the client: mls, transport and vault never import each other, and only mls imports
  // ts-mls. The web app knows the core's seam and the generated types, and nothing else of it.
  {
    files: ["client/src/**/*.ts", "web/src/**/*.{ts,svelte}"],
    plugins: { boundaries },
    settings: {
      "boundaries/elements": [
        { type: "mls", pattern: "client/src/mls" },
        { type: "transport", pattern: "client/src/transport" },
        { type: "vault", pattern: "client/src/vault" },
        { type: "client", pattern: "client/src" },
        { type: "web", pattern: "web/src" },
      ],
    },
    rules: {
      "no-restricted-imports": [
        "error",
        {
          patterns: [
            { group: ["ts-mls", "ts-mls/*"], message: "Only client/src/mls may import ts-mls." },
          ],
        },
      ],
    },
  },
  { files: ["client/src/mls/**/*.ts"], rules: { "no-restricted-imports": "off" } },
);

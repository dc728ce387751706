import { readFileSync, readdirSync } from "node:fs";
import { CORE_CODES } from "@copconnect/client/failure";
import { expect, it } from "vitest";
import { errorText } from "#i18n/errors.ts";
import { loadLater } from "#i18n/index.svelte.ts";
import { enRest } from "#i18n/locales/en-rest.ts";
import { en } from "#i18n/locales/en.ts";

const words = { ...en.errors, ...enRest.errors };

it("has words for every code of the core", () => {
  expect(Object.keys(CORE_CODES).filter((code) => !(code in words))).toEqual([]);
});

it("has words for every code of the server", () => {
  const folder = new URL("../../src/copconnect/errors/", import.meta.url);
  const files = readdirSync(folder).filter((name) => name.endsWith(".py"));
  const tree = files.map((name) => readFileSync(new URL(name, folder), "utf8")).join("\n");
  const codes = [...tree.matchAll(/^ {4}code = "(\w+)"/gmu)].map((match) => match[1] ?? "");
  expect(codes.length).toBeGreaterThan(50);
  expect(codes.filter((code) => !(code in words))).toEqual([]);
});

it("says of enrolment codes that their tries are used up", async () => {
  await loadLater("rest");
  const details = { limit: "enrolment_code_tries" };
  const refusal = { code: "rate_limited", retry: true, retryAfterMs: 7_200_000, details };
  expect(errorText(refusal)).toContain("Too many enrolment codes");
  expect(errorText(refusal)).toContain("2 hours");
});

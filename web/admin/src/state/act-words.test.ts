import { expect, it } from "vitest";
import acts from "../locales/en/acts.json" with { type: "json" };
import { ENTRY_KINDS } from "@copconnect/client/admin/outcomes";
import { valuesOf } from "./act-words.ts";

it("filters by every kind of entry that has a sentence, and names each", () => {
  const told = Object.keys(acts.done).map((key) => key.replace(/_(one|other)$/u, ""));
  expect(new Set(ENTRY_KINDS)).toEqual(new Set(told));
  expect(Object.keys(acts.kinds)).toEqual(expect.arrayContaining([...ENTRY_KINDS]));
});

it("fills in all that a sentence names", () => {
  const sentences = [...Object.values(acts.done), ...Object.values(acts.asked)].join(" ");
  const named = [...sentences.matchAll(/\{\{(\w+)\}\}/gu)].map(([, name = ""]) => name);
  expect(Object.keys(valuesOf({}))).toEqual(expect.arrayContaining(named));
});

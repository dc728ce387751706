import { readFileSync } from "node:fs";
import { expect, it } from "vitest";
import { keys, skeletons } from "./sounds.ts";

interface Vectors {
  readonly words: readonly {
    readonly word: string;
    readonly keys: readonly string[];
    readonly skeletons: readonly string[];
  }[];
}

const { words } = JSON.parse(
  readFileSync(new URL("../../../spec/sounds.json", import.meta.url), "utf8"),
) as Vectors;

it("hears words as the server does", () => {
  expect(words.length).toBeGreaterThan(300);
  for (const { word, keys: heard, skeletons: alone } of words) {
    expect([word, keys(word)]).toEqual([word, heard]);
    expect([word, skeletons(word)]).toEqual([word, alone]);
  }
});

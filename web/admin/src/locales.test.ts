import { describe, expect, it } from "vitest";
import { en } from "./locales/en.ts";
import { hi } from "./locales/hi.ts";
import { te } from "./locales/te.ts";
import { ur } from "./locales/ur.ts";

type Tree = { readonly [key: string]: string | Tree };

function flat(tree: Tree, prefix = ""): ReadonlyMap<string, string> {
  const found = new Map<string, string>();
  for (const [key, value] of Object.entries(tree)) {
    if (typeof value === "string") found.set(prefix + key, value);
    else for (const [inner, text] of flat(value, `${prefix}${key}.`)) found.set(inner, text);
  }
  return found;
}

const placeholders = (text: string): readonly string[] =>
  [...text.matchAll(/\{\{(\w+)\}\}/gu)].map((match) => match[1] ?? "").sort();

const english = flat(en);
const SCRIPT = { te: /\p{Script=Telugu}/u, ur: /\p{Script=Arabic}/u, hi: /\p{Script=Devanagari}/u };

describe.each([
  ["te", flat(te)],
  ["ur", flat(ur)],
  ["hi", flat(hi)],
] as const)("the console's words in %s", (language, texts) => {
  it("have exactly the English keys and placeholders", () => {
    expect([...texts.keys()].sort()).toEqual([...english.keys()].sort());
    const wrong = [...english]
      .filter(([key, text]) => `${placeholders(text)}` !== `${placeholders(texts.get(key) ?? "")}`)
      .map(([key]) => key);
    expect(wrong).toEqual([]);
  });

  it("are written in their own script", () => {
    const foreign = [...texts]
      .filter(([, text]) => /\p{L}/u.test(text.replace(/\{\{\w+\}\}/gu, "")))
      .filter(([, text]) => !SCRIPT[language].test(text))
      .map(([key, text]) => `${key}: ${text}`);
    expect(foreign).toEqual([]);
  });
});

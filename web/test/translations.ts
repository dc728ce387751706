/** Checks that every translation says what the English text says. */
import { describe, expect, it } from "vitest";

export type Tree = { readonly [key: string]: string | Tree };

/** Texts by their dotted key. */
export function flat(tree: Tree, prefix = ""): ReadonlyMap<string, string> {
  const found = new Map<string, string>();
  for (const [key, value] of Object.entries(tree)) {
    if (typeof value === "string") found.set(prefix + key, value);
    else for (const [inner, text] of flat(value, `${prefix}${key}.`)) found.set(inner, text);
  }
  return found;
}

const placeholders = (text: string): readonly string[] =>
  [...text.matchAll(/\{\{(\w+)\}\}/gu)].map((match) => match[1] ?? "").sort();

const SCRIPT = { te: /\p{Script=Telugu}/u, ur: /\p{Script=Arabic}/u, hi: /\p{Script=Devanagari}/u };

/**
 * Test that each translation has the keys and placeholders of the English texts, in its script.
 * `scriptless`: names that are written alike in every script.
 */
export function checkTranslations(
  english: Tree,
  translations: Readonly<Record<keyof typeof SCRIPT, Tree>>,
  scriptless: readonly string[] = [],
): void {
  const alike = new RegExp(["\\{\\{\\w+\\}\\}", ...scriptless].join("|"), "gu");
  const wanted = flat(english);
  describe.each(["te", "ur", "hi"] as const)("the words in %s", (language) => {
    const texts = flat(translations[language]);

    it("have exactly the English keys", () => {
      expect([...texts.keys()].sort()).toEqual([...wanted.keys()].sort());
    });

    it("have the same placeholders in every text", () => {
      const wrong = [...wanted]
        .filter(
          ([key, text]) => `${placeholders(text)}` !== `${placeholders(texts.get(key) ?? "")}`,
        )
        .map(([key]) => key);
      expect(wrong).toEqual([]);
    });

    it("are written in their own script", () => {
      const foreign = [...texts]
        .filter(([, text]) => /\p{L}/u.test(text.replace(alike, "")))
        .filter(([, text]) => !SCRIPT[language].test(text))
        .map(([key, text]) => `${key}: ${text}`);
      expect(foreign).toEqual([]);
    });
  });
}

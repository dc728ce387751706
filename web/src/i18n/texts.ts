/** Texts by language, namespace and key, and their plural forms. */
import type { Language } from "@copconnect/client/wire";

/** The texts that are here, by language and namespace, then by key. */
const texts = new Map<string, Map<string, string>>();

function add(into: Map<string, string>, nested: object, path = ""): void {
  for (const [name, text] of Object.entries(nested) as [string, unknown][]) {
    if (typeof text === "string") into.set(path + name, text);
    else if (typeof text === "object" && text !== null) add(into, text, `${path}${name}.`);
  }
}

/** Take in the texts of a language, as a file nests them. */
export function learn(language: Language, namespace: string, nested: object): void {
  const name = `${language}:${namespace}`;
  const into = texts.get(name) ?? new Map<string, string>();
  add(into, nested);
  texts.set(name, into);
}

const plurals = new Map<Language, Intl.PluralRules>();

function pluralOf(language: Language, count: number): Intl.LDMLPluralRule {
  const rules = plurals.get(language) ?? new Intl.PluralRules(language);
  plurals.set(language, rules);
  return rules.select(count);
}

/** Whether some texts of a language are here. */
export function isHere(language: Language, namespace: string): boolean {
  return texts.has(`${language}:${namespace}`);
}

/** The text of a key, in the plural form for `count` where it has several. */
export function find(
  language: Language,
  namespace: string,
  key: string,
  count: number | undefined,
): string | undefined {
  const held = texts.get(`${language}:${namespace}`);
  if (count === undefined) return held?.get(key);
  return held?.get(`${key}_${pluralOf(language, count)}`) ?? held?.get(key);
}

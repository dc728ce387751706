/**
 * The console's words, in their own namespace: the officers' app loads none of them. Keys are
 * checked by the compiler; a test proves that all languages hold the same.
 */
import { byName, type Texts } from "#i18n/by-name.ts";
import { alsoSpeak, has, say, type TextValues } from "#i18n/index.svelte.ts";
import type { en } from "./locales/en.ts";

type WithoutPlural<K extends string> = K extends `${infer Base}_one` | `${infer Base}_other`
  ? Base
  : K;

type Flat<T, Prefix extends string = ""> = {
  [K in keyof T & string]: T[K] extends string
    ? `${Prefix}${WithoutPlural<K>}`
    : Flat<T[K], `${Prefix}${K}.`>;
}[keyof T & string];

export type ConsoleKey = Flat<typeof en>;

const NAMESPACE = "console";

/** A language's texts by its files. Keys of two of them have no part before. */
export function textsOf(files: Readonly<Record<string, unknown>>): Texts {
  const { console, pages, ...others } = byName(files);
  return { ...console, ...pages, ...others };
}

export function loadWords(): void {
  alsoSpeak(NAMESPACE, {
    en: async () => (await import("./locales/en.ts")).en,
    te: async () => textsOf((await import("./locales/te.ts")).te),
    ur: async () => textsOf((await import("./locales/ur.ts")).ur),
    hi: async () => textsOf((await import("./locales/hi.ts")).hi),
  });
}

/** The console's text for a key. */
export function c(key: ConsoleKey, values: TextValues = {}): string {
  return say(NAMESPACE, key, values);
}

/** The text for a key made at run time, such as an act's tag; null: there is none. */
export function known(key: string, values: TextValues = {}): string | null {
  const { count } = values;
  const plural = typeof count === "number" && has(NAMESPACE, key, count);
  return plural || has(NAMESPACE, key) ? say(NAMESPACE, key, values) : null;
}

const [ISOLATE, END] = [String.fromCodePoint(0x2068), String.fromCodePoint(0x2069)];

/**
 * Words that keep their own direction among others. If the language runs from right to left, two names
 * in Latin letters with words between them would change places.
 */
export function isolated(text: string): string {
  return document.documentElement.dir === "rtl" ? ISOLATE + text + END : text;
}

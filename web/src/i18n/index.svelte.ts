/**
 * Words in the reader's language. `t` is reactive: what it drew is drawn again when the language
 * changes. One language is loaded at a time: the words of the first screen, then the rest with
 * whatever else is shown (`app/Lazy.svelte` awaits them). There is no fallback at run time because
 * tests prove that all languages hold the same keys and placeholders, and that no module of the
 * first screen names a word that comes later.
 */
import { LANGUAGES, type Language } from "@copconnect/client/wire";
import { createInstance } from "i18next";
import { byName } from "./by-name.ts";
import type { FirstTexts, LaterTexts, TextKey } from "./keys.ts";

export type { TextKey } from "./keys.ts";

export { LANGUAGES };

/** Each language in its own script. */
export const LANGUAGE_NAMES: Readonly<Record<Language, string>> = {
  en: "English",
  te: "తెలుగు",
  ur: "اردو",
  hi: "हिन्दी",
};

const loaders: Readonly<Record<Language, () => Promise<FirstTexts>>> = {
  en: async () => (await import("./locales/en.ts")).en,
  te: async () => (await import("./locales/te.ts")).te,
  ur: async () => (await import("./locales/ur.ts")).ur,
  hi: async () => (await import("./locales/hi.ts")).hi,
};

type Later = keyof LaterTexts;

/** A test proves that every language has the English texts. */
function restOf(files: Readonly<Record<string, unknown>>): LaterTexts["rest"] {
  return byName(files) as LaterTexts["rest"];
}

const later: {
  readonly [P in Later]: Readonly<Record<Language, () => Promise<LaterTexts[P]>>>;
} = {
  rest: {
    en: async () => (await import("./locales/en-rest.ts")).enRest,
    te: async () => restOf((await import("./locales/te-rest.ts")).teRest),
    ur: async () => restOf((await import("./locales/ur-rest.ts")).urRest),
    hi: async () => restOf((await import("./locales/hi-rest.ts")).hiRest),
  },
  oversee: {
    en: async () => ({ oversee: (await import("./locales/en/oversee.json")).default }),
    te: async () => ({ oversee: (await import("./locales/te/oversee.json")).default }),
    ur: async () => ({ oversee: (await import("./locales/ur/oversee.json")).default }),
    hi: async () => ({ oversee: (await import("./locales/hi/oversee.json")).default }),
  },
  exports: {
    en: async () => ({ exports: (await import("./locales/en/exports.json")).default }),
    te: async () => ({ exports: (await import("./locales/te/exports.json")).default }),
    ur: async () => ({ exports: (await import("./locales/ur/exports.json")).default }),
    hi: async () => ({ exports: (await import("./locales/hi/exports.json")).default }),
  },
  reports: {
    en: async () => ({ reports: (await import("./locales/en/reports.json")).default }),
    te: async () => ({ reports: (await import("./locales/te/reports.json")).default }),
    ur: async () => ({ reports: (await import("./locales/ur/reports.json")).default }),
    hi: async () => ({ reports: (await import("./locales/hi/reports.json")).default }),
  },
  training: {
    en: async () => ({ training: (await import("./locales/en/training.json")).default }),
    te: async () => ({ training: (await import("./locales/te/training.json")).default }),
    ur: async () => ({ training: (await import("./locales/ur/training.json")).default }),
    hi: async () => ({ training: (await import("./locales/hi/training.json")).default }),
  },
};
/** The later texts that a screen has asked for: every language comes with them from then on. */
let wantedLater: readonly Later[] = [];
/** The later texts that are here. Reactive: a screen drawn without them is drawn again. */
let here = $state.raw<ReadonlySet<string>>(new Set());

const words = createInstance();
void words.init({
  initAsync: false,
  resources: {},
  fallbackLng: false,
  returnNull: false,
});

let spoken = $state<Language>("en");

export const language = {
  get current(): Language {
    return spoken;
  },
  get direction(): "ltr" | "rtl" {
    return spoken === "ur" ? "rtl" : "ltr";
  },
};

/** Words of one page, such as the console's, by namespace. */
type Loaders = Readonly<Record<Language, () => Promise<unknown>>>;
let namespaces: Readonly<Record<string, Loaders>> = {};

/** Speak these words too from the next {@link speak} on. */
export function alsoSpeak(namespace: string, texts: Loaders): void {
  namespaces = { ...namespaces, [namespace]: texts };
}

async function load(next: Language): Promise<void> {
  const all: readonly (readonly [string, () => Promise<unknown>])[] = [
    ["translation", loaders[next]],
    ...Object.entries(namespaces).map(([name, texts]) => [name, texts[next]] as const),
  ];
  await Promise.all(
    all.map(async ([name, texts]) => {
      if (words.hasResourceBundle(next, name)) return;
      words.addResourceBundle(next, name, await texts());
    }),
  );
  await Promise.all(
    wantedLater.map(async (part) => {
      const name = `${next}:${part}`;
      if (here.has(name)) return;
      words.addResourceBundle(next, "translation", await later[part][next](), true);
      here = new Set([...here, name]);
    }),
  );
}

/** Fetch texts that the first screen does not need. Await it before a screen shows one of them. */
export async function loadLater(part: Later): Promise<void> {
  if (!wantedLater.includes(part)) wantedLater = [...wantedLater, part];
  await load(wanted);
}

let wanted: Language = "en";

/** Switch to a language once its words are here; the last one asked for wins, whenever they come. */
export async function speak(next: Language): Promise<void> {
  wanted = next;
  await load(next);
  if (wanted !== next) return;
  await words.changeLanguage(next);
  if (wanted !== next) return;
  spoken = next;
  document.documentElement.lang = next;
  document.documentElement.dir = language.direction;
}

export type TextValues = Readonly<Record<string, string | number>>;

/** Indian grouping, European digits, in every language. */
let grouped: Intl.NumberFormat | undefined;

export function formatNumber(value: number): string {
  // The browser's own takes milliseconds to make, on a phone tens of them, and most counts are small.
  if (Number.isInteger(value) && value >= 0 && value < 1_000) return String(value);
  grouped ??= new Intl.NumberFormat("en-IN");
  return grouped.format(value);
}

/** The text for a key; `count` picks the plural form, and numbers are grouped. */
export function t(key: TextKey, values: TextValues = {}): string {
  return say("translation", key, values);
}

/** The text for a key of a namespace; its module checks the keys ({@link alsoSpeak}). */
export function say(namespace: string, key: string, values: TextValues = {}): string {
  return sayIn(spoken, namespace, key, values);
}

/** Texts of a language that is not on screen, for a file or a page to print; fetched if needed. */
export async function textsIn(
  language: Language,
): Promise<(key: TextKey, values?: TextValues) => string> {
  await load(language);
  return (key, values = {}) => sayIn(language, "translation", key, values);
}

/** A name whose last consonant has no vowel, in Telugu or Hindi: a suffix would become one letter with it. */
const ENDS_BARE = /[\u094d\u0c4d]$/u;
const NON_JOINER = "\u200c";

/** The text before values are put into it. Most have one form, and the library's way to it is the shortest. */
function template(
  lng: Language,
  ns: string,
  key: string,
  count: TextValues[string] | undefined,
): string {
  const found: unknown = typeof count === "number" ? null : words.getResource(lng, ns, key);
  if (typeof found === "string") return found;
  const plural = typeof count === "number" ? { count } : {};
  return words.t(key, { lng, ns, skipInterpolation: true, ...plural });
}

function sayIn(language: Language, namespace: string, key: string, values: TextValues): string {
  const text = template(language, namespace, key, values.count);
  return text.replace(/\{\{(\w+)\}\}(\p{L}?)/gu, (_, name: string, next: string) => {
    const value = values[name];
    const said = typeof value === "number" ? formatNumber(value) : (value ?? "");
    return said + (next !== "" && ENDS_BARE.test(said) ? NON_JOINER : "") + next;
  });
}

/** Whether there is a text for a key made at run time (error codes, step names). */
export function hasText(key: string): key is TextKey {
  return has("translation", key);
}

/** Whether a namespace has a text for a key made at run time; `count`: in its plural form. */
export function has(namespace: string, key: string, count?: number): boolean {
  void here;
  const plural = count === undefined ? {} : { count };
  return words.exists(key, { lng: spoken, ns: namespace, ...plural });
}

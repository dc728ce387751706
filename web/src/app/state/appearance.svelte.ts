/**
 * Choices about this screen that are no secret and are needed before the vault is open: theme, size
 * of text, and language. Kept in localStorage; a browser that refuses it gets the defaults each time.
 */
import type { Language } from "@copconnect/client/wire";
import { LANGUAGES, speak } from "#i18n/index.svelte.ts";

export type ThemeChoice = "system" | "light" | "dark";

/** Percent of the size that the phone or the browser gives to text. */
export const TEXT_SIZES = [90, 100, 115, 130, 150] as const;
export type TextSize = (typeof TEXT_SIZES)[number];

const THEME_KEY = "copconnect.theme";
const TEXT_KEY = "copconnect.text";
const LANGUAGE_KEY = "copconnect.language";

function stored(key: string): string | null {
  try {
    return localStorage.getItem(key);
  } catch {
    return null;
  }
}

function store(key: string, value: string): void {
  try {
    localStorage.setItem(key, value);
  } catch {
    // Private modes refuse; the choice then lasts as long as the page.
  }
}

const darkScheme = matchMedia("(prefers-color-scheme: dark)");
const wideScreen = matchMedia("(min-width: 900px)");
let theme = $state<ThemeChoice>("system");
let textSize = $state<TextSize>(100);
let dark = $state(false);
let wide = $state(wideScreen.matches);
let languageChosen = $state(false);

function paint(): void {
  dark = theme === "dark" || (theme === "system" && darkScheme.matches);
  document.documentElement.dataset["theme"] = dark ? "dark" : "light";
  // Every size of the app is in rem, so the whole app follows.
  document.documentElement.style.fontSize = textSize === 100 ? "" : `${textSize}%`;
}

export const appearance = {
  get theme(): ThemeChoice {
    return theme;
  },
  get textSize(): TextSize {
    return textSize;
  },
  /** Which colours are on screen: the choice, or what the phone says. */
  get dark(): boolean {
    return dark;
  },
  /** Three or four panes side by side instead of one screen at a time. */
  get wide(): boolean {
    return wide;
  },
  /** Whether the person has chosen a language on this device. */
  get languageChosen(): boolean {
    return languageChosen;
  },
};

export function chooseTheme(choice: ThemeChoice): void {
  theme = choice;
  store(THEME_KEY, choice);
  paint();
}

export function chooseTextSize(choice: TextSize): void {
  textSize = choice;
  store(TEXT_KEY, String(choice));
  paint();
}

/** Speak another language from now on. */
export async function chooseLanguage(language: Language): Promise<void> {
  await speak(language);
  languageChosen = true;
  store(LANGUAGE_KEY, language);
}

function firstLanguage(): Language {
  const known = (value: string | null): Language | undefined =>
    LANGUAGES.find((language) => language === value?.slice(0, 2));
  const chosen = known(stored(LANGUAGE_KEY));
  languageChosen = chosen !== undefined;
  return chosen ?? navigator.languages.map(known).find((one) => one !== undefined) ?? "en";
}

/** Apply what was chosen before; to be awaited before the first screen is drawn. */
export async function restoreAppearance(): Promise<void> {
  const choice = stored(THEME_KEY);
  theme = choice === "light" || choice === "dark" ? choice : "system";
  textSize = TEXT_SIZES.find((size) => String(size) === stored(TEXT_KEY)) ?? 100;
  darkScheme.addEventListener("change", paint);
  wideScreen.addEventListener("change", () => (wide = wideScreen.matches));
  paint();
  await speak(firstLanguage());
}

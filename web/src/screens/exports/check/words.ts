/** The words of the page that needs no app; phones that have the app do not store them. */
import type { Language } from "@copconnect/client/wire";
import { alsoSpeak, say, type TextValues } from "#i18n/index.svelte.ts";
import type en from "./en.json";

const NAMESPACE = "check";

/** Speak them from the next `speak` on. */
export function speakOfChecking(): void {
  const texts: Readonly<Record<Language, () => Promise<typeof en>>> = {
    en: async () => (await import("./en.json")).default,
    te: async () => (await import("./te.json")).default,
    ur: async () => (await import("./ur.json")).default,
    hi: async () => (await import("./hi.json")).default,
  };
  alsoSpeak(NAMESPACE, texts);
}

export function word(key: keyof typeof en, values: TextValues = {}): string {
  return say(NAMESPACE, key, values);
}

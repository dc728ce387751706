/**
 * The steps of a start around the fetch of the screens. Every way ends: with the app, or with a line that
 * says why there is none. It imports nothing, because what it reports is that a file does not come.
 */

/** Screens are drawn without styles that take longer. */
const STYLES_MS = 5_000;

const UNOPENED: Readonly<Record<string, readonly [text: string, button: string]>> = {
  en: ["The app did not load. Check the network.", "Reload"],
  hi: ["ऐप नहीं आ सका। नेटवर्क देखें।", "फिर से खोलें"],
  te: ["యాప్ రాలేదు. నెట్‌వర్క్ చూడండి.", "మళ్లీ తెరవండి"],
  ur: ["ایپ نہیں آ سکی۔ نیٹ ورک دیکھیں۔", "دوبارہ کھولیں"],
};

/**
 * The page is read, and its styles are here: screens measure what they draw. A style that failed before
 * this asks fires no event any more and looks like one on its way, so that the wait has an end.
 */
export async function pageIsWhole(): Promise<void> {
  if (document.readyState === "loading")
    await new Promise((resolve) => document.addEventListener("DOMContentLoaded", resolve));
  const links = document.querySelectorAll<HTMLLinkElement>('link[rel="stylesheet"]');
  const missing = [...links].filter(({ sheet }) => sheet === null);
  const styles = Promise.all(
    missing.map((link) => new Promise((resolve) => (link.onload = link.onerror = resolve))),
  );
  await Promise.race([styles, new Promise((resolve) => setTimeout(resolve, STYLES_MS))]);
}

/** Say that the screens' code did not come, with a button that fetches the page again. */
export function sayUnopened(target: HTMLElement): void {
  const [text, button] = UNOPENED[language()] ?? UNOPENED["en"] ?? [];
  const line = document.createElement("p");
  line.dir = "auto";
  line.setAttribute("role", "alert");
  line.textContent = text ?? "";
  const reload = document.createElement("button");
  reload.textContent = button ?? "";
  reload.onclick = () => location.reload();
  target.replaceChildren(line, reload);
}

/** The language of this device's choice (state/appearance.svelte.ts), or of the browser. */
function language(): string {
  try {
    return localStorage.getItem("copconnect.language") ?? navigator.language.slice(0, 2);
  } catch {
    return navigator.language.slice(0, 2);
  }
}

/**
 * The only way from text to HTML, a script or a worker in this page (the server's policy requires
 * Trusted Types). Libraries that know nothing of them get HTML without markup, and addresses of this
 * app's own files alone; text never becomes a script. Svelte's templates have their own policy.
 *
 * Import it first of all on each page: scripts before it are refused.
 */
interface DefaultPolicy {
  createHTML(text: string): string;
  createScriptURL(url: string): string | null;
}

interface TrustedTypes {
  createPolicy(name: "default", policy: DefaultPolicy): unknown;
}

const OWN = /^\/(assets\/[\w.-]+\.js|service-worker\.js)$/u;
const MARKUP: Readonly<Record<string, string>> = { "&": "&amp;", "<": "&lt;", ">": "&gt;" };

/** Whether an address is a script of this app. */
export function isOwnScript(url: string, origin: string): boolean {
  const parsed = URL.parse(url, origin);
  return parsed !== null && parsed.origin === origin && OWN.test(parsed.pathname);
}

/** Text as HTML that shows it. */
export function withoutMarkup(text: string): string {
  return text.replaceAll(/[&<>]/gu, (sign) => MARKUP[sign] ?? "");
}

const { trustedTypes } = globalThis as { trustedTypes?: TrustedTypes };
trustedTypes?.createPolicy("default", {
  createHTML: withoutMarkup,
  createScriptURL: (url) => (isOwnScript(url, location.origin) ? url : null),
});

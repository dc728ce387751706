/**
 * Files that few phones need: words of languages other than English, fonts of scripts, libraries that
 * are opened with a PDF or a video, the screens that follow an issued order, and the outline of the State
 * behind a place. The service
 * worker caches the files that this phone has used, for use without a network; the rest of the
 * app is kept whole (workbox's precache). A new version fetches what the version before it had used.
 */

const CACHE = "copconnect-used";

/** The files' addresses, as static routes name them: * is the rest of a name. */
export const FOR_SOME: readonly string[] = [
  ...["words", "oversee", "outline", "PdfViewer", "pdf-worker", "transcoding"].map(
    (name) => `/assets/${name}-*.js`,
  ),
  ...["/assets/oversee-*.css", "/assets/*.woff2", "/assets/*.wasm"],
];

/** Whether a file of the app is kept only once it has been used. */
export function isForSome(url: string): boolean {
  return FOR_SOME.some((route) => {
    const [before = "", after = ""] = route.slice(1).split("*");
    const name = url.slice(url.lastIndexOf("assets/"));
    return name.startsWith(before) && name.endsWith(after);
  });
}

/** A file's address without the hash of its version. */
function nameOf(url: string): string {
  return url.replace(/-[\w-]{8}(\.\w+)$/u, "$1");
}

export class UsedFiles {
  readonly #urls: ReadonlySet<string>;

  readonly #fetch: (request: Request) => Promise<Response>;

  /** `urls`: those of this version, absolute. */
  constructor(urls: readonly string[], fetch: (request: Request) => Promise<Response>) {
    this.#urls = new Set(urls);
    this.#fetch = fetch;
  }

  has(url: string): boolean {
    return this.#urls.has(url);
  }

  /** While this version installs: fetch the files that the active version has used. */
  async install(): Promise<void> {
    const cache = await caches.open(CACHE);
    const used = new Set((await cache.keys()).map(({ url }) => nameOf(url)));
    await this.keep([...this.#urls].filter((url) => used.has(nameOf(url))));
  }

  /** When this version is active: delete the files of other versions. */
  async activate(): Promise<void> {
    const cache = await caches.open(CACHE);
    const kept = await cache.keys();
    await Promise.all(kept.filter(({ url }) => !this.has(url)).map((one) => cache.delete(one)));
  }

  /** Keep some of the files: a page had them before a service worker was there. */
  async keep(urls: readonly string[]): Promise<void> {
    const cache = await caches.open(CACHE);
    const missing = urls.filter((url) => this.has(url));
    await Promise.all(
      missing.map(async (url) => {
        if ((await cache.match(url)) === undefined) await cache.add(url);
      }),
    );
  }

  /** The file, kept from now on. Rejects without a network where it was not. */
  async answer(request: Request): Promise<Response> {
    const cache = await caches.open(CACHE);
    const kept = await cache.match(request.url);
    if (kept !== undefined) return kept;
    const response = await this.#fetch(request);
    // A full disk keeps nobody from reading.
    if (response.ok) await cache.put(request.url, response.clone()).catch(() => undefined);
    return response;
  }
}

import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { isForSome, UsedFiles } from "./used-files.ts";

const at = (name: string): string => `https://app.example/assets/${name}`;
const TELUGU = at("words-te-te-rest-eYxYfExM.js");
const HINDI = at("words-hi-hi-rest-D1U2rM0Y.js");
const NEW_TELUGU = at("words-te-te-rest-AAAAAAAA.js");

/** Files that were asked of the network. */
let fetched: string[] = [];
let online = true;

function get(url: string): Promise<Response> {
  if (!online) return Promise.reject(new TypeError("Failed to fetch"));
  fetched.push(url);
  return Promise.resolve(new Response(url));
}

const filesOf = (urls: readonly string[]): UsedFiles => new UsedFiles(urls, ({ url }) => get(url));

class MemoryCache {
  readonly rows = new Map<string, Response>();
  match = (url: string) => Promise.resolve(this.rows.get(url)?.clone());
  keys = () => Promise.resolve([...this.rows.keys()].map((url) => new Request(url)));
  delete = ({ url }: Request) => Promise.resolve(this.rows.delete(url));
  put = (url: string, response: Response) => Promise.resolve(void this.rows.set(url, response));
  add = async (url: string) => void this.rows.set(url, await get(url));
}

beforeEach(() => {
  [fetched, online] = [[], true];
  const cache = new MemoryCache();
  vi.stubGlobal("caches", { open: () => Promise.resolve(cache) });
});
afterEach(() => vi.unstubAllGlobals());

describe("files that few phones need", () => {
  it("are words of other languages, fonts, and what few people open", () => {
    expect(
      [
        ...["assets/words-te-te-C6huzjv4.js", "assets/noto-400-normal-7lz0FJyD.woff2"],
        ...["assets/PdfViewer-C6huzjv4.js", "assets/pdf-worker-C6huzjv4.js"],
        ...["assets/jbig2-C6huzjv4.wasm", "assets/transcoding-C6huzjv4.js"],
        ...["assets/oversee-C6huzjv4.js", "assets/oversee-C6huzjv4.css"],
        ...["assets/oversee-calls-C6huzjv4.js", "https://app.example/assets/outline-C6huzjv4.js"],
      ].filter((url) => !isForSome(url)),
    ).toEqual([]);
    expect(
      [
        ...["assets/en-rest-kdL1dod8.js", "assets/start-0-1-CkbYnj7Q.js", "index.html"],
        ...["assets/orders-C6huzjv4.css", "icon.svg"],
      ].filter(isForSome),
    ).toEqual([]);
  });

  it("are there without a network once they were used", async () => {
    const files = filesOf([TELUGU, HINDI]);
    await files.answer(new Request(TELUGU));
    online = false;
    expect(await (await files.answer(new Request(TELUGU))).text()).toBe(TELUGU);
    await expect(files.answer(new Request(HINDI))).rejects.toThrow();
  });

  it("are kept for a page that had them before, and nothing else of it", async () => {
    const files = filesOf([TELUGU, HINDI]);
    await files.keep([TELUGU, at("start-0-1-CkbYnj7Q.js")]);
    await files.keep([TELUGU]);
    expect(fetched).toEqual([TELUGU]);
  });

  it("come with a new version where the one before had used them, and go with it", async () => {
    await filesOf([TELUGU, HINDI]).answer(new Request(TELUGU));
    const next = filesOf([NEW_TELUGU, HINDI]);
    await next.install();
    expect(fetched).toEqual([TELUGU, NEW_TELUGU]);
    await next.activate();
    online = false;
    expect(await (await next.answer(new Request(NEW_TELUGU))).text()).toBe(NEW_TELUGU);
    await expect(filesOf([TELUGU]).answer(new Request(TELUGU))).rejects.toThrow();
  });
});

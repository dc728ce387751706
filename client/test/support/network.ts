/** The network of one device, which a test can make fail in every way that networks do. */
import { decode, encode } from "@msgpack/msgpack";
import type { Fetch } from "#core/transport/http.ts";

function refusal(code: string): Response {
  // As the server says it (errors/): the same bytes may be accepted later.
  const retry = code === "rekeying" || code === "overloaded";
  const said = { code, message: code, remedy: "", retry, retryAfterMs: null, details: {} };
  return new Response(new Uint8Array(encode(said)), { status: 409 });
}

export class Network {
  /** Answers that never arrive although the request did: so many more. */
  loseAnswers = 0;
  /** Requests that arrive twice: so many more. */
  double = 0;
  /** Harmed requests never leave. */
  cut = false;
  /** Only requests whose path and method match are harmed. */
  path = /./;
  method = /./;
  readonly seen: string[] = [];
  /** Asked at each harmed request: the device ends before it is sent, or before it is answered. */
  dies: (() => "before" | "after" | null) | null = null;
  /** Changes a server's answer on its way: for a server that lies. */
  rewrite: ((path: string, body: unknown) => unknown) | null = null;
  /** The code with which a request is refused before any server hears of it; null: it is not. */
  refuse: ((path: string, method: string) => string | null) | null = null;
  /** The code with which a server refuses what it has taken; null: it does not. */
  refuseTaken: ((path: string) => Promise<string | null>) | null = null;
  /** Changes a request on its way: for a member that lies. */
  forge: ((path: string, body: unknown) => unknown) | null = null;
  #gate: Promise<void> | null = null;
  readonly #fetch: Fetch;

  constructor(fetch: Fetch = (url, init) => globalThis.fetch(url, init)) {
    this.#fetch = fetch;
  }

  /** Requests whose path matches wait until the returned function is called. */
  hold(path: RegExp): () => void {
    this.path = path;
    let release: () => void = () => undefined;
    this.#gate = new Promise((resolve) => {
      release = resolve;
    });
    return () => {
      this.#gate = null;
      release();
    };
  }

  readonly fetch: Fetch = async (url, init) => {
    const { pathname } = new URL(url);
    const harmed = this.path.test(pathname) && this.method.test(init.method ?? "GET");
    if (harmed) this.seen.push(`${init.method ?? ""} ${pathname}`);
    if (harmed && this.#gate !== null) await this.#gate;
    if (this.cut && harmed) throw new TypeError("cut");
    const code = this.refuse?.(pathname, init.method ?? "GET") ?? null;
    if (code !== null) return refusal(code);
    const dies = harmed ? (this.dies?.() ?? null) : null;
    if (dies === "before") throw new TypeError("the device is gone");
    const sent = this.#forged(pathname, init);
    if (harmed && this.double > 0) {
      this.double--;
      await this.#fetch(url, sent);
    }
    const answer = await this.#fetch(url, sent);
    const taken = (await this.refuseTaken?.(pathname)) ?? null;
    if (taken !== null) return refusal(taken);
    if (dies === "after") throw new TypeError("the device is gone");
    if (harmed && this.loseAnswers > 0) {
      this.loseAnswers--;
      throw new TypeError("the answer was lost");
    }
    return this.#rewritten(pathname, answer);
  };

  #forged(path: string, init: RequestInit): RequestInit {
    if (this.forge === null || !(init.body instanceof Uint8Array)) return init;
    const body = this.forge(path, decode(init.body));
    return { ...init, body: new Uint8Array(encode(body, { ignoreUndefined: true })) };
  }

  async #rewritten(path: string, answer: Response): Promise<Response> {
    if (this.rewrite === null || !answer.ok || answer.status === 204) return answer;
    const bytes = new Uint8Array(await answer.arrayBuffer());
    const body = await this.rewrite(path, decode(bytes));
    return new Response(new Uint8Array(encode(body)), { status: 200 });
  }
}

/**
 * HTTP with MessagePack bodies. Every refusal becomes a CoreFailure with the server's stable code;
 * whatever keeps an answer from arriving becomes `network` with `retry`. A repeat sends the
 * identical bytes: the body is encoded once.
 * Imports nothing of keys or vault.
 */
import { encode } from "@msgpack/msgpack";
import { copy, type Bytes } from "../octets.ts";
import { CoreFailure, failure, hasCode } from "../failure.ts";
import { unpack } from "../unpack.ts";
import type { ErrorBody } from "../wire.ts";
import { delayMs, pause } from "./backoff.ts";

export const DEFAULT_TIMEOUT_MS = 15_000;
const MSGPACK = "application/msgpack";

export type Fetch = (url: string, init: RequestInit) => Promise<Response>;

export interface HttpOptions {
  /** Origin of the server, without a trailing slash; empty for the page's own. */
  readonly server: string;
  readonly fetch: Fetch;
  readonly random: () => number;
  readonly token: () => string | null;
  /** The token has ended: let the device's key get another one. Absent: nobody can. */
  readonly renewToken?: () => Promise<void>;
  /** An authenticated call was answered that the server does not take this device any more. */
  readonly onRefused: (code: string) => void;
}

export interface CallOptions {
  readonly method: "GET" | "POST" | "PUT" | "DELETE";
  readonly path: string;
  readonly body?: unknown;
  /** Body sent as it is. */
  readonly raw?: Bytes;
  /** Repeats after the first try, only for failures that a repeat can help. */
  readonly repeats?: number;
  readonly timeoutMs?: number;
  readonly signal?: AbortSignal;
  readonly headers?: Readonly<Record<string, string>>;
  /** Anybody may ask: no token goes with it. */
  readonly public?: boolean;
}

export interface HttpResponse {
  readonly status: number;
  readonly bytes: Bytes;
  readonly etag: string | null;
}

const REFUSALS = ["unauthenticated", "signed_out", "suspended", "conduct_not_accepted"];
const BACKOFF = { firstMs: 300, maxMs: 4_000 };

export class Http {
  readonly #options: HttpOptions;

  constructor(options: HttpOptions) {
    this.#options = options;
  }

  /** Call, repeat as allowed, and return the raw answer. */
  async send(options: CallOptions): Promise<HttpResponse> {
    const body =
      options.raw ??
      (options.body === undefined
        ? undefined
        : copy(encode(options.body, { ignoreUndefined: true })));
    const repeats = options.repeats ?? 2;
    let renewed = false;
    for (let attempt = 0; ; attempt++) {
      const token = options.public === true ? null : this.#options.token();
      try {
        return await this.#once(options, body, token);
      } catch (cause) {
        let error = cause;
        const { renewToken } = this.#options;
        if (token !== null && !renewed && renewToken && hasCode(error, "unauthenticated")) {
          try {
            // Another call may have renewed it meanwhile.
            if (this.#options.token() === token) await renewToken();
            renewed = true;
            continue;
          } catch (refusal) {
            error = refusal;
          }
        }
        if (token !== null && hasCode(error, ...REFUSALS)) this.#options.onRefused(error.code);
        if (!hasCode(error, "network", "overloaded")) throw error;
        if (attempt >= repeats || options.signal?.aborted === true) throw error;
        const wait = error.retryAfterMs ?? delayMs(BACKOFF, attempt, this.#options.random);
        await pause(Math.min(wait, BACKOFF.maxMs), options.signal);
      }
    }
  }

  async #once(
    options: CallOptions,
    body: Bytes | undefined,
    token: string | null,
  ): Promise<HttpResponse> {
    const headers: Record<string, string> = { accept: MSGPACK, ...options.headers };
    if (token !== null) headers["authorization"] = `Bearer ${token}`;
    if (body !== undefined) {
      headers["content-type"] = options.raw === undefined ? MSGPACK : "application/octet-stream";
    }
    const timeout = new AbortController();
    const timer = setTimeout(() => timeout.abort(), options.timeoutMs ?? DEFAULT_TIMEOUT_MS);
    const abort = (): void => timeout.abort();
    options.signal?.addEventListener("abort", abort);
    try {
      if (options.signal?.aborted === true) timeout.abort();
      const init: RequestInit = { method: options.method, headers, signal: timeout.signal };
      if (body !== undefined) init.body = body;
      const response = await this.#options.fetch(this.#options.server + options.path, init);
      const bytes = new Uint8Array(await response.arrayBuffer());
      if (response.ok || response.status === 304) {
        return { status: response.status, bytes, etag: response.headers.get("etag") };
      }
      throw refusal(response, bytes);
    } catch (error) {
      if (error instanceof CoreFailure) throw error;
      if (options.signal?.aborted === true) throw failure("cancelled");
      const reason = timeout.signal.aborted ? "timeout" : "unreachable";
      throw failure("network", { retry: true, cause: error, details: { reason } });
    } finally {
      clearTimeout(timer);
      options.signal?.removeEventListener("abort", abort);
    }
  }
}

function refusal(response: Response, bytes: Bytes): CoreFailure {
  const body = errorBody(bytes);
  if (body === null) {
    // Not our server: a proxy or a captive portal answered.
    return failure("network", { retry: true, details: { status: response.status } });
  }
  const { code, retry, retryAfterMs, details } = body;
  return new CoreFailure(code, { retry, retryAfterMs, details });
}

function errorBody(bytes: Bytes): ErrorBody | null {
  try {
    const value = unpack(bytes) as Partial<ErrorBody> | null;
    if (typeof value !== "object" || value === null || typeof value.code !== "string") return null;
    return {
      code: value.code,
      message: value.message ?? "",
      remedy: value.remedy ?? "",
      retry: value.retry === true,
      retryAfterMs: typeof value.retryAfterMs === "number" ? value.retryAfterMs : null,
      details: typeof value.details === "object" ? (value.details ?? {}) : {},
    };
  } catch {
    return null;
  }
}

type Method = CallOptions["method"];
type Query = Readonly<Record<string, string | number | boolean | null | undefined>>;
/** Parameters of which each may be left out. */
export type OptionalParameters<Parameters> = {
  readonly [Name in keyof Parameters]?: Parameters[Name] | null | undefined;
};

interface Options extends Omit<CallOptions, "method" | "path" | "signal"> {
  /** Parameters in the address. */
  readonly query?: Query | undefined;
  /** Parameters in the body: names and numbers of people, because proxies log addresses. */
  readonly search?: Query | undefined;
}

/** Encodes an operation's path, parameters and body, sends it, and decodes the answer. No state. */
export class Calling {
  protected readonly http: Pick<Http, "send">;

  constructor(http: Pick<Http, "send">) {
    this.http = http;
  }

  protected async call<T>(method: Method, path: string, options?: Options): Promise<T> {
    const bytes = await this.file(method, path, options);
    if (bytes.length === 0) return undefined as T;
    try {
      return unpack(bytes) as T;
    } catch (cause) {
      throw failure("network", { retry: true, cause, details: { reason: "answer_malformed" } });
    }
  }

  /** The bytes of an answer. */
  protected async file(method: Method, path: string, options: Options = {}): Promise<Bytes> {
    const { query, search, ...others } = options;
    const text = new URLSearchParams(given(query)).toString();
    const body = search === undefined ? {} : { body: { asked: given(search) } };
    const whole = text === "" ? path : `${path}?${text}`;
    return (await this.http.send({ method, path: whole, ...body, ...others })).bytes;
  }
}

/** A path, its parameters encoded. */
export function at(texts: TemplateStringsArray, ...values: readonly (string | number)[]): string {
  return String.raw({ raw: texts }, ...values.map(encodeURIComponent));
}

/** The parameters that have a value, as texts. */
function given(parameters: Query = {}): Record<string, string> {
  const found: Record<string, string> = {};
  for (const [name, value] of Object.entries(parameters))
    if (value !== undefined && value !== null && value !== "") found[name] = String(value);
  return found;
}

/** The way of every operation to the server: its path, its parameters and its bytes. No state. */
import { failure } from "../failure.ts";
import type { Bytes } from "../octets.ts";
import { unpack } from "../unpack.ts";
import type { CallOptions, Http } from "./http.ts";

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

/** The server's operations, and the two things that no row of theirs says. */
import { unpack } from "../unpack.ts";
import type * as wire from "../wire.ts";
import { Operations } from "./operations.ts";

export class Api extends Operations {
  /** The same operations, cancelled when a signal aborts. */
  until(signal: AbortSignal): Operations {
    const { http } = this;
    return new Operations({ send: (options) => http.send({ ...options, signal }) });
  }

  /** Null when the directory is still at `version`. */
  async directory(version: string | null): Promise<wire.Directory | null> {
    const headers: Record<string, string> =
      version === null ? {} : { "if-none-match": `"${version}"` };
    const options = { headers, timeoutMs: 30_000 };
    const answer = await this.http.send({ method: "GET", path: "/v1/directory", ...options });
    return answer.status === 304 ? null : (unpack(answer.bytes) as wire.Directory);
  }
}

/** `core.pushes`. */
import { copy, type Bytes } from "../octets.ts";
import type { Api } from "../transport/api.ts";

export class PushCalls {
  readonly #api: Api;

  constructor(api: Api) {
    this.#api = api;
  }

  /** The key that the browser subscribes with. */
  async key(): Promise<Bytes> {
    return copy((await this.#api.pushKey()).key);
  }

  /** Wake this device at an endpoint from now on. */
  subscribe(endpoint: string): Promise<void> {
    return this.#api.subscribePushes({ endpoint });
  }

  unsubscribe(): Promise<void> {
    return this.#api.unsubscribePushes();
  }
}

/** Tells the host the keys of an unlock that lasts, once each. */
import type { HandedKeys } from "../vault/vault.ts";

export class ToldKeys {
  #session: string | null | undefined = undefined;
  onKeys: (keys: HandedKeys | null) => void = () => undefined;

  tell(keys: HandedKeys | null): void {
    const session = keys?.session ?? null;
    if (session === this.#session) return;
    this.#session = session;
    this.onKeys(keys);
  }
}

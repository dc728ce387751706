/** Makes the core: in a browser's worker, or under Node with the pieces that Node lacks passed in. */
import { createEngine } from "./engine.ts";
import type { SessionOptions } from "./calls/session-options.ts";
import type { ConnectedCore } from "./core.ts";
import type { WebSocketMaker } from "./transport/socket.ts";
import type { HandedKeys } from "./vault/vault.ts";

/** The browser's clock, network and randomness, where absent. */
export type CoreOptions = Pick<SessionOptions, "origin"> & Partial<Omit<SessionOptions, "program">>;

export interface LocalCore extends ConnectedCore {
  /** Called with the keys of each unlock, and with null when the app locks: for other tabs. */
  onKeys: (keys: HandedKeys | null) => void;
  /** Stop without wiping: the process ends, or a test restarts it. */
  close(): Promise<void>;
}

export function createCore(options: CoreOptions): LocalCore {
  return createEngine({
    origin: options.origin,
    vaultName: options.vaultName ?? "copconnect",
    storage: options.storage,
    fetch: options.fetch ?? ((url, init) => fetch(url, init)),
    WebSocket: options.WebSocket ?? (globalThis.WebSocket as unknown as WebSocketMaker),
    now: options.now ?? Date.now,
    monotonic: options.monotonic ?? (() => performance.now()),
    random: options.random ?? Math.random,
    indexes: options.indexes,
    keys: options.keys ?? null,
  });
}

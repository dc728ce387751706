/** Makes the core: in a browser's worker, or under Node with the pieces that Node lacks passed in. */
import { createEngine } from "./calls/engine.ts";
import type { ConnectedCore } from "./core.ts";
import type { Fetch } from "./transport/http.ts";
import type { WebSocketMaker } from "./transport/socket.ts";
import type { Storage } from "./vault/database.ts";
import type { HandedKeys } from "./vault/vault.ts";

export interface CoreOptions {
  /** Origin of the server, without a trailing slash. */
  readonly origin: string;
  /** Name of the local database; one for each core in a process. */
  readonly vaultName?: string;
  /** The place of the vault, if not in the browser. */
  readonly storage?: Storage;
  readonly fetch?: Fetch;
  /** The browser's where absent. */
  readonly WebSocket?: WebSocketMaker;
  readonly now?: () => number;
  /** A clock that nobody sets. */
  readonly monotonic?: () => number;
  readonly random?: () => number;
  /** Index messages for the search before there is one: a person is at this device. */
  readonly indexes?: boolean;
  /** The keys of an unlock that lasts, from the tab that led before. */
  readonly keys?: HandedKeys | null;
}

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

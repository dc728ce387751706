/** The pieces of its host that a session runs on. */
import type { Program } from "../context.ts";
import type { Fetch } from "../transport/http.ts";
import type { WebSocketMaker } from "../transport/socket.ts";
import type { Storage } from "../vault/database.ts";
import type { HandedKeys } from "../vault/vault.ts";

export interface SessionOptions {
  /** Origin of the server, without a trailing slash. */
  readonly origin: string;
  /** Name of the local database; one for each core in a process. */
  readonly vaultName: string;
  /** The place of the vault; absent: in the browser. */
  readonly storage?: Storage | undefined;
  /** Absent: a person reads. */
  readonly program?: Program | undefined;
  readonly fetch: Fetch;
  readonly WebSocket: WebSocketMaker;
  readonly now: () => number;
  /** Never set by hand; may stop while the device sleeps. */
  readonly monotonic: () => number;
  readonly random: () => number;
  /** Index messages for the search before there is one: a person is at this device. */
  readonly indexes?: boolean | undefined;
  /** The keys of an unlock that lasts, from the tab that led before. */
  readonly keys: HandedKeys | null;
}

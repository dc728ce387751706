/**
 * The live connection: one WebSocket that says hello, receives every conversation's head, and then
 * frames in order. It reconnects with jitter until {@link Socket.stop}.
 *
 * Liveness: a socket that the network dropped silently looks open. The browser cannot send pings,
 * so an empty `cursors` frame goes out every {@link PROBE_MS}; what cannot be sent breaks the
 * connection, and the server's own pings close what is dead from its side.
 * Imports nothing of keys or vault.
 */
import { encode } from "@msgpack/msgpack";
import { version } from "../../package.json";
import {
  CLOSE_BAD_FRAME,
  CLOSE_CONDUCT_NOT_ACCEPTED,
  CLOSE_REPLACED,
  CLOSE_SIGNED_OUT,
  CLOSE_TOO_MANY_FRAMES,
  CLOSE_TOO_SLOW,
  CLOSE_UNAUTHENTICATED,
  CURSORS_IN_FRAME,
  POSITIONS_IN_HELLO,
  WIRE_VERSION,
} from "../wire.ts";
import { unpack } from "../unpack.ts";
import type {
  CursorUpdate,
  Hello,
  Position,
  Ready,
  SendPosition,
  ServerFrame,
  WatchOrder,
  WatchPositions,
  Working,
} from "../wire.ts";
import { copy } from "../octets.ts";
import { delayMs, pause } from "./backoff.ts";

/** The part of the WebSocket API in use; the browser's and the `ws` package's both fit. */
export interface WebSocketLike {
  binaryType: string;
  readonly readyState: number;
  readonly bufferedAmount: number;
  send(data: Uint8Array<ArrayBuffer>): void;
  close(code?: number): void;
  onopen: ((event: never) => void) | null;
  onmessage: ((event: never) => void) | null;
  onclose: ((event: never) => void) | null;
  onerror: ((event: never) => void) | null;
}
export type WebSocketMaker = new (url: string) => WebSocketLike;

export type ConnectionEvent =
  /** The connection is up; frames follow in order. */
  | { readonly type: "connected"; readonly ready: Ready }
  | { readonly type: "frame"; readonly frame: Exclude<ServerFrame, Ready> };

export interface SocketOptions {
  /** ws:// or wss:// URL of /v1/socket. */
  readonly url: string;
  readonly WebSocket: WebSocketMaker;
  readonly random: () => number;
  readonly token: () => Promise<string | null>;
  readonly onState: (state: "online" | "connecting" | "offline") => void;
  /** How far this device has come in each conversation whose log it follows. */
  readonly positions: () => readonly Position[];
  /** Gets `connected`, then each `frame` in order. */
  readonly onEvent: (event: ConnectionEvent) => Promise<void>;
  /** The server refuses this device: 4401, 4403 or 4406. This object connects no more until the core starts it again. */
  readonly onRefused: (code: "unauthenticated" | "signed_out" | "conduct_not_accepted") => void;
  /** The server refuses this version of the wire. */
  readonly onOutdated: () => void;
}

const REFUSALS: Readonly<Record<number, Parameters<SocketOptions["onRefused"]>[0]>> = {
  [CLOSE_UNAUTHENTICATED]: "unauthenticated",
  [CLOSE_SIGNED_OUT]: "signed_out",
  [CLOSE_CONDUCT_NOT_ACCEPTED]: "conduct_not_accepted",
};
const BACKOFF = { firstMs: 500, maxMs: 30_000 };
/** So many failures make the wait the longest. */
const REPLACED_FAILURES = 6;
/** After a restart of the server all devices connect at once and wait for admission. */
const HELLO_MS = 30_000;
export const PROBE_MS = 25_000;

export class Socket {
  readonly #options: SocketOptions;
  #stop = new AbortController();
  #wake = new AbortController();
  #socket: WebSocketLike | null = null;
  #ready = false;
  #running = false;
  #failures = 0;
  #giveUp: (() => void) | null = null;

  constructor(options: SocketOptions) {
    this.#options = options;
  }

  start(): void {
    if (this.#running) return;
    this.#running = true;
    this.#stop = new AbortController();
    void this.#run(this.#stop.signal);
  }

  stop(): void {
    this.#running = false;
    this.#stop.abort();
    this.#wake.abort();
    this.#socket?.close(1000);
    this.#socket = null;
    this.#ready = false;
  }

  /** The server has answered the hello, and the connection is not known to be closed. */
  get connected(): boolean {
    return this.#ready;
  }

  /** The device believes that the network is back: try now instead of waiting. */
  nudge(): void {
    this.#failures = 0;
    this.#wake.abort();
  }

  /** The device says that the network is gone: a connection that looks open is not. */
  drop(): void {
    this.#giveUp?.();
  }

  /** Send cursors. False when there is no connection: the caller keeps them for later. */
  sendCursors(updates: readonly CursorUpdate[]): boolean {
    if (!this.#ready || this.#socket === null) return false;
    for (let at = 0; at < updates.length; at += CURSORS_IN_FRAME) {
      this.#send({ t: "cursors", updates: updates.slice(at, at + CURSORS_IN_FRAME) });
    }
    return true;
  }

  /** Send a frame that nothing stores. False when there is no connection. */
  say(frame: SendPosition | WatchPositions | WatchOrder | Working): boolean {
    if (!this.#ready || this.#socket === null) return false;
    this.#send(frame);
    return true;
  }

  #send(frame: unknown): void {
    try {
      this.#socket?.send(copy(encode(frame)));
    } catch {
      this.#socket?.close();
    }
  }

  async #run(signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      // Tries that follow a failed one are no news: it stays offline until the connection is back.
      if (this.#failures === 0) this.#options.onState("connecting");
      const token = await this.#options.token();
      if (signal.aborted) return;
      const code = token === null ? CLOSE_UNAUTHENTICATED : await this.#connect(token, signal);
      if (signal.aborted) return;
      const refusal = REFUSALS[code];
      if (refusal !== undefined) {
        this.#running = false;
        this.#options.onState("offline");
        this.#options.onRefused(refusal);
        return;
      }
      if (code === CLOSE_BAD_FRAME) this.#options.onOutdated();
      this.#options.onState("offline");
      // A reader that fell behind comes back at once: the log is waiting for it.
      if (code === CLOSE_TOO_SLOW && this.#failures === 0) continue;
      // Another core runs with this device's token, or an answer came late: no tug-of-war.
      // Or this device or person sent too much: cursors and positions wait for the next connection.
      if (code === CLOSE_REPLACED || code === CLOSE_TOO_MANY_FRAMES)
        this.#failures = Math.max(this.#failures, REPLACED_FAILURES);
      this.#wake = new AbortController();
      await pause(delayMs(BACKOFF, this.#failures++, this.#options.random), this.#wake.signal);
    }
  }

  /** One connection from beginning to end; resolves with its close code. */
  #connect(token: string, signal: AbortSignal): Promise<number> {
    return new Promise((resolve) => {
      let socket: WebSocketLike;
      try {
        socket = new this.#options.WebSocket(this.#options.url);
      } catch {
        return resolve(1006);
      }
      socket.binaryType = "arraybuffer";
      this.#socket = socket;
      let unanswered = true;
      const hello = setTimeout(() => socket.close(), HELLO_MS);
      let lastBuffered = 0;
      const probe = setInterval(() => {
        if (!this.#ready) return;
        // Bytes that have not moved since the last probe: the network is gone.
        if (lastBuffered > 0 && socket.bufferedAmount >= lastBuffered) return finish(1006);
        this.#send({ t: "cursors", updates: [] });
        lastBuffered = socket.bufferedAmount;
      }, PROBE_MS);
      const finish = (code: number): void => {
        clearTimeout(hello);
        clearInterval(probe);
        signal.removeEventListener("abort", stopped);
        socket.onopen = socket.onmessage = socket.onclose = null;
        socket.onerror = () => undefined;
        try {
          socket.close();
        } catch {
          // It was never open.
        }
        if (this.#socket === socket) {
          this.#socket = null;
          this.#ready = false;
          this.#giveUp = null;
        }
        resolve(code);
      };
      this.#giveUp = () => finish(1006);
      const stopped = (): void => finish(1000);
      signal.addEventListener("abort", stopped);
      socket.onopen = () =>
        this.#send({
          t: "hello",
          version: WIRE_VERSION,
          accessToken: token,
          positions: this.#options.positions().slice(0, POSITIONS_IN_HELLO),
          app: version,
        } satisfies Hello);
      socket.onclose = (event: { code: number }) => finish(event.code);
      socket.onerror = () => undefined;
      socket.onmessage = (event: { data: ArrayBuffer }) => {
        let frame: ServerFrame;
        try {
          frame = unpack(new Uint8Array(event.data)) as ServerFrame;
        } catch {
          return finish(1007);
        }
        if (frame.t !== "ready") {
          if (!unanswered) void this.#options.onEvent({ type: "frame", frame });
          return;
        }
        unanswered = false;
        clearTimeout(hello);
        this.#ready = true;
        this.#failures = 0;
        this.#options.onState("online");
        void this.#options.onEvent({ type: "connected", ready: frame });
      };
    });
  }
}

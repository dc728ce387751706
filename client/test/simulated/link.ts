/** A device's way to its server, HTTP and socket together: slow, deaf for a while, or cut. */
import { decode } from "@msgpack/msgpack";
import type { Fetch } from "#core/transport/http.ts";
import type { WebSocketLike, WebSocketMaker } from "#core/transport/socket.ts";
import type { ServerFrame } from "#core/wire.ts";
import { Network } from "../support/network.ts";

export interface Server {
  readonly fetch: Fetch;
  readonly WebSocket: WebSocketMaker;
}

interface Inner extends Omit<WebSocketLike, "onopen" | "onmessage" | "onclose"> {
  onopen: (() => void) | null;
  onmessage: ((event: { data: ArrayBuffer }) => void) | null;
  onclose: ((event: { code: number }) => void) | null;
}

/** A socket whose frames come late, in order, or not at all. */
class LinkSocket {
  readonly #inner: Inner;
  readonly #link: Link;
  #before: Promise<unknown> = Promise.resolve();
  #ended = false;
  binaryType = "arraybuffer";
  onopen: (() => void) | null = null;
  onmessage: ((event: { data: ArrayBuffer }) => void) | null = null;
  onclose: ((event: { code: number }) => void) | null = null;
  onerror: (() => void) | null = null;

  constructor(inner: Inner, link: Link) {
    this.#inner = inner;
    this.#link = link;
    inner.binaryType = "arraybuffer";
    inner.onopen = () => this.#later(() => this.onopen?.());
    inner.onmessage = ({ data }) => {
      if (!link.hears(decode(data) as ServerFrame)) return;
      this.#later(() => this.onmessage?.({ data }));
    };
    inner.onclose = ({ code }) => this.#later(() => this.end(code));
    inner.onerror = () => undefined;
  }

  get readyState(): number {
    return this.#inner.readyState;
  }

  get bufferedAmount(): number {
    return 0;
  }

  send(data: Uint8Array<ArrayBuffer>): void {
    if (!this.#ended) this.#inner.send(data);
  }

  close(code?: number): void {
    this.#inner.close(code);
  }

  end(code: number): void {
    if (this.#ended) return;
    this.#ended = true;
    this.#inner.close();
    this.onclose?.({ code });
  }

  #later(step: () => void): void {
    const come = Promise.all([this.#before, this.#link.underWay()]);
    this.#before = come.then(() => {
      if (!this.#ended) step();
    });
  }
}

export class Link {
  readonly network: Network;
  /** How long the next bytes are under way. */
  delayMs: () => number;
  /** Kinds of frames that are lost until the next connection. */
  readonly lost = new Set<ServerFrame["t"]>();
  readonly #server: Server;
  #sockets: LinkSocket[] = [];
  #cut = false;

  constructor(server: Server, delayMs: () => number) {
    this.#server = server;
    this.delayMs = delayMs;
    this.network = new Network(async (url, init) => {
      await this.underWay();
      const answer = await server.fetch(url, init);
      await this.underWay();
      return answer;
    });
  }

  get WebSocket(): WebSocketMaker {
    const open = (url: string): LinkSocket => {
      if (this.#cut) throw new Error("cut");
      this.lost.clear();
      const socket = new LinkSocket(new this.#server.WebSocket(url) as unknown as Inner, this);
      this.#sockets.push(socket);
      return socket;
    };
    return function (url: string) {
      return open(url);
    } as unknown as WebSocketMaker;
  }

  hears({ t }: ServerFrame): boolean {
    return !this.lost.has(t);
  }

  /** Nothing comes and nothing goes, and the device notices. */
  cut(): void {
    this.#cut = true;
    this.network.cut = true;
    this.break();
  }

  mend(): void {
    this.#cut = false;
    this.network.cut = false;
    this.network.dies = null;
    this.network.loseAnswers = 0;
  }

  /** The connection ends; another may follow at once. */
  break(): void {
    for (const socket of this.#sockets) socket.end(1006);
    this.#sockets = [];
  }

  async underWay(): Promise<void> {
    const ms = this.delayMs();
    if (ms > 0) await new Promise((resolve) => setTimeout(resolve, ms));
  }
}

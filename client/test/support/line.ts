/** The live connection of one device, which a test can cut, listen to and change. */
import { decode, encode } from "@msgpack/msgpack";
import { copy } from "#core/octets.ts";
import type { WebSocketLike, WebSocketMaker } from "#core/transport/socket.ts";
import type { CursorUpdate, ServerFrame } from "#core/wire.ts";

const CLOSED_ABNORMALLY = 1006;

/** A socket as the core sees it: what goes through it passes the line. */
class LineSocket {
  readonly #inner: WebSocketLike;
  readonly #line: Line;
  #ended = false;
  onopen: (() => void) | null = null;
  onmessage: ((event: { data: ArrayBuffer }) => void) | null = null;
  onclose: ((event: { code: number }) => void) | null = null;
  onerror: (() => void) | null = null;

  constructor(inner: WebSocketLike, line: Line) {
    this.#inner = inner;
    this.#line = line;
    inner.binaryType = "arraybuffer";
    inner.onopen = () => this.onopen?.();
    inner.onmessage = ({ data }: { data: ArrayBuffer }) => {
      this.hear(decode(new Uint8Array(data)) as ServerFrame);
    };
    inner.onclose = ({ code }: { code: number }) => this.end(code);
    inner.onerror = () => undefined;
  }

  get binaryType(): string {
    return "arraybuffer";
  }

  set binaryType(_: string) {
    // It is one from the beginning.
  }

  get readyState(): number {
    return this.#inner.readyState;
  }

  get bufferedAmount(): number {
    return this.#inner.bufferedAmount;
  }

  hear(frame: ServerFrame): void {
    if (this.#ended) return;
    const data = copy(encode(this.#line.rewrite?.(frame) ?? frame)).buffer;
    this.onmessage?.({ data });
  }

  send(data: Uint8Array<ArrayBuffer>): void {
    const frame = decode(data) as { readonly updates?: readonly CursorUpdate[] };
    this.#line.cursors.push(...(frame.updates ?? []));
    this.#inner.send(data);
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
}

export class Line {
  readonly cursors: CursorUpdate[] = [];
  readonly #inner: WebSocketMaker;
  readonly #open = new Set<LineSocket>();
  #cut = false;
  /** Changes a frame of the server on its way. */
  rewrite: ((frame: ServerFrame) => ServerFrame) | null = null;

  /** `inner`: what leads to the server. */
  constructor(inner: WebSocketMaker) {
    this.#inner = inner;
  }

  get WebSocket(): WebSocketMaker {
    const open = (url: string): LineSocket => {
      if (this.#cut) throw new Error("cut");
      const socket = new LineSocket(new this.#inner(url), this);
      this.#open.add(socket);
      return socket;
    };
    return function (url: string) {
      return open(url);
    } as unknown as WebSocketMaker;
  }

  cut(): void {
    this.#cut = true;
    for (const socket of this.#open) socket.end(CLOSED_ABNORMALLY);
    this.#open.clear();
  }

  /** Let the device hear a frame that no server sent. */
  say(frame: ServerFrame): void {
    for (const socket of this.#open) socket.hear(frame);
  }

  mend(): void {
    this.#cut = false;
  }
}

/** The live connection of one device, which a test can cut, listen to and change. */
import { decode, encode } from "@msgpack/msgpack";
import { WebSocket } from "ws";
import type { WebSocketMaker } from "../src/transport/socket.ts";
import type { CursorUpdate, ServerFrame } from "../src/wire.ts";

class RewritingSocket extends WebSocket {
  rewrite: (frame: ServerFrame) => ServerFrame = (frame) => frame;

  override emit(event: string | symbol, ...args: unknown[]): boolean {
    if (event !== "message") return super.emit(event, ...args);
    const frame = this.rewrite(decode(args[0] as ArrayBuffer) as ServerFrame);
    return super.emit(event, new Uint8Array(encode(frame)).buffer, true);
  }
}

export class Line {
  readonly cursors: CursorUpdate[] = [];
  readonly #open = new Set<WebSocket>();
  #cut = false;
  /** What the server said, changed on its way. */
  rewrite: ((frame: ServerFrame) => ServerFrame) | null = null;

  get WebSocket(): WebSocketMaker {
    const open = (url: string): WebSocket => {
      if (this.#cut) throw new Error("cut");
      const socket = new RewritingSocket(url);
      socket.rewrite = (frame) => this.rewrite?.(frame) ?? frame;
      this.#open.add(socket);
      const send = socket.send.bind(socket);
      socket.send = (data: Uint8Array) => {
        const frame = decode(data) as { updates?: CursorUpdate[] };
        this.cursors.push(...(frame.updates ?? []));
        send(data);
      };
      return socket;
    };
    return function (url: string) {
      return open(url);
    } as unknown as WebSocketMaker;
  }

  cut(): void {
    this.#cut = true;
    for (const socket of this.#open) socket.terminate();
    this.#open.clear();
  }

  /** Let the device hear a frame that no server sent. */
  say(frame: ServerFrame): void {
    for (const socket of this.#open) socket.emit("message", encode(frame), true);
  }

  mend(): void {
    this.#cut = false;
  }
}

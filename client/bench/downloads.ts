/**
 * What a whole client downloads, by what it was for: payloads of frames by their kind ("entry
 * commit", "duty"…), bodies of HTTP answers by route. Headers are not counted.
 */
import { decode, encode } from "@msgpack/msgpack";
import { WebSocket } from "ws";
import type { WebSocketMaker } from "../src/transport/socket.ts";
import type { ServerFrame } from "../src/wire.ts";

const ID = /[0-9a-f]{32}/g;

export class Downloads {
  /** Bytes since the client began. */
  readonly bytes = new Map<string, number>();
  #socket: WebSocket | null = null;

  /** The WebSocket for the core. */
  socketMaker(): WebSocketMaker {
    const opened = (socket: WebSocket): void => {
      this.#socket = socket;
      socket.on("message", (data: ArrayBuffer) => {
        const frame = decode(new Uint8Array(data)) as ServerFrame;
        this.#count(frame.t === "entry" ? `entry ${frame.entry.kind}` : frame.t, data.byteLength);
      });
    };
    const Counting = class extends WebSocket {
      constructor(url: string) {
        super(url);
        opened(this);
      }
    };
    return Counting as unknown as WebSocketMaker;
  }

  /** Count an answer. */
  answered(url: string, method: string | undefined, response: Response): void {
    const route = new URL(url).pathname.replace(ID, "*");
    const bytes = Number(response.headers.get("content-length") ?? 0);
    this.#count(`${method ?? "GET"} ${route}`, bytes);
  }

  /** Let a frame come as if the server had sent it. */
  receive(frame: ServerFrame): void {
    this.#socket?.emit("message", encode(frame).slice().buffer, true);
  }

  #count(what: string, bytes: number): void {
    this.bytes.set(what, (this.bytes.get(what) ?? 0) + bytes);
  }
}

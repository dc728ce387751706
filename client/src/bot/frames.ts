/**
 * Calls and events over two pipes: each frame is its length in four bytes, little-endian, and
 * MessagePack. The other side is src/copconnect/bot/core.py, or core_program/ for a verifier.
 */
import { decode, encode } from "@msgpack/msgpack";
import type { Readable, Writable } from "node:stream";
import type { CoreError } from "../seam.ts";
import type { ConversationId } from "../ids.ts";

export interface ProgramCall {
  readonly number: number;
  /** The object and its method: `bot.send`, `app.startOver`. */
  readonly method: string;
  readonly args: readonly unknown[];
}

export type ProgramFrame =
  | { readonly number: number; readonly value: unknown }
  | { readonly number: number; readonly error: CoreError }
  | { readonly event: "waiting"; readonly conversationId: ConversationId }
  | { readonly event: "state"; readonly state: unknown }
  | { readonly event: "conversation"; readonly conversation: unknown }
  | { readonly event: "gone"; readonly conversationId: ConversationId }
  | { readonly event: "alarm"; readonly text: string };

/** A larger frame is refused: files come in calls, of 64 MiB at most. */
const MOST_BYTES = 80 * 1024 * 1024;

export function writeFrame(output: Writable, frame: ProgramFrame): void {
  const body = encode(frame, { ignoreUndefined: true });
  const length = Buffer.alloc(4);
  length.writeUInt32LE(body.length);
  output.write(Buffer.concat([length, body]));
}

/** The calls that come, until the other side has closed the pipe or ended. */
export async function* readCalls(input: Readable): AsyncGenerator<ProgramCall> {
  const parts: Buffer[] = [];
  let size = 0;
  for await (const part of input) {
    parts.push(part as Buffer);
    size += (part as Buffer).length;
    while (size >= 4) {
      const head = parts[0]?.length === undefined || parts[0].length < 4;
      if (head) parts.splice(0, parts.length, Buffer.concat(parts));
      const length = (parts[0] as Buffer).readUInt32LE(0);
      if (length > MOST_BYTES) throw new RangeError("a frame that is too long");
      if (size < 4 + length) break;
      const all = parts.length === 1 ? (parts[0] as Buffer) : Buffer.concat(parts);
      const rest = all.subarray(4 + length);
      parts.splice(0, parts.length, ...(rest.length > 0 ? [rest] : []));
      size = rest.length;
      yield decode(all.subarray(4, 4 + length)) as ProgramCall;
    }
  }
}

/**
 * MessagePack from outside: `decode`, after the bytes were found to hold what they announce.
 *
 * The decoder makes an array as long as its header says before it has seen a single element, so
 * that sixty bytes of nested headers take gigabytes and end the app, again at every start. Here the
 * headers are walked first, without making anything: each announced element must be there, so what
 * the decoder makes is never more than a few times the bytes.
 */
import { decode } from "@msgpack/msgpack";

export class NotWhole extends Error {}

/** Decode one value. Throws {@link NotWhole} or what the decoder throws; never takes long. */
export function unpack(bytes: Uint8Array): unknown {
  requireWhole(bytes);
  return decode(bytes);
}

/** Bytes that follow a header of this type. */
const FIXED: ReadonlyMap<number, number> = new Map([
  [0xc0, 0],
  [0xc2, 0],
  [0xc3, 0],
  [0xca, 4],
  [0xcb, 8],
  [0xcc, 1],
  [0xcd, 2],
  [0xce, 4],
  [0xcf, 8],
  [0xd0, 1],
  [0xd1, 2],
  [0xd2, 4],
  [0xd3, 8],
  [0xd4, 2],
  [0xd5, 3],
  [0xd6, 5],
  [0xd7, 9],
  [0xd8, 17],
]);
/** Strings, bytes and extensions: the width of their length, and what lies before the bytes. */
const SIZED: ReadonlyMap<number, readonly [width: number, more: number]> = new Map([
  [0xc4, [1, 0]],
  [0xc5, [2, 0]],
  [0xc6, [4, 0]],
  [0xc7, [1, 1]],
  [0xc8, [2, 1]],
  [0xc9, [4, 1]],
  [0xd9, [1, 0]],
  [0xda, [2, 0]],
  [0xdb, [4, 0]],
]);
/** Arrays and maps: the width of their count, and values for each. */
const COUNTED: ReadonlyMap<number, readonly [width: number, values: number]> = new Map([
  [0xdc, [2, 1]],
  [0xdd, [4, 1]],
  [0xde, [2, 2]],
  [0xdf, [4, 2]],
]);

/** Throw unless the bytes hold one value with everything that its headers announce. */
export function requireWhole(bytes: Uint8Array): void {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  let at = 0;
  const take = (size: number): number => {
    const from = at;
    at += size;
    if (at > bytes.length) throw new NotWhole("truncated");
    return from;
  };
  const uint = (width: number): number => {
    const from = take(width);
    if (width === 1) return view.getUint8(from);
    return width === 2 ? view.getUint16(from) : view.getUint32(from);
  };
  for (let missing = 1; missing > 0; missing--) {
    const head = view.getUint8(take(1));
    if (head <= 0x7f || head >= 0xe0) continue;
    const counted = COUNTED.get(head);
    const sized = SIZED.get(head);
    const fixed = FIXED.get(head);
    if (head <= 0x8f) missing += 2 * (head & 0x0f);
    else if (head <= 0x9f) missing += head & 0x0f;
    else if (head <= 0xbf) take(head & 0x1f);
    else if (counted !== undefined) missing += counted[1] * uint(counted[0]);
    else if (sized !== undefined) take(uint(sized[0]) + sized[1]);
    else if (fixed !== undefined) take(fixed);
    else throw new NotWhole("no such type");
    // Every value takes a byte at least; this one has been taken.
    if (missing - 1 > bytes.length - at) throw new NotWhole("truncated");
  }
  if (at !== bytes.length) throw new NotWhole("trailing bytes");
}

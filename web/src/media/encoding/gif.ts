/**
 * GIFs keep their movement, so they are not encoded again; what nobody sees in them is left out:
 * comments, data of applications (XMP can name the place and the camera), plain text that no browser
 * draws, and whatever follows the end. Pure; imports nothing. Structure: GIF89a, sections 18 to 27.
 */
const EXTENSION = 0x21;
const IMAGE = 0x2c;
const END = 0x3b;
const GRAPHIC_CONTROL = 0xf9;
const APPLICATION = 0xff;
/** Applications that first said how often a movement is repeated; every browser reads both. */
const LOOPING = new Set(["NETSCAPE2.0", "ANIMEXTS1.0"]);

/** Bytes of the colour table that packed flags announce. */
const tableBytes = (flags: number): number => ((flags & 0x80) === 0 ? 0 : 3 << ((flags & 7) + 1));

/** The same pictures without what is hidden; null when the bytes are no whole GIF. */
export function bareGif(bytes: Uint8Array): Uint8Array<ArrayBuffer> | null {
  const ascii = (from: number, to: number): string =>
    String.fromCharCode(...bytes.subarray(from, to));
  /** The end of a row of sub-blocks; beyond the end of a file that was cut. */
  const afterBlocks = (from: number): number => {
    let at = from;
    for (let size = bytes[at]; size !== undefined && size > 0; size = bytes[at]) at += size + 1;
    return at + 1;
  };

  if (!/^GIF8[79]a$/u.test(ascii(0, 6))) return null;
  let at = 13 + tableBytes(bytes[10] ?? 0);
  const kept = [bytes.subarray(0, at)];
  while (at < bytes.length) {
    const from = at;
    switch (bytes[at]) {
      case END:
        return joined([...kept, bytes.subarray(at, at + 1)]);
      case IMAGE:
        // Descriptor, its colour table, the size of codes, the picture.
        at = afterBlocks(at + 11 + tableBytes(bytes[at + 9] ?? 0));
        kept.push(bytes.subarray(from, at));
        break;
      case EXTENSION: {
        const label = bytes[at + 1];
        at = afterBlocks(at + 2);
        const repeats =
          label === APPLICATION &&
          LOOPING.has(ascii(from + 3, from + 14)) &&
          // Its name, one block of three bytes, and the end: nothing can hide in it.
          at - from === 19;
        if (label === GRAPHIC_CONTROL || repeats) kept.push(bytes.subarray(from, at));
        break;
      }
      default:
        return null;
    }
  }
  return null;
}

function joined(parts: readonly Uint8Array[]): Uint8Array<ArrayBuffer> {
  const whole = new Uint8Array(parts.reduce((sum, { length }) => sum + length, 0));
  let at = 0;
  for (const part of parts) {
    whole.set(part, at);
    at += part.length;
  }
  return whole;
}

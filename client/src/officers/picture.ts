/** A picture that an officer sends: a plain sketch of a junction, drawn here as PNG. */
import { deflateSync } from "node:zlib";
import { concat, u32, utf8 } from "../octets.ts";

export const WIDTH = 320;
export const HEIGHT = 240;
const SIGNATURE = Uint8Array.of(0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a);
type Colour = readonly [number, number, number];
const GROUND: Colour = [214, 222, 205];
const ROAD: Colour = [120, 124, 130];
const LINE: Colour = [245, 245, 240];
const BARRICADE: Colour = [204, 60, 40];

/** CRC-32 as PNG wants it (ISO 3309). */
function crc32(bytes: Uint8Array): number {
  let crc = 0xffffffff;
  for (const byte of bytes) {
    crc ^= byte;
    for (let bit = 0; bit < 8; bit++) crc = (crc >>> 1) ^ (crc & 1 ? 0xedb88320 : 0);
  }
  return (crc ^ 0xffffffff) >>> 0;
}

function chunk(type: string, content: Uint8Array): Uint8Array {
  const body = concat(utf8(type), content);
  return concat(u32(content.length), body, u32(crc32(body)));
}

/** `random` is in [0, 1). */
export function junction(random: () => number): Blob {
  const x0 = Math.round(WIDTH * (0.3 + 0.4 * random()));
  const y0 = Math.round(HEIGHT * (0.3 + 0.4 * random()));
  const bx = Math.round(WIDTH * random());
  const rows = new Uint8Array(HEIGHT * (1 + 3 * WIDTH));
  for (let y = 0; y < HEIGHT; y++) {
    for (let x = 0; x < WIDTH; x++) {
      const [dx, dy] = [Math.abs(x - x0), Math.abs(y - y0)];
      let colour = dx < 26 || dy < 26 ? ROAD : GROUND;
      const dashed = (dx < 2 && dy > 26 && y % 18 < 9) || (dy < 2 && dx > 26 && x % 18 < 9);
      if (dashed) colour = LINE;
      if (Math.abs(x - bx) < 4 && dy < 22) colour = BARRICADE;
      rows.set(colour, y * (1 + 3 * WIDTH) + 1 + 3 * x);
    }
  }
  // 8 bits for each of red, green, blue; no interlace.
  const header = concat(u32(WIDTH), u32(HEIGHT), Uint8Array.of(8, 2, 0, 0, 0));
  const bytes = concat(
    SIGNATURE,
    chunk("IHDR", header),
    chunk("IDAT", deflateSync(rows)),
    chunk("IEND", new Uint8Array()),
  );
  return new Blob([bytes], { type: "image/png" });
}

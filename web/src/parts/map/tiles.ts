/** The department's raster tiles around a place, for a still map. Pure. */
import { project, WORLD } from "./projection.ts";

/** Pixels of a tile's edge. */
const TILE = 256;

export interface Tile {
  readonly url: string;
  /** Pixels from the left and top edge of the map. */
  readonly left: number;
  readonly top: number;
}

/**
 * The tiles that cover `width` by `height` pixels with the place in the middle. `template` holds
 * {z}, {x} and {y}; the world repeats to the east and west, and ends in the north and south.
 */
export function tilesAround(
  place: { readonly latitude: number; readonly longitude: number },
  template: string,
  zoom: number,
  width: number,
  height: number,
): readonly Tile[] {
  const count = 2 ** zoom;
  const { x, y } = project([place.longitude, place.latitude]);
  const left = (x / WORLD) * count * TILE - width / 2;
  const top = (y / WORLD) * count * TILE - height / 2;
  const tiles: Tile[] = [];
  for (let row = Math.floor(top / TILE); row * TILE < top + height; row += 1) {
    if (row < 0 || row >= count) continue;
    for (let column = Math.floor(left / TILE); column * TILE < left + width; column += 1) {
      const url = template
        .replaceAll("{z}", String(zoom))
        .replaceAll("{x}", String(((column % count) + count) % count))
        .replaceAll("{y}", String(row));
      tiles.push({ url, left: column * TILE - left, top: row * TILE - top });
    }
  }
  return tiles;
}

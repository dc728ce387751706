/** Sizes of pictures. Pure arithmetic; imports nothing. */

export interface Size {
  readonly width: number;
  readonly height: number;
}

/** The longest edge of a picture as it is sent. */
export const LONGEST_EDGE = 2048;

/** Thumbhash takes at most 100 pixels on an edge. */
export const THUMB_EDGE = 100;

/** Shrink to fit `longest` on the longer edge; never enlarges, never goes below one pixel. */
export function fitWithin(size: Size, longest: number): Size {
  const edge = Math.max(size.width, size.height);
  if (edge <= longest) return { width: Math.max(1, size.width), height: Math.max(1, size.height) };
  const scale = longest / edge;
  return {
    width: Math.max(1, Math.round(size.width * scale)),
    height: Math.max(1, Math.round(size.height * scale)),
  };
}

/** Shrink a video to so many lines on its shorter edge; edges are even, as encoders want them. */
export function fitLines(size: Size, lines: number): Size {
  const scale = Math.min(1, lines / Math.min(size.width, size.height));
  const even = (edge: number): number => Math.max(2, 2 * Math.round((edge * scale) / 2));
  return { width: even(size.width), height: even(size.height) };
}

/**
 * The box a picture takes in a bubble, in CSS pixels: its own shape within the limits, so that
 * nothing moves when the picture arrives. Very long shapes are cropped to 1:2 or 2:1.
 */
export function bubbleBox(size: Size | null, maxWidth: number, maxHeight: number): Size {
  if (size === null || size.width <= 0 || size.height <= 0) {
    return { width: maxWidth, height: Math.round(maxWidth * 0.75) };
  }
  const ratio = Math.min(2, Math.max(0.5, size.width / size.height));
  const width = Math.min(maxWidth, maxHeight * ratio);
  return { width: Math.round(width), height: Math.round(width / ratio) };
}

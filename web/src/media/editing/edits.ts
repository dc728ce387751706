/**
 * Edits of a picture before it is sent, one after the other. Places are in pixels of the picture as the
 * edit found it. A hidden part is gone from the pixels: its place keeps a few averages.
 */
import { fitWithin, LONGEST_EDGE, type Size } from "../encoding/dimensions.ts";

export interface Point {
  readonly x: number;
  readonly y: number;
}

/** Two corners, or the two ends of an arrow. */
export interface Span {
  readonly from: Point;
  readonly to: Point;
}

export interface Box extends Size {
  readonly x: number;
  readonly y: number;
}

export const TOOLS = ["crop", "arrow", "blur"] as const;
export type Tool = (typeof TOOLS)[number];

export type Edit = { readonly kind: "rotate" } | { readonly kind: Tool; readonly span: Span };

/** A shorter drag was a tap. */
const SHORTEST = 0.02;
/** So many averages stay of the longer edge of a hidden box: fewer than the letters of a line. */
const AVERAGES = 6;

/** The span within the picture, as a box of whole pixels; null: it is too small to be meant. Pure. */
export function boxOf({ from, to }: Span, size: Size): Box | null {
  const within = (value: number, most: number): number =>
    Math.round(Math.min(most, Math.max(0, value)));
  const [x, right] = [from.x, to.x].map((one) => within(one, size.width)).sort((a, b) => a - b);
  const [y, bottom] = [from.y, to.y].map((one) => within(one, size.height)).sort((a, b) => a - b);
  const box = {
    x: x ?? 0,
    y: y ?? 0,
    width: (right ?? 0) - (x ?? 0),
    height: (bottom ?? 0) - (y ?? 0),
  };
  const least = SHORTEST * Math.max(size.width, size.height);
  return Math.min(box.width, box.height) < Math.min(least, 4) ||
    Math.max(box.width, box.height) < least
    ? null
    : box;
}

/** Moves a span by keys, or with Shift its end; null: the key does not. Pure. */
export function movedByKey(span: Span, key: string, end: boolean, step: number): Span | null {
  const by: Readonly<Record<string, readonly [number, number]>> = {
    ArrowLeft: [-step, 0],
    ArrowRight: [step, 0],
    ArrowUp: [0, -step],
    ArrowDown: [0, step],
  };
  const moved = by[key];
  if (moved === undefined) return null;
  const [dx, dy] = moved;
  const shift = ({ x, y }: Point): Point => ({ x: x + dx, y: y + dy });
  return { from: end ? span.from : shift(span.from), to: shift(span.to) };
}

/** The middle half of a picture, from which keys begin. Pure. */
export function middleOf({ width, height }: Size): Span {
  return {
    from: { x: width / 4, y: height / 4 },
    to: { x: (3 * width) / 4, y: (3 * height) / 4 },
  };
}

type Canvas = HTMLCanvasElement;

function canvasOf({ width, height }: Size): { canvas: Canvas; context: CanvasRenderingContext2D } {
  const canvas = document.createElement("canvas");
  canvas.width = Math.max(1, Math.round(width));
  canvas.height = Math.max(1, Math.round(height));
  const context = canvas.getContext("2d");
  if (context === null) throw new Error("no canvas");
  context.imageSmoothingQuality = "high";
  return { canvas, context };
}

/** The picture upright, not larger than it is sent. Rejects where it cannot be read. */
export async function pictureOf(file: Blob): Promise<Canvas> {
  const bitmap = await createImageBitmap(file, { imageOrientation: "from-image" });
  const size = fitWithin(bitmap, LONGEST_EDGE);
  const { canvas, context } = canvasOf(size);
  context.drawImage(bitmap, 0, 0, size.width, size.height);
  bitmap.close();
  return canvas;
}

/** The picture with all edits; the given one stays as it is. */
export function edited(picture: Canvas, edits: readonly Edit[]): Canvas {
  let current = canvasOf(picture);
  current.context.drawImage(picture, 0, 0);
  for (const edit of edits) {
    const { canvas } = current;
    if (edit.kind === "rotate") {
      current = canvasOf({ width: canvas.height, height: canvas.width });
      current.context.translate(canvas.height, 0);
      current.context.rotate(Math.PI / 2);
      current.context.drawImage(canvas, 0, 0);
      current.context.resetTransform();
      continue;
    }
    if (edit.kind === "arrow") {
      drawArrow(current.context, edit.span, canvas);
      continue;
    }
    const box = boxOf(edit.span, canvas);
    if (box === null) continue;
    if (edit.kind === "blur") hide(current.context, box);
    else {
      current = canvasOf(box);
      current.context.drawImage(canvas, -box.x, -box.y);
    }
  }
  return current.canvas;
}

/** Keep a few averages of a box in place of its pixels. */
export function hide(context: CanvasRenderingContext2D, { x, y, width, height }: Box): void {
  // Halved step by step: drawn at once, a canvas takes samples in place of averages.
  let small = canvasOf({ width, height });
  small.context.drawImage(context.canvas, -x, -y);
  while (Math.max(small.canvas.width, small.canvas.height) > AVERAGES) {
    const { canvas } = small;
    const half = (edge: number): number => Math.max(1, Math.floor(edge / 2));
    small = canvasOf({ width: half(canvas.width), height: half(canvas.height) });
    small.context.drawImage(canvas, 0, 0, small.canvas.width, small.canvas.height);
  }
  // Averages of a picture with transparency would let the pixels through.
  context.clearRect(x, y, width, height);
  context.drawImage(small.canvas, x, y, width, height);
}

/** A red arrow with a white edge, which is seen on any picture. */
function drawArrow(context: CanvasRenderingContext2D, { from, to }: Span, size: Size): void {
  const width = Math.max(4, Math.max(size.width, size.height) / 120);
  const angle = Math.atan2(to.y - from.y, to.x - from.x);
  const wing = (side: number): Point => ({
    x: to.x - width * 6 * Math.cos(angle + side),
    y: to.y - width * 6 * Math.sin(angle + side),
  });
  context.lineCap = "round";
  context.lineJoin = "round";
  for (const [colour, wide] of [
    ["#ffffff", width * 1.8],
    ["#d4141c", width],
  ] as const) {
    context.strokeStyle = colour;
    context.lineWidth = wide;
    context.beginPath();
    context.moveTo(from.x, from.y);
    context.lineTo(to.x, to.y);
    for (const end of [wing(0.5), wing(-0.5)]) {
      context.moveTo(to.x, to.y);
      context.lineTo(end.x, end.y);
    }
    context.stroke();
  }
}

/** The picture as a file; `like` names it and its format. */
export function fileOf(picture: Canvas, like: File): Promise<File> {
  // It is made smaller once more before it is sent: lossless where that is not large.
  const type = like.type === "image/jpeg" ? "image/jpeg" : "image/png";
  return new Promise((resolve, reject) => {
    picture.toBlob(
      (blob) => {
        if (blob === null) reject(new Error("no picture"));
        else resolve(new File([blob], like.name, { type }));
      },
      type,
      0.95,
    );
  });
}

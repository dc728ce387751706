/** The marks on a unit's crest, from the top down: chevrons at the lower levels, stars above. Pure. */
export interface CrestMark {
  readonly kind: "star" | "chevron";
  /** The middle of the mark, of 48. */
  readonly y: number;
  /** 1: as large as where three marks fill the shield. */
  readonly scale: number;
}

/** More chevrons than these become a star. */
const CHEVRONS = 3;
const MOST_STARS = 2;
const MIDDLE = 23;
const BETWEEN = 8;
/** Marks that fill the shield; more are drawn smaller. */
const FILLS = 3;

/**
 * One chevron at the lowest level, up to three; then a star and one chevron, and so on; the top is
 * one large star. A level that is unknown has no marks.
 */
export function marksOf(
  height: { readonly steps: number; readonly top: boolean } | null,
): readonly CrestMark[] {
  if (height === null) return [];
  if (height.top) return [{ kind: "star", y: MIDDLE, scale: 2.75 }];
  const stars = Math.min(MOST_STARS, Math.floor(height.steps / CHEVRONS));
  const chevrons = Math.min(CHEVRONS, height.steps - stars * CHEVRONS + 1);
  const kinds = [
    ...Array.from({ length: stars }, () => "star" as const),
    ...Array.from({ length: chevrons }, () => "chevron" as const),
  ];
  const scale = Math.min(1, FILLS / kinds.length);
  const middle = (kinds.length - 1) / 2;
  return kinds.map((kind, index) => ({
    kind,
    y: MIDDLE + (index - middle) * BETWEEN * scale,
    scale,
  }));
}

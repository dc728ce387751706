/**
 * Web Mercator and the shapes drawn with it. Pure; imports nothing. World coordinates run from 0
 * to 1 eastward and southward, times WORLD so that SVG numbers stay short.
 */

export const WORLD = 10_000;
const EARTH_RADIUS_M = 6_371_008.8;

export type Position = readonly [longitude: number, latitude: number];

export function project([longitude, latitude]: Position): {
  readonly x: number;
  readonly y: number;
} {
  const limited = Math.min(85, Math.max(-85, latitude));
  const sine = Math.sin((limited * Math.PI) / 180);
  return {
    x: ((longitude + 180) / 360) * WORLD,
    y: (0.5 - Math.log((1 + sine) / (1 - sine)) / (4 * Math.PI)) * WORLD,
  };
}

/** Rings or lines as an SVG path. */
export function svgPath(lines: readonly (readonly Position[])[], closed: boolean): string {
  return lines
    .map((line) => {
      const points = line.map((position) => {
        const { x, y } = project(position);
        return `${x.toFixed(2)} ${y.toFixed(2)}`;
      });
      return `M${points.join("L")}${closed ? "Z" : ""}`;
    })
    .join("");
}

/** World units for a metre at a latitude: Mercator stretches towards the poles. */
export function unitsPerMetre(latitude: number): number {
  const limited = Math.min(85, Math.abs(latitude));
  return WORLD / (2 * Math.PI * EARTH_RADIUS_M * Math.cos((limited * Math.PI) / 180));
}

/** A ring of positions `radiusM` metres around a place, closed. */
export function circle(centre: Position, radiusM: number, steps = 64): Position[] {
  const [longitude, latitude] = centre;
  const angular = radiusM / EARTH_RADIUS_M;
  const lat = (latitude * Math.PI) / 180;
  const lon = (longitude * Math.PI) / 180;
  return Array.from({ length: steps + 1 }, (_, i) => {
    const bearing = (2 * Math.PI * i) / steps;
    const toLat = Math.asin(
      Math.sin(lat) * Math.cos(angular) + Math.cos(lat) * Math.sin(angular) * Math.cos(bearing),
    );
    const toLon =
      lon +
      Math.atan2(
        Math.sin(bearing) * Math.sin(angular) * Math.cos(lat),
        Math.cos(angular) - Math.sin(lat) * Math.sin(toLat),
      );
    return [(toLon * 180) / Math.PI, (toLat * 180) / Math.PI];
  });
}

/** Great-circle distance in metres. */
export function distanceM(a: Position, b: Position): number {
  const rad = Math.PI / 180;
  const sinLat = Math.sin(((b[1] - a[1]) * rad) / 2);
  const sinLon = Math.sin(((b[0] - a[0]) * rad) / 2);
  const h = sinLat * sinLat + Math.cos(a[1] * rad) * Math.cos(b[1] * rad) * sinLon * sinLon;
  return 2 * EARTH_RADIUS_M * Math.asin(Math.min(1, Math.sqrt(h)));
}

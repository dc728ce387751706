/**
 * Places of districts and commissionerates on the outline map. The data bank has no coordinates: a unit
 * is at the seat of the district that its English name names, or nowhere. Pure.
 */
import { TOWNS } from "#parts/map/towns.ts";

export interface Seat {
  readonly longitude: number;
  readonly latitude: number;
}

/** Districts that are not called as their seat, and commissionerates around Hyderabad. */
const OTHERS: Readonly<Record<string, Seat>> = {
  Bhuvanagiri: { latitude: 17.51, longitude: 78.89 },
  Cyberabad: { latitude: 17.44, longitude: 78.3 },
  Rachakonda: { latitude: 17.4, longitude: 78.66 },
  Malkajgiri: { latitude: 17.49, longitude: 78.6 },
  "Future City": { latitude: 17.1, longitude: 78.55 },
};

const SEATS: readonly (readonly [string, Seat])[] = [
  ...TOWNS.map((town) => [town.names.en, town] as const),
  ...Object.entries(OTHERS),
];

/** The seat whose name is a word of a unit's name; the longest name wins. Null: none is. */
export function seatOf(unitName: string): Seat | null {
  const padded = ` ${unitName.replace(/[^\p{L}]+/gu, " ").trim()} `;
  const found = SEATS.filter(([name]) => padded.includes(` ${name} `));
  found.sort(([a], [b]) => b.length - a.length);
  return found[0]?.[1] ?? null;
}

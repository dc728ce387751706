/** Coordinates, addresses and file endings. Pure; sizes and times are in i18n/format.ts. */

/** Whole percent of a transfer, 0 to 100; 100 only when it is complete. */
export function percent(done: number, total: number): number {
  if (total <= 0) return 0;
  return Math.min(100, Math.max(0, Math.floor((done / total) * 100)));
}

/** Decimal degrees with five places (about a metre), as every map takes them. */
export function formatCoordinates(latitude: number, longitude: number): string {
  return `${latitude.toFixed(5)}, ${longitude.toFixed(5)}`;
}

/** RFC 5870 address that the phone's own maps open; `u` is the accuracy in metres. */
export function geoUri(latitude: number, longitude: number, accuracyM: number | null): string {
  const uncertainty = accuracyM === null ? "" : `;u=${Math.max(1, Math.round(accuracyM))}`;
  return `geo:${latitude.toFixed(6)},${longitude.toFixed(6)}${uncertainty}`;
}

/** Whether a position from a message is one on this planet. */
export function isPosition(latitude: number, longitude: number): boolean {
  return Math.abs(latitude) <= 90 && Math.abs(longitude) <= 180;
}

/** A file name in two: what it is called, and its ending with the dot (empty without one). */
export function splitName(name: string): { readonly stem: string; readonly ending: string } {
  const ending = /(?<=.)\.[^.\s]{1,16}$/u.exec(name)?.[0] ?? "";
  return { stem: name.slice(0, name.length - ending.length), ending };
}

/** The part of a file name after its last dot, short and upper case, for a type badge. */
export function extension(name: string): string {
  const dot = name.lastIndexOf(".");
  if (dot <= 0 || dot === name.length - 1) return "";
  const ending = name.slice(dot + 1);
  return /^[\p{L}\p{N}]{1,5}$/u.test(ending) ? ending.toUpperCase() : "";
}

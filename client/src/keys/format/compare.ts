/** The order of byte strings, as lists ascend and the newest of equals is chosen. */

/** Below 0 if `one` comes first, 0 if they are equal, above 0 otherwise. */
export function compareBytes(one: Uint8Array, other: Uint8Array): number {
  const shared = Math.min(one.length, other.length);
  for (let at = 0; at < shared; at++) {
    const difference = (one[at] as number) - (other[at] as number);
    if (difference !== 0) return difference;
  }
  return one.length - other.length;
}

/** The people of the data bank that tests use, in a server in memory or a real one. */

export function numberOf(index: number): string {
  return `+9170000${String(index).padStart(5, "0")}`;
}

/** The name of the person with an index. */
export function nameOf(index: number): string {
  return `Officer ${String.fromCharCode(65 + (index % 26))}${String(index)}`;
}

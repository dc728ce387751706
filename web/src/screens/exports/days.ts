/** Days as a date field has them, where this person is. */

export function dayOf(ms: number): string {
  const date = new Date(ms);
  return new Date(ms - date.getTimezoneOffset() * 60_000).toISOString().slice(0, 10);
}

/** The beginning of a day, or of one that is so many days later; null: no day. */
export function midnight(day: string, later: number): number | null {
  if (day === "") return null;
  const date = new Date(`${day}T00:00`);
  date.setDate(date.getDate() + later);
  return date.getTime();
}

/** A moment as `<input type="datetime-local">` writes it, in this device's time zone. Pure. */
const MINUTE_MS = 60_000;

/** "2026-11-26T14:05" */
export function toLocal(ms: number): string {
  const date = new Date(ms);
  const local = ms - date.getTimezoneOffset() * MINUTE_MS;
  return new Date(local).toISOString().slice(0, 16);
}

/** Null where the field is empty or holds no moment. */
export function fromLocal(text: string): number | null {
  const ms = new Date(text).getTime();
  return text === "" || Number.isNaN(ms) ? null : ms;
}

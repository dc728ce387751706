/** Hours of duty, which a person keeps on this device alone; off duty nothing sounds. Pure. */

/** `from` and `to`: minutes since midnight on this device's clock; `to` may lie on the next day. */
export interface Duty {
  /** Days on which duty begins: 0 is Sunday. */
  readonly days: readonly number[];
  readonly from: number;
  readonly to: number;
  /** On duty until then whatever the hours say; ms since 1970. */
  readonly untilMs: number | null;
}

const DAY_MINUTES = 24 * 60;
export const USUAL: Duty = { days: [1, 2, 3, 4, 5, 6], from: 9 * 60, to: 21 * 60, untilMs: null };

/** Duty from and to one minute is a whole day. */
export function isOnDuty({ days, from, to, untilMs }: Duty, now: Date): boolean {
  if (untilMs !== null && now.getTime() < untilMs) return true;
  const minute = now.getHours() * 60 + now.getMinutes();
  const today = now.getDay();
  const length = (to - from + DAY_MINUTES) % DAY_MINUTES || DAY_MINUTES;
  const began = (day: number, elapsed: number): boolean =>
    days.includes(day) && elapsed >= 0 && elapsed < length;
  return began(today, minute - from) || began((today + 6) % 7, minute - from + DAY_MINUTES);
}

/** Whether a notification makes no sound. `calls`: it is about somebody's name, or a flash order. */
export function isSilent(duty: Duty | null, now: Date, calls: boolean): boolean {
  return !calls && duty !== null && !isOnDuty(duty, now);
}

/** The next moment at a minute of the day, within a day from now. */
export function nextAt(minute: number, now: Date): number {
  const at = new Date(now);
  at.setHours(Math.floor(minute / 60), minute % 60, 0, 0);
  if (at.getTime() <= now.getTime()) at.setDate(at.getDate() + 1);
  return at.getTime();
}

/** The minute of the day in a time field ("21:30"); null while it is not a time. */
export function minuteOf(text: string): number | null {
  const found = /^(\d{2}):(\d{2})$/.exec(text);
  return found === null ? null : Number(found[1]) * 60 + Number(found[2]);
}

export function textOf(minute: number): string {
  const pad = (value: number): string => String(value).padStart(2, "0");
  return `${pad(Math.floor(minute / 60))}:${pad(minute % 60)}`;
}

/** Duty as it was stored; null for what is none. */
export function readDuty(text: string | null): Duty | null {
  try {
    const read = JSON.parse(text ?? "null") as Partial<Duty> | null;
    const minute = (value: unknown): boolean =>
      Number.isInteger(value) && Number(value) >= 0 && Number(value) < DAY_MINUTES;
    const whole = read !== null && Array.isArray(read.days) && minute(read.from) && minute(read.to);
    return whole ? { ...USUAL, ...read } : null;
  } catch {
    return null;
  }
}

/** The rules for a PIN. Pure. */

export const FEWEST_DIGITS = 6;
export const MOST_DIGITS = 12;

export type PinProblem = "short" | "weak" | "differs";

/** One digit repeated, a run up or down, or a short pattern repeated. */
export function isWeak(pin: string): boolean {
  const digits = [...pin].map(Number);
  const steps = digits.slice(1).map((digit, i) => (digit - (digits[i] ?? 0) + 10) % 10);
  if (new Set(steps).size === 1 && [0, 1, 9].includes(steps[0] ?? -1)) return true;
  return [2, 3].some((length) => pin === pin.slice(0, length).repeat(pin.length / length));
}

/** The first thing wrong with a new PIN; null when it will do. */
export function pinProblem(pin: string, repeated: string): PinProblem | null {
  if (!/^\d+$/.test(pin) || pin.length < FEWEST_DIGITS || pin.length > MOST_DIGITS) return "short";
  if (isWeak(pin)) return "weak";
  return pin === repeated ? null : "differs";
}

/** The rules for a PIN or passphrase, and refused ones in words. */
import { PASSPHRASE, PIN_DIGITS } from "@copconnect/client/core";
import { coreError } from "#app/core.ts";
import { app } from "#app/state/app.svelte.ts";
import { errorText } from "#i18n/errors.ts";
import { t } from "#i18n/index.svelte.ts";

const { fewest, most } = PIN_DIGITS;

export type PinProblem = "short" | "weak" | "differs";

/** One digit repeated, a run up or down, or a short pattern repeated. */
export function isWeak(pin: string): boolean {
  const digits = [...pin].map(Number);
  const steps = digits.slice(1).map((digit, i) => (digit - (digits[i] ?? 0) + 10) % 10);
  if (new Set(steps).size === 1 && [0, 1, 9].includes(steps[0] ?? -1)) return true;
  return [2, 3].some((length) => pin === pin.slice(0, length).repeat(pin.length / length));
}

/** The first thing wrong with a new passphrase; null when it will do. */
export function passphraseProblem(text: string, repeated: string): PinProblem | null {
  if (text.length < PASSPHRASE.fewest || text.length > PASSPHRASE.most) return "short";
  if (/^\d+$/.test(text) || new Set(text).size < 5) return "weak";
  return text === repeated ? null : "differs";
}

/** The first thing wrong with a new PIN; null when it will do. */
export function pinProblem(pin: string, repeated: string): PinProblem | null {
  if (!/^\d+$/.test(pin) || pin.length < fewest || pin.length > most) return "short";
  if (isWeak(pin)) return "weak";
  return pin === repeated ? null : "differs";
}

export type LockKind = "pin" | "passphrase";

/** The problem of a new one of this kind; null: none. */
export function freshProblem(kind: LockKind, secret: string, repeated: string): PinProblem | null {
  return kind === "pin" ? pinProblem(secret, repeated) : passphraseProblem(secret, repeated);
}

/** A refused PIN or passphrase in words, with the tries that are left before this device is erased. */
export function wrongText(thrown: unknown): string {
  const { code, details } = coreError(thrown);
  if (code !== "pin_wrong") return errorText(thrown);
  const lock = app.state?.lock;
  const left = details["triesLeft"] ?? lock?.triesLeft;
  const passphrase = lock?.passphrase === true;
  if (typeof left !== "number") return t(passphrase ? "lock.passphraseWrong" : "lock.wrong");
  return t(passphrase ? "lock.passphraseTriesLeft" : "lock.triesLeft", { count: left });
}

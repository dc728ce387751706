/** Things that screens keep beyond their own life, and that a lock or a sign-out takes away. */
let forgetters: readonly (() => void)[] = [];

/** Call this when the person leaves the app: it is locked, or signed out. */
export function onLeaving(forget: () => void): void {
  forgetters = [...forgetters, forget];
}

export function leave(): void {
  for (const forget of forgetters) forget();
}

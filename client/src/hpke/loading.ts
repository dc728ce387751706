/**
 * The code of HPKE, a seventh of the core, comes with the first seal that is made or opened: most starts have none. A
 * service worker can import nothing later, so it hands over what it imported at once. A page without a service worker
 * that stays open over an update finds the file gone: it needs a reload.
 */
import type * as Kems from "./kems.ts";

let loading: Promise<typeof Kems> | null = null;
let missing = false;
let listener: () => void = () => undefined;

/** The code of HPKE cannot be fetched. */
export class HpkeMissing extends Error {}

/** Whether the last try to fetch the code failed. */
export function isHpkeMissing(): boolean {
  return missing;
}

/** Call this whenever {@link isHpkeMissing} changes; it replaces the listener before. */
export function followHpke(onChange: () => void): void {
  listener = onChange;
}

function note(isMissing: boolean): void {
  if (missing === isMissing) return;
  missing = isMissing;
  listener();
}

/** Rejects with {@link HpkeMissing} if the code cannot be fetched; the next call tries again. */
export function kems(): Promise<typeof Kems> {
  loading ??= import("./kems.ts").then(
    (found) => {
      note(false);
      return found;
    },
    (error: unknown) => {
      loading = null;
      note(true);
      throw new HpkeMissing("the code of HPKE cannot be fetched", { cause: error });
    },
  );
  return loading;
}

export function useKems(loaded: typeof Kems): void {
  loading = Promise.resolve(loaded);
}

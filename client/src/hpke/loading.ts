/**
 * The code of HPKE, a seventh of the core, comes with the first seal that is made or opened: most starts have none. A
 * service worker can import nothing later, so it hands over what it imported at once.
 */
import type * as Kems from "./kems.ts";

let loading: Promise<typeof Kems> | null = null;

/** Rejects if the code cannot be fetched; the next call tries again. */
export function kems(): Promise<typeof Kems> {
  loading ??= import("./kems.ts").catch((error: unknown) => {
    loading = null;
    throw error;
  });
  return loading;
}

export function useKems(loaded: typeof Kems): void {
  loading = Promise.resolve(loaded);
}

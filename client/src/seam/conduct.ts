/** The code of conduct, and whether this person accepted it. */
import type { ConductCode } from "../wire.ts";

export interface ConductView {
  /** The newest version that this device knows. */
  readonly code: ConductCode;
  /** The newest version that this person accepted, and when; null: none yet. */
  readonly accepted: { readonly version: number; readonly atMs: number } | null;
  /** The text of the accepted version, where it is another; null: the same, or not to be had. */
  readonly former: ConductCode | null;
  /** Nothing else works before the newest version is accepted. */
  readonly owed: boolean;
}

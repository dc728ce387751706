/**
 * View models, by subject in seam/, and events. Everything here is structured-cloneable, so that it
 * crosses a worker boundary.
 *
 * Invariants: view models are immutable snapshots; times are ms since 1970.
 */
export type * from "./seam/admin.ts";
export type * from "./seam/app.ts";
export type * from "./kinds/parts.ts";
export type * from "./seam/consultation.ts";
export type * from "./seam/conversations.ts";
export type * from "./seam/devices.ts";
export type * from "./seam/events.ts";
export type * from "./seam/exporting.ts";
export type * from "./seam/progress.ts";
export type { CoreError } from "./failure.ts";
export type * from "./seam/conduct.ts";
export type * from "./seam/guard.ts";
export type * from "./seam/joining.ts";
export type * from "./seam/messages.ts";
export type * from "./seam/orders.ts";
export type * from "./seam/overseeing.ts";
export type * from "./seam/reports.ts";
export type { Plate } from "./names.ts";
export type * from "./seam/people.ts";
export type * from "./seam/presence.ts";
export type * from "./seam/search.ts";
export type * from "./seam/training.ts";

export { MOST_DESCRIPTION } from "./kinds/state.ts";
export { SEARCH_KINDS } from "./kinds/kind.ts";
export type { SearchKind } from "./kinds/kind.ts";

/** A PIN has so many digits. */
export const PIN_DIGITS = { fewest: 6, most: 12 } as const;
/** A passphrase has so many characters, not digits alone. */
export const PASSPHRASE = { fewest: 12, most: 128 } as const;

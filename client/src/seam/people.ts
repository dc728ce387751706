/** People on the screens. */
import type { Names } from "../wire.ts";

/** A person as a name plate: enough for a bubble, a list row, a mention. */
export interface Plate {
  readonly personId: string;
  readonly names: Names;
  readonly rank: string;
  readonly post: Names;
  readonly unitId: string;
}

export interface PeopleQuery {
  readonly text?: string;
  readonly unitId?: string;
  /** With `unitId`: people of the units below it too. */
  readonly deep?: boolean;
  readonly rank?: string;
  readonly role?: string;
  readonly after?: string;
  readonly limit?: number;
}

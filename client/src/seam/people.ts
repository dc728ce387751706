/** People on the screens. */
import type { PersonId, UnitId } from "../ids.ts";
import type { Names } from "../wire.ts";

/** A person as a name plate: enough for a bubble, a list row, a mention. */
export interface Plate {
  readonly personId: PersonId;
  readonly names: Names;
  /** As a card signs it; or a code, or an English name, of the data bank. */
  readonly rank: Names | string;
  readonly post: Names;
  readonly unitId: UnitId;
}

export interface PostQuery {
  readonly text: string;
  /** Posts of this unit and of those below it. */
  readonly unitId?: UnitId;
  readonly limit?: number;
}

export interface PeopleQuery {
  readonly text?: string;
  readonly unitId?: UnitId;
  /** With `unitId`: people of the units below it too. */
  readonly deep?: boolean;
  readonly rank?: string;
  readonly role?: string;
  /** With `text`: of these, the people whom it finds come first, such as those one talks to. */
  readonly first?: readonly PersonId[];
  readonly after?: string;
  readonly limit?: number;
}

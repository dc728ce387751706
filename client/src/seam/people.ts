/** People on the screens. */
import type { PersonId, UnitId } from "../ids.ts";

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

/** A person on the large map. */
export interface MapMark {
  readonly key: string;
  readonly label: string;
  readonly latitude: number;
  readonly longitude: number;
}

/** The markers of people who are on a map, by key; none at first. */
export function noMarks<M>(): Map<string, M> {
  return new Map();
}

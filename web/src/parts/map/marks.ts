/** A person on the large map. */
export interface MapMark {
  readonly key: string;
  readonly label: string;
  readonly latitude: number;
  readonly longitude: number;
}

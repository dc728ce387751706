/** How far something has come. */
export interface Progress {
  readonly done: number;
  readonly total: number;
}

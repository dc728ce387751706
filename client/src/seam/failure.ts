/** How a call fails, and how far something has come. */
export interface CoreError {
  readonly code: string;
  readonly retry: boolean;
  readonly retryAfterMs: number | null;
  readonly details: Readonly<Record<string, string | number>>;
}

export interface Progress {
  readonly done: number;
  readonly total: number;
}

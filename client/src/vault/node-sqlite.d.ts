/** The part of Node's SQLite that sqlite.ts uses: the build's own types are of an older Node. */
declare module "node:sqlite" {
  type Value = null | number | string | Uint8Array;

  export class StatementSync {
    get(...values: readonly Value[]): Readonly<Record<string, Value>> | undefined;
    all(...values: readonly Value[]): readonly Readonly<Record<string, Value>>[];
    run(...values: readonly Value[]): unknown;
  }

  export class DatabaseSync {
    readonly isOpen: boolean;
    readonly isTransaction: boolean;
    constructor(path: string, options: { readonly timeout: number });
    exec(sql: string): void;
    prepare(sql: string): StatementSync;
    close(): void;
  }
}

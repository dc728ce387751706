/**
 * The vault's connection to its database. A browser may take it away at any time (its storage process
 * ends, a disk fails, another tab wants to change the database): the next step opens it again, and the
 * vault's keys stay in memory. Only the same database is opened again.
 */
import { failure, hasCode } from "../failure.ts";
import type { Database, Storage } from "./database.ts";

/** Errors of a connection that is lost: its transactions end, new ones are refused. */
const LOST = new Set(["InvalidStateError", "AbortError", "UnknownError"]);

export interface ConnectionOptions {
  readonly storage: Storage;
  /** Whether a database that was opened again is the one that was lost. */
  readonly isSame: (database: Database) => Promise<boolean>;
  /** It is another one, or of a newer version. */
  readonly onGone: () => void;
}

export class DatabaseConnection {
  readonly #options: ConnectionOptions;
  #database: Database | null = null;
  #reopening: Promise<Database> | null = null;

  constructor(options: ConnectionOptions) {
    this.#options = options;
  }

  /** Open whatever database is there, or an empty one. */
  open(): Promise<Database> {
    return named(async () => (this.#database = await this.#connect()));
  }

  close(): void {
    this.#database?.close();
    this.#database = null;
  }

  /**
   * Run a step. If the connection is lost, the step runs once more on a new one; no step does harm
   * by running twice. Whatever the browser throws becomes `storage_failed`.
   */
  use<T>(step: (database: Database) => Promise<T>): Promise<T> {
    return named(async () => {
      const database = await this.#current();
      try {
        return await step(database);
      } catch (error) {
        if (!LOST.has(nameOf(error))) throw error;
        this.#lose(database);
        return await step(await this.#current());
      }
    });
  }

  #connect(): Promise<Database> {
    return this.#options.storage.open({
      lost: (database) => {
        this.#lose(database);
      },
      // Somebody erases or changes the database: find out at once which.
      taken: (database) => {
        if (this.#lose(database)) this.#current().catch(() => undefined);
      },
    });
  }

  /** False: it is not the connection in use. */
  #lose(database: Database): boolean {
    database.close();
    if (this.#database !== database) return false;
    this.#database = null;
    return true;
  }

  async #current(): Promise<Database> {
    if (this.#database !== null) return this.#database;
    this.#reopening ??= this.#reopen().finally(() => {
      this.#reopening = null;
    });
    return this.#reopening;
  }

  async #reopen(): Promise<Database> {
    const database = await this.#connect().catch((error: unknown) => {
      if (nameOf(error) === "VersionError") this.#options.onGone();
      throw error;
    });
    if (await this.#options.isSame(database)) return (this.#database = database);
    database.close();
    this.#options.onGone();
    throw failure("storage_failed");
  }
}

export async function named<T>(step: () => Promise<T>): Promise<T> {
  try {
    return await step();
  } catch (error) {
    if (hasCode(error, "storage_failed", "pin_wait", "locked")) throw error;
    const name = nameOf(error);
    throw failure("storage_failed", {
      cause: error,
      retry: name === "QuotaExceededError",
      details: { reason: name },
    });
  }
}

function nameOf(error: unknown): string {
  return error instanceof Error ? error.name : "unknown";
}

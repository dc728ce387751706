/** What a run of the model needs of its server, and what the server says in the end it accepted. */
import type { CoreOptions } from "../../src/create.ts";
import type { Officer } from "../officer.ts";
import type { Server } from "./link.ts";

/** A message that the server accepted, and whom it was for: client ids. */
export interface AcceptedMessage {
  readonly messageId: string;
  readonly seq: number;
  /** Who must have it. */
  readonly due: ReadonlySet<string>;
  /** Who may have it, and nobody else; null: not known. */
  readonly allowed: ReadonlySet<string> | null;
}

export interface Outcome {
  /** In the order of the log. */
  readonly messages: readonly AcceptedMessage[];
  /** Ids of those that lack a seal which their sender, who has belonged ever since, could make. */
  readonly unsealed: readonly string[];
  /** How many lack one that nobody can make any more: they wait for ever. */
  readonly orphans: number;
  /** The clients that belong in the end. */
  readonly members: ReadonlySet<string>;
}

export interface Scene extends Server {
  /** A device of the person with this index, registered. */
  device(person: number, options: Partial<CoreOptions>): Promise<Officer>;
  cellOf(conversationId: string, clientId: string): Promise<string>;
  /** The epoch of a client's cell; null: it has none, or that is not known. */
  epochOf(conversationId: string, clientId: string): Promise<number | null>;
  /** Nobody has committed the Removes that are pending for long enough for their cells to be given up. */
  ageRemoves(): void;
  /** `founders`: who was in from the beginning. */
  outcome(conversationId: string, founders: readonly string[]): Promise<Outcome>;
  /** How a conversation stands at the server, for whoever reads of a failure. */
  describe(conversationId: string): string;
  pass(ms: number): Promise<void>;
  /** Clocks go on for everybody, and nothing else happens meanwhile. */
  jump(ms: number): void;
  /** What the server keeps in memory beside its log is gone. */
  forget(conversationId: string): Promise<void>;
  readonly random: () => number;
  close(): Promise<void>;
}

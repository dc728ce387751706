/**
 * The head of the audit log, which comes signed with every time (T1). This device keeps the highest that
 * it saw: a server whose entries of then were rewritten or cut off cannot show this device the present
 * log any more.
 *
 * Invariants: a larger head is kept only with the proof that it continues from the kept one (RFC 6962); a
 * smaller one, or another of the same size, only under a newer Incarnation or another roster authority.
 * Anything else, and a proof that is refused, is an alarm, and the kept head stays. Answers come one after
 * another, so that none is older than the kept head. Without the network the kept head stays, too.
 */
import { CoreFailure } from "../failure.ts";
import { isConsistent } from "../keys/format/merkle.ts";
import { equalBytes } from "../octets.ts";
import type { Api } from "../transport/api.ts";
import { SerialQueue } from "../serial-queue.ts";
import { META, putMeta } from "../vault/changes.ts";
import type { Vault } from "../vault/vault.ts";

export interface LogHead {
  readonly size: number;
  readonly root: Uint8Array;
  readonly authorityNumber: number;
}

/** `meta/audit_head`. */
export interface KeptHead extends LogHead {
  /** The number of the newest Incarnation then; 0: none. */
  readonly incarnation: number;
}

const KEPT = "audit_head";

export interface AuditHeadOptions {
  readonly api: Pick<Api, "logConsistency">;
  readonly vault: Pick<Vault, "get" | "write">;
  readonly incarnation: () => number;
  /** Learn a newer Incarnation if there is one. */
  readonly learn: () => Promise<void>;
  /** The log is another than the one that this device has seen. */
  readonly onBroken: (shown: LogHead) => Promise<void>;
}

export class AuditHead {
  readonly #options: AuditHeadOptions;
  readonly #queue = new SerialQueue();

  constructor(options: AuditHeadOptions) {
    this.#options = options;
  }

  /** Take a head whose signature was checked. Rejects where the server cannot be reached. */
  takeHead(head: LogHead): Promise<void> {
    return this.#queue.run(() => this.#verifyHead(head));
  }

  async #verifyHead(head: LogHead): Promise<void> {
    const { vault, incarnation, learn, onBroken } = this.#options;
    const kept = await keptHead(vault);
    if (kept?.authorityNumber === head.authorityNumber && !(await this.#goesOn(kept, head))) {
      await learn();
      if (incarnation() <= kept.incarnation) return onBroken(head);
    }
    const value: KeptHead = { ...head, incarnation: incarnation() };
    await vault.write([putMeta(KEPT, value)]);
  }

  async #goesOn(kept: KeptHead, head: LogHead): Promise<boolean> {
    if (head.size < kept.size) return false;
    if (head.size === kept.size) return equalBytes(head.root, kept.root);
    if (kept.size === 0) return true;
    try {
      const { proof } = await this.#options.api.logConsistency({
        first: kept.size,
        second: head.size,
      });
      return isConsistent(kept, head, proof);
    } catch (error) {
      // A server that refuses the proof has none.
      if (error instanceof CoreFailure && !error.retry) return false;
      throw error;
    }
  }
}

/** The highest head that this device saw; null: none. */
export function keptHead(vault: Pick<Vault, "get">): Promise<KeptHead | null> {
  return vault.get<KeptHead>(META, KEPT);
}

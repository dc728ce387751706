/**
 * The seeds of all cells and epochs of a test, as their makers had them, and what somebody opens who
 * keeps every one of those that they ever held: as a changed app could, whatever ours shows.
 */
import { sealInfo } from "../src/cells/body.ts";
import { hpkeOpen } from "../src/cells/kem.ts";
import { parseSeal, parseSignedHeader } from "../src/cells/message.ts";
import type { CellKeyRecord } from "../src/cells/record.ts";
import { CellRefused } from "../src/cells/refused.ts";
import type { MemoryConversation } from "./memory/conversation.ts";
import type { Stored } from "./memory/log.ts";

interface Held {
  readonly record: CellKeyRecord;
  readonly seed: Uint8Array;
}

export class SeedsOfAll {
  readonly #byKeyId = new Map<string, Held>();

  note(record: CellKeyRecord, seed: Uint8Array): void {
    this.#byKeyId.set(record.keyId, { record, seed: seed.slice() });
  }

  /** Those of the cells and epochs that a client was in before a place of the log. */
  heldBy(clientId: string, conversation: MemoryConversation, before: number): readonly Held[] {
    return [...this.#byKeyId.values()].filter(({ record: { cellId, conversationId, epoch } }) => {
      const members = conversation.membersAt.get(`${cellId}/${String(epoch)}`);
      const began = conversation.log.find(
        ({ entry }) =>
          entry.kind === "commit" && entry.cellId === cellId && entry.epoch === epoch - 1,
      );
      return (
        conversationId === conversation.id &&
        members?.has(clientId) === true &&
        (began?.entry.seq ?? Infinity) < before
      );
    });
  }

  /** How many seals of a message these seeds open; every seal is tried with every seed. */
  async opens({ sealed }: Stored, held: readonly Held[]): Promise<number> {
    if (sealed === null) return 0;
    const header = parseSignedHeader(sealed.common.sealed);
    let opened = 0;
    for (const bytes of sealed.seals.values()) {
      const { cellId, keyId, sealed: ciphertext } = parseSeal(bytes, header.kem);
      const info = sealInfo(header, cellId, keyId);
      for (const { seed } of held) {
        const key = await hpkeOpen(header.kem, seed, info, ciphertext).catch((error: unknown) => {
          if (!(error instanceof CellRefused)) throw error;
          return null;
        });
        if (key === null) continue;
        opened++;
        // Several members may have made a record of one seed.
        break;
      }
    }
    return opened;
  }
}

/** What a sealed message to a whole force costs its sender and one receiver. */
import { kemOfSuite } from "../../src/cells/kem.ts";
import { encodeRecord } from "../../src/cells/record.ts";
import { encodeSeal, encodeSignedHeader } from "../../src/cells/message.ts";
import { openMessage } from "../../src/cells/open.ts";
import { SenderChain } from "../../src/cells/sender.ts";
import { platformEd25519 } from "../../src/trust/ed25519.ts";
import { CellTown, deliveredTo } from "../../test/cell-messages.ts";
import { at } from "../../test/cell-world.ts";
import type { Figures } from "./handshakes.ts";
import { Times } from "./timing.ts";

const OPENINGS = 20;

export class Sealing {
  readonly #town: CellTown;

  private constructor(town: CellTown) {
    this.#town = town;
  }

  /** Cells with keys; takes a while. */
  static async prepare(suite: number, cells: number): Promise<Sealing> {
    return new Sealing(await CellTown.found(kemOfSuite(suite), cells));
  }

  async measure(rounds: number): Promise<Figures> {
    const town = this.#town;
    const cell = at(town.cells, 0);
    const receiver = await town.receiver(cell);
    const ed25519 = await platformEd25519();
    const chain = SenderChain.first(town.conversationId);
    const [seal, open] = [new Times(), new Times()];
    let upload = 0;
    for (let round = 0; round < rounds; round++) {
      const { header, body, seals } = await seal.of(() =>
        chain.seal(town.draft("To all units."), (bytes) => ed25519.sign(town.privateKey, bytes)),
      );
      chain.accepted(header.hash);
      const delivered = deliveredTo({ header, body, seals }, cell);
      await open.of(() => openMessage(delivered, receiver), OPENINGS);
      upload = seals.reduce(
        (sum, one) => sum + encodeSeal(one).length,
        encodeSignedHeader(header).length + body.length,
      );
    }
    return {
      cells: town.cells.length,
      seal_ms: seal.median,
      seal_up_bytes: upload,
      /** What a sender fetches before the first message, proofs and certificates apart. */
      records_down_bytes: town.cells.reduce((sum, one) => sum + encodeRecord(one.record).length, 0),
      open_ms: open.median,
    };
  }
}

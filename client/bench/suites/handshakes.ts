/**
 * What a cell's handshakes cost a device: each by the core's own MLS code, made by one device and
 * received by another, the bytes as the core uploads and fetches them.
 */
import { makeRecord } from "../../src/cells/record.ts";
import { kemOfSuite } from "../../src/cells/kem.ts";
import { createMls } from "../../src/mls/mls.ts";
import type {
  CellGroup,
  DeviceIdentity,
  Mls,
  PendingCommit,
  RosterView,
} from "../../src/mls/types.ts";
import { randomBytes, toHex } from "../../src/octets.ts";
import { seedOf } from "../../src/several_cells/own_key.ts";
import { TrustStore } from "../../src/trust/checker.ts";
import { platformEd25519 } from "../../src/trust/ed25519.ts";
import { encodeGroupId } from "../../src/mls/group-id.ts";
import { Vault } from "../../src/vault/vault.ts";
import { at } from "../../test/cell-world.ts";
import { encodeExternalRemove } from "../../test/certificates.ts";
import type { GrownCell } from "./grown-cell.ts";
import { Times } from "./timing.ts";

export type Figures = Readonly<Record<string, number>>;
type Pair = readonly [author: CellGroup, reader: CellGroup];

const MESSAGES = 100;
/** Of what takes less than a few ms. */
const RUNS = 20;
const MESSAGE_BYTES = 300;

/** Commit and group info, as one request carries them. */
function uploaded({ commit, groupInfo, welcome }: PendingCommit): number {
  return commit.length + groupInfo.length + (welcome?.length ?? 0);
}

export class Handshakes {
  readonly #cell: GrownCell;
  readonly #roster: RosterView;

  constructor(cell: GrownCell) {
    this.#cell = cell;
    this.#roster = this.#naming(cell.named);
  }

  #naming(hashes: readonly string[]): RosterView {
    const named = new Set(hashes);
    return { names: (cellId, hash) => cellId === this.#cell.cellId && named.has(hash) };
  }

  /** A device that has seen nobody's certificate yet: each is verified when it comes. */
  async #device(identity: DeviceIdentity): Promise<Mls> {
    const { suite, trust, nowMs } = this.#cell;
    const now = (): number => nowMs;
    const checker = await TrustStore.open(trust, { pinnedRoot: trust.root, now });
    return createMls({ identity, checker, suite, now });
  }

  async measure(rounds: number): Promise<Figures> {
    const [founding, welcome] = await this.#founding();
    const welcoming = await this.#welcoming(welcome, rounds);
    const [joining, joined] = await this.#joining(rounds);
    const [updates, updated] = await this.#updates(joined, rounds);
    const messages = await this.#messages(updated);
    const stored = await this.#storing(updated[0], rounds);
    const swaps = await this.#swaps(updated, rounds);
    const record = await this.#record(updated[0], rounds);
    return {
      ...founding,
      ...welcoming,
      ...joining,
      ...updates,
      ...swaps,
      ...messages,
      ...stored,
      ...record,
    };
  }

  /** One device founds the cell and adds everybody: once, as it takes by far the longest. */
  async #founding(): Promise<readonly [Figures, Uint8Array]> {
    const { founder, keyPackages, conversationId, cellId } = this.#cell;
    const found = new Times();
    const mls = await this.#device(founder);
    const made = await found.of(async () => {
      const alone = await mls.found(conversationId, cellId);
      return alone.commit(keyPackages, this.#roster);
    });
    if (made.welcome === null) throw new Error("founded without a Welcome");
    return [{ found_ms: found.median, found_up_bytes: uploaded(made) }, made.welcome];
  }

  async #welcoming(welcome: Uint8Array, rounds: number): Promise<Figures> {
    const { device, bundle } = this.#cell.welcomed;
    const times = new Times();
    for (let round = 0; round < rounds; round++) {
      const mls = await this.#device(device);
      await times.of(() => mls.joinByWelcome(welcome, [bundle], this.#roster));
    }
    return { welcome_ms: times.median, welcome_down_bytes: welcome.length };
  }

  /** The last device joins by external commit; the one that joined before it receives that. */
  async #joining(rounds: number): Promise<readonly [Figures, Pair]> {
    const { joiner, member, groupInfo } = this.#cell;
    const [join, joined] = [new Times(), new Times()];
    const reading = await (await this.#device(member.device)).decode(member.state);
    const pairs: Pair[] = [];
    let [upload, download] = [0, 0];
    for (let round = 0; round < rounds; round++) {
      const mls = await this.#device(joiner);
      const made = await join.of(() => mls.joinByExternalCommit(groupInfo, this.#roster));
      const seen = await joined.of(() => reading.processHandshake(made.commit, this.#roster));
      pairs.push([made.next, seen.next]);
      [upload, download] = [uploaded(made), made.commit.length];
    }
    const figures = {
      join_ms: join.median,
      join_down_bytes: groupInfo.length,
      join_up_bytes: upload,
      joined_ms: joined.median,
      joined_down_bytes: download,
    };
    return [figures, at(pairs, 0)];
  }

  async #updates([first, second]: Pair, rounds: number): Promise<readonly [Figures, Pair]> {
    const [update, updated] = [new Times(), new Times()];
    let [author, reader] = [first, second];
    let [upload, download] = [0, 0];
    for (let round = 0; round < rounds; round++) {
      const made = await update.of(() => author.commit([], this.#roster));
      const seen = await updated.of(() => reader.processHandshake(made.commit, this.#roster));
      // In turn.
      [author, reader] = [seen.next, made.next];
      [upload, download] = [uploaded(made), made.commit.length];
    }
    const figures = {
      update_ms: update.median,
      update_up_bytes: upload,
      updated_ms: updated.median,
      updated_down_bytes: download,
    };
    return [figures, [author, reader]];
  }

  /** The roster authority removes the founder, somebody else takes the place: one commit. */
  async #swaps([author, reader]: Pair, rounds: number): Promise<Figures> {
    const { conversationId, cellId, rosterKey, named, founder, newcomer } = this.#cell;
    const [swap, swapped] = [new Times(), new Times()];
    const group = encodeGroupId({ conversationId, cellId });
    const roster = this.#naming(named.filter((hash) => hash !== founder.certificateHash));
    const remove = encodeExternalRemove(rosterKey, group, author.epoch, 0);
    const own = (await author.processHandshake(remove, roster)).next;
    const theirs = (await reader.processHandshake(remove, roster)).next;
    let [upload, download] = [0, 0];
    for (let round = 0; round < rounds; round++) {
      const made = await swap.of(() => own.commit([newcomer], roster));
      await swapped.of(() => theirs.processHandshake(made.commit, roster));
      [upload, download] = [uploaded(made), made.commit.length];
    }
    return {
      swap_ms: swap.median,
      swap_up_bytes: upload,
      swapped_ms: swapped.median,
      swapped_down_bytes: download,
    };
  }

  async #messages([first, second]: Pair): Promise<Figures> {
    const [encrypt, decrypt] = [new Times(), new Times()];
    const plaintext = randomBytes(MESSAGE_BYTES);
    const sent: Uint8Array[] = [];
    let [author, reader] = [first, second];
    await encrypt.of(async () => {
      const { next, message } = await author.encrypt(plaintext);
      sent.push(message);
      author = next;
    }, MESSAGES);
    let at = 0;
    await decrypt.of(async () => {
      reader = (await reader.decrypt(sent[at++] ?? new Uint8Array())).next;
    }, MESSAGES);
    const bytes = sent[0]?.length ?? 0;
    return { encrypt_ms: encrypt.median, decrypt_ms: decrypt.median, message_bytes: bytes };
  }

  /** State and tree as the vault of the app keeps them, written as after a commit. */
  async #storing(group: CellGroup, rounds: number): Promise<Figures> {
    const vault = new Vault({ name: "bench", now: Date.now });
    await vault.open();
    const store = new Times();
    const { state, tree } = group.encodeApart();
    try {
      for (let round = 0; round < rounds; round++)
        await store.of(
          () =>
            vault.write([
              { op: "put", store: "groups", key: this.#cell.cellId, value: { state } },
              { op: "put", store: "trees", key: this.#cell.cellId, value: { tree } },
            ]),
          RUNS,
        );
    } finally {
      await vault.wipe();
    }
    return { store_ms: store.median, state_bytes: state.length, tree_bytes: tree.length };
  }

  /** The record of this epoch's cell key, which goes with a commit's upload. */
  async #record(group: CellGroup, rounds: number): Promise<Figures> {
    const { suite, conversationId, cellId, joiner, nowMs } = this.#cell;
    const ed25519 = await platformEd25519();
    const times = new Times();
    let bytes = 0;
    for (let round = 0; round < rounds; round++) {
      const record = await times.of(
        async () =>
          makeRecord(
            {
              kem: kemOfSuite(suite),
              conversationId,
              cellId,
              epoch: group.epoch,
              treeHash: toHex(group.treeHash().slice(0, 32)),
              rosterEpoch: 1,
              createdMs: nowMs,
              signer: joiner.certificateHash,
            },
            await seedOf(group),
            (message) => ed25519.sign(joiner.signaturePrivateKey, message),
          ),
        RUNS,
      );
      bytes = record.unsigned.length + record.signature.length;
    }
    return { record_ms: times.median, record_bytes: bytes };
  }
}

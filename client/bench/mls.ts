/**
 * What MLS costs: one JSON line, medians in ms, for cells of 2, 64 and 256 clients, trees built by
 * external joins. Run: npx tsx client/bench/mls.ts [suite]
 */
import { CellWorld, at, type Officer } from "../test/cell-world.ts";
import type { CellGroup, PendingCommit } from "../src/mls/types.ts";
import { randomBytes } from "../src/octets.ts";

interface Figures {
  readonly members: number;
  readonly encryptMs: number;
  readonly decryptMs: number;
  readonly joinMs: number;
  readonly processJoinMs: number;
  readonly commitMs: number;
  readonly processCommitMs: number;
  /** Of the state that a message makes, tree kept from the message before; and with a new tree. */
  readonly encodeAfterMessageMs: number;
  readonly encodeAfterCommitMs: number;
  readonly decodeMs: number;
  readonly stateBytes: number;
  /** Without the ratchet tree: what a message stores. */
  readonly apartMs: number;
  readonly apartBytes: number;
  readonly groupInfoBytes: number;
  readonly joinBytes: number;
}

async function timed<T>(into: number[], work: () => Promise<T> | T): Promise<T> {
  const start = performance.now();
  const result = await work();
  into.push(performance.now() - start);
  return result;
}

function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  return Math.round(at(sorted, Math.floor(sorted.length / 2)) * 1000) / 1000;
}

/** A world whose founder has processed `members - 1` external joins. */
async function grow(members: number, suite: number): Promise<[CellWorld, Officer, PendingCommit]> {
  const world = new CellWorld(suite);
  const founder = await world.officer();
  const founded = await founder.mls.found(world.conversationId, world.cellId);
  let last = await founded.commit([], world.roster);
  let group: CellGroup = last.next;
  for (let i = 1; i < members; i++) {
    const officer = await world.officer();
    last = await officer.mls.joinByExternalCommit(last.groupInfo, world.roster);
    group = (await group.processHandshake(last.commit, world.roster)).next;
  }
  const commit = await group.commit([], world.roster);
  return [world, founder, commit];
}

async function measure(members: number, suite: number): Promise<Figures> {
  const [world, founder, start] = await grow(members - 1, suite);
  const times = {
    encrypt: [] as number[],
    decrypt: [] as number[],
    join: [] as number[],
    processJoin: [] as number[],
    commit: [] as number[],
    processCommit: [] as number[],
    encode: [] as number[],
    encodeWhole: [] as number[],
    apart: [] as number[],
    decode: [] as number[],
  };
  let joined = start;
  let here = start.next;
  let joinBytes = 0;
  const rounds = 5;
  for (let i = 0; i < rounds; i++) {
    const late = await world.officer();
    joined = await timed(times.join, () =>
      late.mls.joinByExternalCommit(start.groupInfo, world.roster),
    );
    joinBytes = joined.commit.length;
    here = (
      await timed(times.processJoin, () => start.next.processHandshake(joined.commit, world.roster))
    ).next;
  }
  let [author, reader] = [here, joined.next];
  for (let i = 0; i < rounds; i++) {
    const commit = await timed(times.commit, () => author.commit([], world.roster));
    const seen = await timed(times.processCommit, () =>
      reader.processHandshake(commit.commit, world.roster),
    );
    [author, reader] = [commit.next, seen.next];
    await timed(times.encodeWhole, () => author.encode());
  }
  const plaintext = randomBytes(200);
  for (let i = 0; i < 200; i++) {
    const sent = await timed(times.encrypt, () => author.encrypt(plaintext));
    const got = await timed(times.decrypt, () => reader.decrypt(sent.message));
    [author, reader] = [sent.next, got.next];
    await timed(times.encode, () => author.encode());
    await timed(times.apart, () => author.encodeApart());
  }
  let state = new Uint8Array() as Uint8Array;
  for (let i = 0; i < 20; i++) {
    state = author.encode();
    await timed(times.decode, () => founder.mls.decode(state));
  }
  return {
    members,
    encryptMs: median(times.encrypt),
    decryptMs: median(times.decrypt),
    joinMs: median(times.join),
    processJoinMs: median(times.processJoin),
    commitMs: median(times.commit),
    processCommitMs: median(times.processCommit),
    encodeAfterMessageMs: median(times.encode),
    encodeAfterCommitMs: median(times.encodeWhole),
    decodeMs: median(times.decode),
    stateBytes: state.length,
    apartMs: median(times.apart),
    apartBytes: author.encodeApart().state.length,
    groupInfoBytes: joined.groupInfo.length,
    joinBytes,
  };
}

const suite = Number(process.argv[2] ?? 1);
const cells: Figures[] = [];
for (const members of suite === 1 ? [2, 64, 256] : [2, 64, 128])
  cells.push(await measure(members, suite));
process.stdout.write(`${JSON.stringify({ bench: "mls", suite, node: process.version, cells })}\n`);

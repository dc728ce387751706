/**
 * What a message to a whole force costs its sender, and one of its receivers: one JSON line for each
 * KEM. 63,000 devices are 247 cells with X25519 and 493 with X-Wing. `turn_max_ms` is how long other
 * work of the worker waits at most meanwhile. Run: npx tsx client/bench/cells.ts
 */
import { monitorEventLoopDelay } from "node:perf_hooks";
import { X25519, XWING, type KemId } from "../src/cells/format.ts";
import { encodeSeal, encodeSignedHeader } from "../src/cells/message.ts";
import { openMessage } from "../src/cells/open.ts";
import { SenderChain } from "../src/cells/sender.ts";
import { CellTown, deliveredTo } from "../test/cell-messages.ts";
import { at } from "../test/cell-world.ts";

const RUNS = 9;

function median(values: readonly number[]): number {
  return at(
    [...values].sort((a, b) => a - b),
    values.length >> 1,
  );
}

function rounded(value: number): number {
  return Math.round(value * 100) / 100;
}

async function measure(kem: KemId, cells: number): Promise<object> {
  const town = await CellTown.found(kem, cells);
  const cell = at(town.cells, 0);
  const receiver = await town.receiver(cell);
  const chain = SenderChain.first(town.conversationId);
  const seal: number[] = [];
  const cpu: number[] = [];
  const open: number[] = [];
  const turns: number[] = [];
  let bytes = 0;
  for (let run = 0; run < RUNS; run++) {
    const delay = monitorEventLoopDelay({ resolution: 1 });
    delay.enable();
    const used = process.cpuUsage();
    const start = performance.now();
    const message = await chain.seal(town.draft("To all units."), town.sign);
    seal.push(performance.now() - start);
    const { user, system } = process.cpuUsage(used);
    cpu.push((user + system) / 1000);
    delay.disable();
    turns.push(delay.max / 1e6);
    chain.accepted(message.header.hash);
    const opening = performance.now();
    await openMessage(deliveredTo(message, cell), receiver);
    open.push(performance.now() - opening);
    bytes =
      encodeSignedHeader(message.header).length +
      message.body.length +
      message.seals.reduce((sum, one) => sum + encodeSeal(one).length, 0);
  }
  return {
    kem: kem === XWING ? "X-Wing" : "X25519",
    cells,
    seal_ms: rounded(median(seal)),
    seal_cpu_ms: rounded(median(cpu)),
    turn_max_ms: rounded(median(turns)),
    upload_bytes: bytes,
    open_ms: rounded(median(open)),
  };
}

for (const [kem, cells] of [
  [X25519, 247],
  [XWING, 493],
] as const)
  process.stdout.write(`${JSON.stringify(await measure(kem, cells))}\n`);

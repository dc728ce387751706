/**
 * Founds the cells of a large conversation for the load simulator, by the client core's own MLS code:
 * each cell's first member founds it and adds everybody else in one commit. Every device is a leaf
 * with its own key package. A cell takes seconds, so what is made is kept (Python: bench/cells).
 *
 * Run: npx tsx client/bench/found-cells.ts <plan.msgpack> <folder> <part> <parts>
 * Writes <folder>/<cell id>.msgpack for each cell of its part; says `<cell id>` when one is done.
 */
import { readFile, rename, writeFile } from "node:fs/promises";
import { decode, encode } from "@msgpack/msgpack";
import { createMls } from "../src/mls/mls.ts";
import type { DeviceIdentity, Mls, RosterView } from "../src/mls/types.ts";
import { seedOf } from "../src/several_cells/own_key.ts";
import { TrustStore } from "../src/trust/checker.ts";
import { ed25519PublicKey } from "../src/trust/ed25519.ts";
import type { Trust } from "../src/wire.ts";

interface PlannedDevice {
  readonly personId: string;
  readonly clientId: string;
  readonly certificate: Uint8Array;
  readonly certificateHash: string;
  readonly privateKey: Uint8Array;
}

interface Plan {
  readonly trust: Trust;
  readonly conversationId: string;
  readonly suite: number;
  readonly cells: readonly {
    readonly cellId: string;
    readonly devices: readonly PlannedDevice[];
  }[];
}

type PlannedCell = Plan["cells"][number];

function identityOf(device: PlannedDevice): DeviceIdentity {
  return {
    personId: device.personId,
    clientId: device.clientId,
    certificate: device.certificate,
    certificateHash: device.certificateHash,
    signaturePrivateKey: device.privateKey,
    signaturePublicKey: ed25519PublicKey(device.privateKey),
  };
}

async function found(plan: Plan, cell: PlannedCell, checker: TrustStore): Promise<Uint8Array> {
  const named = new Set(cell.devices.map((device) => device.certificateHash));
  const roster: RosterView = {
    names: (cellId, hash) => cellId === cell.cellId && named.has(hash),
  };
  const mls = await Promise.all(
    cell.devices.map((device): Promise<Mls> =>
      createMls({ identity: identityOf(device), checker, suite: plan.suite, now: Date.now }),
    ),
  );
  const [founder, ...others] = mls;
  if (founder === undefined) throw new Error(`cell ${cell.cellId} has nobody`);
  const bundles = [];
  for (const other of others) bundles.push(await other.generateKeyPackage(false));
  const empty = await founder.found(plan.conversationId, cell.cellId);
  const commit = await empty.commit(
    bundles.map((bundle) => bundle.keyPackage),
    roster,
  );
  const agreeing = [commit.next];
  const [other] = others;
  const [bundle] = bundles;
  if (other !== undefined && bundle !== undefined && commit.welcome !== null)
    agreeing.push((await other.joinByWelcome(commit.welcome, [bundle], roster)).group);
  const seeds = await Promise.all(agreeing.map((group) => seedOf(group)));
  if (seeds.some((seed) => !Buffer.from(seed).equals(Buffer.from(seeds[0] ?? []))))
    throw new Error("the members of a cell do not agree");
  return encode({
    cellId: cell.cellId,
    commit: commit.commit,
    groupInfo: commit.groupInfo,
    welcome: commit.welcome,
    seed: seeds[0],
    treeHash: commit.next.treeHash(),
    clientIds: cell.devices.map((device) => device.clientId),
  });
}

async function main(): Promise<void> {
  const [planFile = "", folder = "", part = "0", parts = "1"] = process.argv.slice(2);
  const plan = decode(await readFile(planFile)) as Plan;
  const checker = await TrustStore.open(plan.trust, {
    pinnedRoot: plan.trust.root,
    now: Date.now,
  });
  for (const [i, cell] of plan.cells.entries()) {
    if (i % Number(parts) !== Number(part)) continue;
    const file = `${folder}/${cell.cellId}.msgpack`;
    await writeFile(`${file}.making`, await found(plan, cell, checker));
    await rename(`${file}.making`, file);
    process.stdout.write(`${cell.cellId}\n`);
  }
}

await main();

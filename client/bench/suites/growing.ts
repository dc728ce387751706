/**
 * Grows one cell of a suite by external joins and gives it at several sizes. A tree that grew so has
 * no blank nodes: nothing is larger or slower than that.
 */
import type { DeviceIdentity, KeyPackageBundle, Mls, PendingCommit } from "../../src/mls/types.ts";
import { createMls } from "../../src/mls/mls.ts";
import { CellWorld, at } from "../../test/cell-world.ts";
import { allow, type GrownCell } from "./grown-cell.ts";

interface Grower {
  readonly device: DeviceIdentity;
  readonly mls: Mls;
  readonly bundle: KeyPackageBundle;
}

/** `sizes` ascending, at least 3 each. */
export async function* grown(suite: number, sizes: readonly number[]): AsyncGenerator<GrownCell> {
  const largest = at(sizes, sizes.length - 1);
  allow(suite, largest);
  const world = new CellWorld(suite);
  const { department, roster } = world;
  // One for all: nobody verifies a chain again that another one has.
  const now = (): number => department.nowMs;
  const checker = await department.checker(now);
  const grower = async (): Promise<Grower> => {
    const device = department.device();
    world.name(device);
    const mls = await createMls({ identity: device, checker, suite, now });
    return { device, mls, bundle: await mls.generateKeyPackage(false) };
  };

  const growers: Grower[] = [];
  for (let i = 0; i < largest; i++) growers.push(await grower());
  const newcomer = await grower();
  const founder = at(growers, 0);
  const welcomed = at(growers, 1);
  const founded = await founder.mls.found(world.conversationId, world.cellId);
  let last: PendingCommit = await founded.commit([], roster);
  let inside = 1;
  for (const size of sizes) {
    for (; inside < size - 1; inside++)
      last = await at(growers, inside).mls.joinByExternalCommit(last.groupInfo, roster);
    const devices = growers.slice(0, size);
    yield {
      suite,
      size,
      nowMs: department.nowMs,
      trust: department.trust(),
      rosterKey: department.roster.privateKey,
      conversationId: world.conversationId,
      cellId: world.cellId,
      named: [...growers, newcomer].map(({ device }) => device.certificateHash),
      founder: founder.device,
      keyPackages: devices.slice(1).map(({ bundle }) => bundle.keyPackage),
      welcomed: { device: welcomed.device, bundle: welcomed.bundle },
      groupInfo: last.groupInfo,
      member: { device: at(growers, size - 2).device, state: last.next.encode() },
      joiner: at(growers, size - 1).device,
      newcomer: newcomer.bundle.keyPackage,
    };
  }
}

/** `createMls`: the Mls of types.ts for one device and suite. The rest of the client starts here. */
import { Cell, pendingJoin } from "./cell.ts";
import { makeContext } from "./context.ts";
import { foundCell, joinExternally, joinWithWelcome } from "./joining.ts";
import { bundleOf, makeKeyPackage } from "./key-package.ts";
import { SUITES } from "./suites.ts";
import type { Mls, MlsOptions } from "./types.ts";

/** One Mls for each suite that this client speaks, by the suite's number. */
export async function createEveryMls(
  options: Omit<MlsOptions, "suite">,
): Promise<ReadonlyMap<number, Mls>> {
  return new Map(
    await Promise.all(
      SUITES.map(async ({ number }) => {
        return [number, await createMls({ ...options, suite: number })] as const;
      }),
    ),
  );
}

export async function createMls(options: MlsOptions): Promise<Mls> {
  const context = await makeContext(options);
  return {
    async generateKeyPackage(lastResort) {
      return bundleOf(await makeKeyPackage(context, lastResort), lastResort, context);
    },
    async found(conversationId, cellId) {
      return new Cell(await foundCell({ conversationId, cellId }, context), context);
    },
    async joinByWelcome(welcome, bundles, roster) {
      const { state, used } = await joinWithWelcome(welcome, bundles, roster, context);
      return { group: new Cell(state, context), used };
    },
    async joinByExternalCommit(groupInfo, roster) {
      return pendingJoin(await joinExternally(groupInfo, roster, context), context);
    },
    decode(state, tree) {
      return Promise.resolve().then(() => Cell.decode(state, context, tree));
    },
  };
}

/** `createMls`: the Mls of types.ts for one device. The rest of the client starts here. */
import { Cell, pendingJoin } from "./cell.ts";
import { makeContext } from "./context.ts";
import { foundCell, joinExternally, joinWithWelcome } from "./joining.ts";
import { bundleOf, makeKeyPackage } from "./key-package.ts";
import type { Mls, MlsOptions } from "./types.ts";

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

/** What founding, entering and committing share: key packages claimed, commits made and stored. */
import { Work } from "./conversation.ts";
import type { Conversation } from "./conversation.ts";
import type { DeviceContext } from "./context.ts";
import { failure } from "./failure.ts";
import type { CellGroup, PendingCommit } from "./mls/types.ts";
import { newId } from "./octets.ts";
import type { CommitRecord } from "./records.ts";
import type { Roster } from "./roster/roster.ts";
import { keyRecordOf } from "./several_cells/own_key.ts";

/** One key package for each of these clients; who has none is left out. */
export async function claimKeyPackages(
  context: DeviceContext,
  conversation: Conversation,
  clientIds: readonly string[],
): Promise<readonly Uint8Array[]> {
  if (clientIds.length === 0) return [];
  const { keyPackages } = await context.api.claimKeyPackages({
    conversationId: conversation.id,
    clientIds: [...clientIds],
  });
  return keyPackages.map(({ keyPackage }) => keyPackage);
}

/**
 * Store a commit with the state that it leads to, before it is posted. With several cells the key
 * of the new epoch goes with it: `roster` must be our cell's part as it is now.
 */
export async function persistCommit(
  context: DeviceContext,
  conversation: Conversation,
  made: {
    readonly kind: CommitRecord["kind"];
    readonly epoch: number;
    readonly commit: PendingCommit;
    readonly promised?: readonly string[];
  },
): Promise<void> {
  const { kind, epoch, commit } = made;
  const { cellId, cells } = conversation.record;
  const key = cells > 1 ? await keyRecordOf(context, commit.next, conversation.roster) : null;
  const added = commit.added.map(({ clientId }) => clientId);
  const entryId = newId();
  const work = new Work(conversation);
  work.pending = {
    entryId,
    cellId,
    kind,
    upload: {
      entryId,
      epoch,
      founding: kind === "found",
      commit: commit.commit,
      groupInfo: commit.groupInfo,
      welcome: commit.welcome,
      welcomeClients: commit.welcome === null ? [] : added,
      keyRecord: key?.record ?? null,
      signerProof: key?.signerProof ?? null,
    },
    next: commit.next.encode(),
    addedClients: made.promised ?? [],
  };
  await conversation.store(work, true);
}

/** Commit with Adds; a key package that does not serve leaves its client to enter by itself. */
export async function withAdds(
  group: CellGroup,
  packages: readonly Uint8Array[],
  roster: Roster,
): Promise<PendingCommit> {
  let adds = packages;
  while (adds.length > 0) {
    try {
      return await group.commit(adds, roster);
    } catch {
      // One that has run out must not keep the others out. Where none is at fault by itself, the
      // commit without them says what is wrong, or goes through.
      const good = await group.addable(adds, roster);
      adds = good.length < adds.length ? good : [];
    }
  }
  return group.commit([], roster);
}

export function requireRoster(conversation: Conversation): Roster {
  if (conversation.roster === null) throw failure("not_joined", { retry: true });
  return conversation.roster;
}

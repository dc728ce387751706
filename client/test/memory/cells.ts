/** A conversation in memory, its cells: leases, commits, Welcomes, key records. */
import { parseRecord } from "../../src/cells/record.ts";
import { treeIn } from "../../src/mls/group-info.ts";
import { decodeGroupInfo, decodePublicMessage } from "../../src/mls/messages.ts";
import { membersOf } from "../../src/mls/tree.ts";
import type { CellMember } from "../../src/mls/types.ts";
import { equalBytes, fromHex } from "../../src/octets.ts";
import { parseHead } from "../../src/roster/head.ts";
import { provenCell } from "../../src/roster/proofs.ts";
import type * as wire from "../../src/wire.ts";
import { Refusal, type Cell, type Client } from "./log.ts";
import { ConversationRosters } from "./rosters.ts";

const LEASE_MS = 5_000;
const GRACE_MS = 30_000;

export class ConversationCells extends ConversationRosters {
  // --- Cells -----------------------------------------------------------------------------------

  protected requireCell(client: Client, cellId: string): Cell {
    const cell = this.cells.get(cellId);
    if (cell === undefined || this.requirePlace(client.clientId).cellId !== cellId)
      throw new Refusal("not_member");
    return cell;
  }

  lease(client: Client, cellId: string): wire.GroupInfoLease {
    const cell = this.requireCell(client, cellId);
    if (cell.epoch === null) throw new Refusal("cell_unfounded");
    if (cell.removals.size > 0) {
      const others = cell.leaves.some(
        (leaf) => !cell.removals.has(leaf.leafIndex) && this.online(leaf.clientId),
      );
      if (!others) this.refound(cell);
      else this.duty(cellId);
      throw new Refusal("removal_pending");
    }
    const now = this.now();
    const { lease } = cell;
    if (lease !== null && lease.untilMs > now && lease.clientId !== client.clientId)
      throw new Refusal("join_busy", {}, 20);
    cell.lease = { clientId: client.clientId, untilMs: now + LEASE_MS };
    return { epoch: cell.epoch, groupInfo: cell.groupInfo, expiresInMs: LEASE_MS };
  }

  /** Set by the server: whether a client is connected. */
  online: (clientId: string) => boolean = () => true;

  commit(client: Client, cellId: string, body: wire.UploadCommit): wire.Accepted {
    // A cell that was given up knows nothing of what it had taken.
    const cell = this.requireCell(client, cellId);
    const known = this.knownEntry(body.entryId, client.clientId);
    if (known !== null) return known;
    if (cell.epoch === null ? !body.founding : body.founding)
      throw new Refusal(body.founding ? "cell_founded" : "cell_unfounded");
    if (body.epoch !== (cell.epoch ?? 0)) throw new Refusal("stale_epoch");
    const several = this.cells.size > 1;
    if (several !== (body.keyRecord !== null && body.signerProof !== null))
      throw new Refusal("wrong_mode", { cells: this.cells.size });
    const { content } = decodePublicMessage(body.commit);
    if (content.contentType !== "commit") throw new Refusal("commit_invalid");
    const external = content.sender.senderType === "new_member_commit";
    const references = content.commit.proposals.filter(
      (one) => one.proposalOrRefType === "reference",
    ).length;
    if (external && cell.lease?.clientId !== client.clientId) throw new Refusal("join_busy");
    if (cell.removals.size > 0 && (external || references !== cell.removals.size))
      throw new Refusal("removal_pending");
    const info = decodeGroupInfo(body.groupInfo);
    const leaves = membersOf(treeIn(info));
    const named = new Map(this.tree.cell(cellId).leaves.map((l) => [l.certificateHash, l]));
    if (leaves.some((leaf) => !named.has(leaf.certificateHash)))
      throw new Refusal("commit_invalid", { reason: "not named" });
    const epoch = body.epoch + 1;
    if (Number(info.groupContext.epoch) !== epoch) throw new Refusal("commit_invalid");
    if (body.keyRecord !== null && body.signerProof !== null)
      this.storeKey(client, cell, epoch, body.keyRecord, body.signerProof, cell.removals.size > 0);
    const entry = this.append({
      kind: "commit",
      cellId,
      epoch: body.epoch,
      sender: client.clientId,
      entryId: body.entryId,
      payload: body.commit,
    });
    if (body.keyRecord === null) cell.keyId = cell.previousKeyId = null;
    const before = cell.leaves;
    cell.epoch = epoch;
    cell.leaves = leaves;
    const clients = new Set(leaves.map(({ clientId }) => clientId));
    this.membersAt.set(`${cellId}/${String(epoch)}`, clients);
    cell.groupInfo = body.groupInfo;
    cell.removals.clear();
    cell.lease = null;
    for (const clientId of body.welcomeClients)
      if (body.welcome !== null)
        cell.welcomes.set(clientId, { cellId, epoch, seq: entry.seq, welcome: body.welcome });
    if (external) cell.welcomes.delete(client.clientId);
    for (const { clientId } of leaves) {
      const inside = before.some((leaf) => leaf.clientId === clientId);
      if (!inside || (external && clientId === client.clientId))
        this.joinedAt.set(clientId, entry.seq);
    }
    this.pushEntry(entry);
    this.dropReplaced(client, before, leaves);
    if (several) this.wantSeals(cellId);
    return { seq: entry.seq, sentMs: entry.sentMs, epoch };
  }

  /** A client brought its renewed certificate into the tree: the roster drops the old one. */
  protected dropReplaced(
    client: Client,
    before: readonly CellMember[],
    after: readonly CellMember[],
  ): void {
    const gone = before.filter(
      (leaf) =>
        leaf.clientId === client.clientId &&
        !after.some((one) => one.certificateHash === leaf.certificateHash),
    );
    const hashes = new Set(gone.map((leaf) => leaf.certificateHash));
    if (!this.tree.leaves.some((leaf) => hashes.has(leaf.certificateHash))) return;
    this.edit({ reason: "renewed", by: null, drop: (leaf) => hashes.has(leaf.certificateHash) });
  }

  protected storeKey(
    client: Client,
    cell: Cell,
    epoch: number,
    record: Uint8Array,
    signerProof: Uint8Array,
    removing: boolean,
  ): void {
    const parsed = parseRecord(record);
    const fits =
      parsed.conversationId === this.id &&
      parsed.cellId === cell.cellId &&
      parsed.epoch === epoch &&
      parsed.signer === client.certificateHash &&
      parsed.rosterEpoch >= 1 &&
      parsed.rosterEpoch <= this.signedHeads.length &&
      this.proves(parsed.rosterEpoch, client, signerProof) === cell.cellId;
    if (!fits) throw new Refusal("key_record_invalid");
    cell.previousKeyId = removing ? null : cell.keyId;
    cell.previousUntilMs = this.now() + GRACE_MS;
    cell.keyId = parsed.keyId;
    this.keyRecords.set(cell.cellId, {
      cellId: cell.cellId,
      epoch,
      keyId: fromHex(parsed.keyId),
      record,
      certificate: client.certificate,
      version: ++this.version,
    });
  }

  uploadKeyRecord(client: Client, cellId: string, body: wire.UploadKeyRecord): void {
    const cell = this.requireCell(client, cellId);
    if (this.cells.size === 1) throw new Refusal("wrong_mode", { cells: 1 });
    if (cell.epoch === null) throw new Refusal("cell_unfounded");
    if (cell.keyId !== null) {
      const known = this.keyRecords.get(cellId);
      if (known !== undefined && equalBytes(known.record, body.record)) return;
      throw new Refusal("key_record_exists");
    }
    this.storeKey(client, cell, cell.epoch, body.record, body.signerProof, false);
    this.wantSeals(cellId);
  }

  /** Which clients were in a cell at an epoch, by `cellId/epoch`. */
  readonly membersAt = new Map<string, ReadonlySet<string>>();
  /** Cells that nobody is told to seal for: for a server that lies. */
  readonly leftOut = new Set<string>();

  protected cellsDue(): readonly Cell[] {
    return [...this.cells.values()]
      .filter(({ cellId }) => !this.leftOut.has(cellId))
      .filter((cell) => cell.keyId !== null && cell.removals.size === 0)
      .sort((a, b) => (a.cellId < b.cellId ? -1 : 1));
  }

  keys(client: Client, since: number): wire.CellKeys {
    this.requirePlace(client.clientId);
    const keys = [...this.keyRecords.values()]
      .filter(({ version, cellId }) => version > since && this.cells.has(cellId))
      .map(({ cellId, epoch, keyId, record, certificate }) => {
        const { signer } = parseRecord(record);
        const named = this.tree.find(cellId, signer) !== null;
        const signerProof = named ? this.tree.inclusionProof(signer) : new Uint8Array();
        return { cellId, epoch, keyId, record, certificate, signerProof };
      });
    const cells = this.cellsDue().map(({ cellId }) => cellId);
    return { version: this.version, head: this.newestHead(), cells, keys };
  }

  rosterCells(client: Client): wire.RosterCells {
    this.requirePlace(client.clientId);
    const shown: number[] = [];
    const cells = [...new Set(this.tree.leaves.map(({ cellId }) => cellId))].map((cellId) => {
      const { first, leaves } = this.tree.cell(cellId);
      const hash = (place: number) => fromHex(leaves[place]?.certificateHash ?? "");
      const key = this.keyRecords.get(cellId);
      const at = key === undefined ? null : this.tree.find(cellId, parseRecord(key.record).signer);
      const last = leaves.length - 1;
      shown.push(first, first + last, ...(at === null ? [] : [at]));
      const signerPlace = at === null ? null : at - first;
      const signer = signerPlace === null ? null : hash(signerPlace);
      const ends = { first: hash(0), last: hash(last) };
      return { cellId, count: leaves.length, ...ends, signerPlace, signer };
    });
    return { head: this.newestHead(), cells, proof: this.tree.leavesProof(shown) };
  }

  welcome(client: Client, cellId: string): wire.PendingWelcome {
    const found = this.requireCell(client, cellId).welcomes.get(client.clientId);
    if (found === undefined) throw new Refusal("not_found");
    return found;
  }

  forgetWelcome(client: Client, cellId: string): void {
    this.requireCell(client, cellId).welcomes.delete(client.clientId);
  }

  /** The cell for which a proof shows a client under the head of a roster epoch. */
  protected proves(epoch: number, client: Client, proof: Uint8Array): string | null {
    const head = this.signedHeads[epoch - 1];
    if (head === undefined) return null;
    const { leaves, root } = parseHead(head);
    return provenCell(proof, client.certificateHash, leaves, root);
  }

  protected wantSeals(cellId: string): void {
    const senders = new Set<string>();
    for (const { entry, sealed } of this.log)
      if (sealed?.missing.has(cellId) === true && entry.sender !== null) senders.add(entry.sender);
    this.pushes.frame([...senders], { t: "seal_wanted", conversationId: this.id, cellId });
  }
}

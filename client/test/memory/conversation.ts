/**
 * One conversation at a Delivery Service in memory: membership, roster, cells, log, keys, sealed
 * messages and late seals, by the rules of docs/protocol.md. It follows the server's rules, so that
 * the client can be run against thousands of histories; where the two differ the server is right,
 * and the tests beside this run against that one too.
 */
import { sha256 } from "@noble/hashes/sha2.js";
import { cellsDigest, encodeSeal, parseSeals, parseSignedHeader } from "../../src/cells/message.ts";
import { fromHex, toHex } from "../../src/octets.ts";
import type * as wire from "../../src/wire.ts";
import { ConversationCells } from "./cells.ts";
import { Refusal, type Cell, type Client } from "./log.ts";

const ROSTER_MAY_BE_OLD_MS = 600_000;

export class MemoryConversation extends ConversationCells {
  // --- Messages --------------------------------------------------------------------------------

  protected requireMayPost(client: Client): wire.RosterLeaf {
    const leaf = this.requirePlace(client.clientId);
    const person = this.members.get(client.personId);
    if (person === undefined) throw new Refusal("not_member");
    if (this.whoMayPost === "admins" && !person.admin) throw new Refusal("may_not_post");
    return leaf;
  }

  post(client: Client, body: wire.PostMessage): wire.Accepted {
    const known = this.knownEntry(body.entryId, client.clientId);
    if (known !== null) return known;
    this.requireMayPost(client);
    if (this.cells.size > 1) throw new Refusal("wrong_mode", { cells: this.cells.size });
    const cell = this.requireCell(client, body.cellId);
    if (cell.epoch === null) throw new Refusal("cell_unfounded");
    if (cell.removals.size > 0) throw new Refusal("removal_pending");
    if (body.epoch !== cell.epoch) throw new Refusal("stale_epoch");
    const entry = this.append({
      kind: "message",
      cellId: cell.cellId,
      epoch: body.epoch,
      sender: client.clientId,
      entryId: body.entryId,
      payload: body.payload,
    });
    this.pushEntry(entry);
    return { seq: entry.seq, sentMs: entry.sentMs, epoch: body.epoch };
  }

  postSealed(client: Client, body: wire.PostSealed): wire.Accepted {
    const header = parseSignedHeader(body.sealed);
    const known = this.knownEntry(header.messageId, client.clientId);
    if (known !== null) return known;
    this.requireMayPost(client);
    if (this.cells.size === 1) throw new Refusal("wrong_mode", { cells: 1 });
    if (header.conversationId !== this.id || header.sender !== client.certificateHash)
      throw new Refusal("sealed_invalid");
    this.requireRecent(header.rosterEpoch, header.rosterHash);
    if (this.proves(header.rosterEpoch, client, body.senderProof) === null)
      throw new Refusal("sealed_invalid", { reason: "proof" });
    if (header.bodyHash !== toHex(sha256(body.body))) throw new Refusal("sealed_invalid");
    const chain = this.chain(client);
    if (header.seq !== chain.seq + 1 || header.prev !== toHex(chain.prev))
      throw new Refusal("chain_broken", { seq: chain.seq });
    const seals = parseSeals(body.seals, header.kem);
    if (cellsDigest(seals) !== header.cellsDigest) throw new Refusal("sealed_invalid");
    this.requireCurrent(seals);
    const due = this.cellsDue().map(({ cellId }) => cellId);
    if (seals.map(({ cellId }) => cellId).join() !== due.join()) throw new Refusal("stale_epoch");
    const first = new Map(
      seals.map((seal) => {
        const { epoch, keyId } = this.cells.get(seal.cellId) as Cell;
        const before = keyId === seal.keyId ? 0 : 1;
        return [seal.cellId, { epoch: (epoch ?? 0) - before, seal: encodeSeal(seal) }];
      }),
    );
    const graced = seals
      .filter(({ cellId, keyId }) => this.cells.get(cellId)?.keyId !== keyId)
      .map(({ cellId }) => cellId);
    this.chains.set(client.clientId, { seq: header.seq, hash: header.hash });
    const { sealed, certificate, senderProof: proof } = body;
    const entry = this.append(
      {
        kind: "sealed",
        cellId: null,
        epoch: null,
        sender: client.clientId,
        entryId: header.messageId,
        payload: new Uint8Array(),
      },
      {
        common: { sealed, certificate, proof, body: body.body },
        seals: new Map([...first].map(([cellId, { seal }]) => [cellId, seal])),
        missing: new Set([
          ...[...this.cells.keys()].filter((cellId) => !due.includes(cellId)),
          ...graced,
        ]),
        first,
        late: new Map(),
      },
    );
    this.pushEntry(entry);
    for (const cellId of graced)
      this.pushes.frame([client.clientId], { t: "seal_wanted", conversationId: this.id, cellId });
    return { seq: entry.seq, sentMs: entry.sentMs, epoch: 0 };
  }

  protected requireRecent(epoch: number, hash: string): void {
    const head = this.signedHeads[epoch - 1];
    const superseded = this.headMs[epoch] ?? Infinity;
    const good =
      head !== undefined &&
      toHex(sha256(head)) === hash &&
      this.now() - superseded < ROSTER_MAY_BE_OLD_MS;
    if (!good) throw new Refusal("stale_roster", { epoch: this.signedHeads.length });
  }

  protected requireCurrent(
    seals: readonly { readonly cellId: string; readonly keyId: string }[],
  ): void {
    for (const { cellId, keyId } of seals) {
      const cell = this.cells.get(cellId);
      const previous = cell?.previousKeyId === keyId && this.now() < cell.previousUntilMs;
      if (cell === undefined || cell.removals.size > 0 || (cell.keyId !== keyId && !previous))
        throw new Refusal("stale_epoch");
    }
  }

  chain(client: Client): wire.SenderChain {
    const chain = this.chains.get(client.clientId) ?? { seq: 0, hash: "0".repeat(64) };
    return { seq: chain.seq, prev: fromHex(chain.hash) };
  }

  sealedEntry(client: Client, seq: number): wire.LogEntry {
    this.requirePlace(client.clientId);
    const stored = this.log[seq - 1];
    if (stored?.sealed == null) throw new Refusal("not_found");
    return this.shown(client.clientId, stored);
  }

  // --- Late seals ------------------------------------------------------------------------------

  wanted(client: Client): wire.SealsWanted {
    this.requirePlace(client.clientId);
    const due = new Set(this.cellsDue().map(({ cellId }) => cellId));
    const all = this.log
      .filter(({ entry }) => entry.sender === client.clientId)
      .map(({ entry, sealed }) => ({ seq: entry.seq, missing: [...(sealed?.missing ?? [])] }));
    const wanted = all.map(({ seq, missing }) => ({
      seq,
      cellIds: missing.filter((cellId) => due.has(cellId)),
    }));
    const later = all.filter(({ missing }) => missing.some((cellId) => !due.has(cellId)));
    return {
      wanted: wanted.filter(({ cellIds }) => cellIds.length > 0),
      later: later.map(({ seq }) => seq),
    };
  }

  /** What the server does in rounds: ask again for what a lost word left undone. */
  askAgain(): void {
    for (const { cellId } of this.cells.values()) this.duty(cellId);
    for (const { cellId } of this.cellsDue()) this.wantSeals(cellId);
  }

  lateSeals(client: Client, seq: number, body: wire.LateSeals): void {
    const stored = this.log[seq - 1];
    if (stored?.sealed == null || stored.entry.sender !== client.clientId)
      throw new Refusal("not_found");
    const { common, seals, missing, late: made } = stored.sealed;
    const given = parseSeals(body.seals, parseSignedHeader(common.sealed).kem);
    const late = given.filter(({ cellId }) => missing.has(cellId));
    const current = (cellId: string): string | null => this.cells.get(cellId)?.keyId ?? null;
    this.requireCurrent(late);
    if (late.some(({ cellId, keyId }) => current(cellId) !== keyId))
      throw new Refusal("stale_epoch");
    for (const seal of late) {
      const bytes = encodeSeal(seal);
      seals.set(seal.cellId, bytes);
      missing.delete(seal.cellId);
      made.set(seal.cellId, this.cells.get(seal.cellId)?.epoch ?? 0);
      const inside = [...this.clientsIn(seal.cellId)];
      const frame = { t: "late_seal", conversationId: this.id, seq, seal: bytes } as const;
      this.pushes.frame(inside, frame);
    }
  }
}

/**
 * A model of conversations of several cells: real cores and a server in memory, under random joins,
 * removals, devices, crashes, lost state, lost answers, lost pushes, races, and a server that for a
 * while drops, replays, reorders and substitutes entries, seals and keys. Afterwards, when it has
 * behaved again:
 *
 * - members of a cell agree on its epoch, and hold exactly whom the roster names;
 * - whoever belonged all the time, and was told no lies, has every message, each once, in the log's
 *   order; whoever came in has every message since;
 * - nobody shows a message that was sent after they were removed, or anything twice;
 * - what somebody who was removed opens with every seed that they ever held is not among the seals
 *   of any later message;
 * - nobody holds a cell key, or shows a sender, that the CA did not vouch for;
 * - nobody who was told no lies refuses or waits for anything;
 * - nothing is left to send, and everybody has the last message: also those who were lied to are no
 *   longer stuck.
 *
 * COPCONNECT_MODEL_RUNS (for each seed) and COPCONNECT_MODEL_SEED (one) explore further.
 */
import fc from "fast-check";
import { expect, test, vi } from "vitest";
import type * as record from "../src/cells/record.ts";
import { parseRecord } from "../src/cells/record.ts";
import type { EncryptionView } from "../src/core.ts";
import { hasCode } from "../src/failure.ts";
import { newId } from "../src/octets.ts";
import { STORES, type CellKeysRecord } from "../src/records.ts";
import { Vault } from "../src/vault/vault.ts";
import { SeedsOfAll } from "./keys-held.ts";
import { LIES, Liar, STRANGER, type Lie } from "./lying.ts";
import { MemoryWorld } from "./memory/world.ts";
import type { MemoryConversation } from "./memory/conversation.ts";
import { Network } from "./network.ts";
import type { Officer } from "./officer.ts";
import { groupOf } from "./several-cells.scenarios.ts";
import { loseRecords } from "./vaults.ts";

const RUNS = Number(process.env["COPCONNECT_MODEL_RUNS"] ?? 2);
const SEED = process.env["COPCONNECT_MODEL_SEED"];
const SEEDS = SEED === undefined ? [63_000, 1, 2, 3] : [Number(SEED)];
const SETTLE_MS = 60_000;

const { seeds } = vi.hoisted(() => ({ seeds: { of: null as SeedsOfAll | null } }));

/** Whoever publishes a cell's key of an epoch had its seed at that moment. */
vi.mock(import("../src/cells/record.ts"), async (original) => {
  const actual: typeof record = await original();
  const makeRecord: typeof actual.makeRecord = async (fields, seed, sign) => {
    const made = await actual.makeRecord(fields, seed, sign);
    seeds.of?.note(made, seed);
    return made;
  };
  return { ...actual, makeRecord };
});

interface Player {
  readonly officer: Officer;
  readonly network: Network;
  open: boolean;
  member: boolean;
  /** Was away from the conversation or lost what it knew: it may lack messages. */
  broken: boolean;
  /** Was told lies: it may have refused something, and lack it. */
  lied: boolean;
  /** Between which places of the log this person did not belong. */
  readonly out: { readonly from: number; to: number }[];
}

class Force {
  readonly w = new MemoryWorld(8);
  readonly players: Player[] = [];
  readonly texts: string[] = [];
  /** Message ids by text. */
  readonly sent = new Map<string, string>();
  readonly sayers = new Map<string, Player>();
  readonly seeds = new SeedsOfAll();
  id = "";

  async start(count: number): Promise<void> {
    seeds.of = this.seeds;
    for (let i = 0; i < count; i++) await this.#enlist();
    this.id = await groupOf(this.players.map(({ officer }) => officer));
    for (const player of this.players) {
      player.member = true;
      player.out.length = 0;
    }
  }

  async #enlist(): Promise<Player> {
    const network = new Network(this.w.fetch);
    const officer = await this.w.join({ fetch: network.fetch });
    const out = [{ from: 0, to: Infinity }];
    const player = { officer, network, open: true, member: false, broken: false, lied: false, out };
    this.players.push(player);
    return player;
  }

  get admin(): Player {
    return this.players[0] as Player;
  }

  member(index: number): Player {
    const members = this.players.filter(({ member }) => member);
    return members[index % members.length] as Player;
  }

  /** A member that is there and is not the admin; null when there is none. */
  other(index: number): Player | null {
    const others = this.players.filter((one) => one.member && one.open && one !== this.admin);
    return others[index % others.length] ?? null;
  }

  async say(index: number): Promise<void> {
    const player = this.member(index);
    if (!player.open) return;
    const text = `word ${String(this.texts.length)}`;
    this.texts.push(text);
    const messageId = newId();
    this.sent.set(text, messageId);
    this.sayers.set(text, player);
    const content = { kind: "text", text, mentions: [] } as const;
    // Whoever is crashed or removed at this very moment may or may not have said it.
    await player.officer.core.send(this.id, content, null, messageId).catch((error: unknown) => {
      if (!hasCode(error, "storage_failed", "conversation_left", "not_found")) throw error;
    });
  }

  async add(): Promise<void> {
    const outside = this.players.find(({ member, open }) => !member && open);
    const player = outside ?? (await this.#enlist());
    player.broken = true;
    player.member = true;
    const before = this.#lastRoster();
    await this.#change({ add: [player.officer.person] });
    for (const out of player.out) out.to = Math.min(out.to, this.#rosterAfter(before));
  }

  async remove(index: number): Promise<void> {
    const player = this.other(index);
    if (player === null) return;
    player.member = false;
    player.broken = true;
    const before = this.#lastRoster();
    await this.#change({ remove: [player.officer.person] });
    player.out.push({ from: this.#rosterAfter(before), to: Infinity });
  }

  #rosters(): readonly number[] {
    const log = this.w.server.conversations.get(this.id)?.log ?? [];
    return log.filter(({ entry }) => entry.kind === "roster").map(({ entry }) => entry.seq);
  }

  #lastRoster(): number {
    return this.#rosters().at(-1) ?? 0;
  }

  /** The first roster entry after one: nothing else changes the roster meanwhile. */
  #rosterAfter(seq: number): number {
    return this.#rosters().find((one) => one > seq) ?? seq;
  }

  /** The place of a text in the log. */
  #placeOf(text: string): number {
    const log = this.w.server.conversations.get(this.id)?.log ?? [];
    return log.find(({ entry }) => entry.entryId === this.sent.get(text))?.entry.seq ?? 0;
  }

  #change(change: { readonly add?: string[]; readonly remove?: string[] }): Promise<void> {
    return this.admin.officer.core.changeMembers(this.id, change);
  }

  async #sent(): Promise<void> {
    for (const { officer, open } of this.players)
      if (open)
        await officer.until(
          "sent",
          async () => (await officer.core.state()).outbox === 0,
          SETTLE_MS,
        );
  }

  async crash(index: number): Promise<void> {
    const player = this.other(index);
    if (player === null) return;
    player.open = false;
    await player.officer.core.close();
  }

  async back(index: number): Promise<void> {
    const away = this.players.filter(({ open }) => !open);
    const player = away[index % Math.max(1, away.length)];
    if (player !== undefined) await this.#restart(player);
  }

  async #restart(player: Player): Promise<void> {
    await player.officer.restart();
    player.open = true;
  }

  async loseState(index: number): Promise<void> {
    const player = this.other(index);
    if (player === null) return;
    player.broken = true;
    await player.officer.core.close();
    await loseRecords(player.officer.vaultName, "groups", "chains", "former_seeds");
    await this.#restart(player);
  }

  /** The second device of somebody comes and goes: two epochs of a cell, for nobody new. */
  async device(index: number): Promise<void> {
    const player = this.other(index);
    if (player === null) return;
    const second = await this.w.device(this.players.indexOf(player));
    await second.ready(this.id);
    await second.core.signOut();
  }

  loseAnswers(index: number): void {
    const { network } = this.member(index);
    network.path = /\/(sealed|messages|commits|leases|seals)$/u;
    network.loseAnswers = 2;
  }

  /** Frames to one client are lost until its connection breaks. */
  async losePushes(index: number): Promise<void> {
    const player = this.other(index);
    if (player === null) return;
    const { clientId } = await player.officer.core.state();
    this.w.server.pushes = (to, frame) => (to === clientId ? null : frame);
    for (let i = 0; i < 2; i++) await this.say(index + i);
    await this.#sent();
    this.w.server.pushes = (_, frame) => frame;
    for (const connection of [...this.w.server.connections])
      if (connection.clientId === clientId) connection.close(1006);
  }

  /** For as long as a few messages take the server lies to somebody. */
  async lie(lie: Lie, index: number): Promise<void> {
    const player = this.other(index);
    const conversation = this.w.server.conversations.get(this.id);
    if (player === null || conversation === undefined) return;
    player.lied = player.broken = true;
    const { clientId } = await player.officer.core.state();
    const liar = new Liar(this.w.server, conversation, clientId ?? "", player.network, index);
    liar.begin(lie);
    for (let i = 0; i < 4; i++) await this.say(index + i);
    await new Promise((resolve) => setTimeout(resolve, 50));
    liar.end();
  }

  async settle(): Promise<void> {
    for (const player of this.players) if (!player.open) await this.#restart(player);
    await this.#sent();
    for (const { officer, member } of this.players) if (member) await officer.ready(this.id);
    // Who is on its way back into a cell of one reads nothing of before it is in.
    for (const player of this.players) if (player.member) await this.#inStep(player, Infinity);
    await this.say(0);
    await this.#sent();
    const last = this.texts.at(-1) ?? "";
    for (const { officer, member } of this.players)
      if (member) await officer.receives(this.id, last, SETTLE_MS);
  }

  /** Wait until a member's device is in its cell's epoch, and not more messages wait than these. */
  async #inStep({ officer }: Player, waiting: number): Promise<EncryptionView> {
    const { clientId } = await officer.core.state();
    return officer.until(
      "in step",
      async () => {
        const conversation = this.w.server.conversations.get(this.id);
        const { cellId = "" } = conversation?.leafOf(clientId ?? "") ?? {};
        const epoch = conversation?.cells.get(cellId)?.epoch;
        const now = await officer.core.encryption(this.id);
        return now.epoch === epoch && now.epochCode !== null && now.waiting <= waiting ? now : null;
      },
      SETTLE_MS,
    );
  }

  async check(): Promise<void> {
    const conversation = this.w.server.conversations.get(this.id);
    if (conversation === undefined) throw new Error("no conversation");
    const codes = new Map<string, Set<string | null>>();
    await this.#checkSeals(conversation);
    for (const player of this.players) {
      const { officer, member, broken, lied, out } = player;
      await this.#checkVouched(officer);
      const said = await officer.texts(this.id);
      expect(new Set(said).size).toBe(said.length);
      const forbidden = said.filter((text) => {
        const place = this.#placeOf(text);
        const own = this.sayers.get(text) === player;
        return !own && out.some(({ from, to }) => place > from && place < to);
      });
      expect(forbidden).toEqual([]);
      if (!member) continue;
      const { clientId } = await officer.core.state();
      const leaf = conversation.leafOf(clientId ?? "");
      const cell = conversation.cells.get(leaf?.cellId ?? "");
      const view = await this.#inStep(player, lied ? Infinity : 0);
      expect(view.clients).toBe(cell?.leaves.length);
      if (!lied) expect(view.refused).toBe(0);
      expect((await officer.core.conversation(this.id)).alarm).toBeNull();
      const known = codes.get(leaf?.cellId ?? "") ?? new Set();
      codes.set(leaf?.cellId ?? "", known.add(view.epochCode));
      if (lied) continue;
      const order = (await this.admin.officer.texts(this.id)).filter((text) => said.includes(text));
      expect(said).toEqual(order);
      // Who was removed before their last words were accepted keeps them for themselves.
      const accepted = this.texts.filter((text) => this.#placeOf(text) > 0);
      if (!broken) expect([...said].sort()).toEqual(accepted.sort());
      const since = conversation.joinedAt.get(clientId ?? "") ?? 0;
      const due = accepted.filter((text) => this.#placeOf(text) > since);
      expect(said).toEqual(expect.arrayContaining(due));
    }
    for (const same of codes.values()) expect(same.size).toBe(1);
  }

  /** With every seed of before their removal, nobody opens a seal of a message of after it. */
  async #checkSeals(conversation: MemoryConversation): Promise<void> {
    const sealed = conversation.log.filter((stored) => stored.sealed !== null);
    for (const { officer, out } of this.players) {
      const { clientId } = await officer.core.state();
      for (const { from, to } of out) {
        if (from === 0) continue;
        const held = this.seeds.heldBy(clientId ?? "", conversation, from);
        for (const stored of sealed.filter(({ entry }) => entry.seq > from && entry.seq < to))
          expect(await this.seeds.opens(stored, held)).toBe(0);
      }
    }
    // Members do open them, so that the seeds are the right ones.
    const [last] = sealed.slice(-1);
    const { clientId } = await this.admin.officer.core.state();
    const held = this.seeds.heldBy(clientId ?? "", conversation, Infinity);
    if (last !== undefined) expect(await this.seeds.opens(last, held)).toBe(1);
  }

  /** Keys that an officer's device holds, and words that it shows, are of whom the CA vouched for. */
  async #checkVouched(officer: Officer): Promise<void> {
    const vault = new Vault({ name: officer.vaultName, now: Date.now });
    await vault.open();
    const keys = await vault.get<CellKeysRecord>(STORES.cellKeys, this.id);
    vault.close();
    const signers = (keys?.records ?? []).map((bytes) => parseRecord(bytes).signer);
    expect(signers).not.toContain(STRANGER.certificateHash);
    const page = await officer.core.messages(this.id, null, 200).catch(() => null);
    for (const { body, sender } of page?.messages ?? []) {
      const sayer = body.kind === "text" ? this.sayers.get(body.text) : undefined;
      if (sayer !== undefined) expect(sender?.personId).toBe(sayer.officer.person);
    }
  }
}

type Step = (force: Force) => Promise<void>;

const index = fc.nat(1000);

function named(
  name: string,
  weight: number,
  act: (force: Force, i: number) => Promise<void> | void,
) {
  const arbitrary = index.map((i): Step =>
    Object.assign(async (force: Force) => act(force, i), {
      toString: () => `${name} ${String(i)}`,
    }),
  );
  return { weight, arbitrary };
}

const lie = fc.oneof(...LIES.map((one) => named(one, 1, (force, i) => force.lie(one, i))));

const single: fc.Arbitrary<Step> = fc.oneof(
  named("say", 6, (force, i) => force.say(i)),
  named("add", 2, (force) => force.add()),
  named("remove", 4, (force, i) => force.remove(i)),
  named("crash", 2, (force, i) => force.crash(i)),
  named("back", 2, (force, i) => force.back(i)),
  named("lose state", 1, (force, i) => force.loseState(i)),
  named("device", 1, (force, i) => force.device(i)),
  named("lose answers", 1, (force, i) => force.loseAnswers(i)),
  named("lose pushes", 1, (force, i) => force.losePushes(i)),
  { weight: 4, arbitrary: lie },
);

/** Several people talk while one thing happens. */
const race: fc.Arbitrary<Step> = fc
  .tuple(fc.array(index, { minLength: 1, maxLength: 3 }), single)
  .map(([talkers, step]): Step => {
    const act = async (force: Force): Promise<void> => {
      // Members may change meanwhile: who talks is fixed before.
      const talk = talkers.map((i) => force.say(i));
      await Promise.all([...talk, step(force)]);
    };
    return Object.assign(act, { toString: () => `race ${talkers.join()} with ${String(step)}` });
  });

test.each(SEEDS)(
  "cells under random work agree, lose nothing and show nothing to whoever is out: seed %i",
  { timeout: 120_000 * Math.max(6, RUNS) },
  async (seed) => {
    await fc.assert(
      fc.asyncProperty(
        fc.integer({ min: 3, max: 10 }),
        fc.array(fc.oneof({ weight: 3, arbitrary: single }, { weight: 1, arbitrary: race }), {
          minLength: 6,
          maxLength: 14,
        }),
        async (count, steps) => {
          const force = new Force();
          try {
            await force.start(count);
            for (const step of steps) await step(force);
            await force.settle();
            await force.check();
          } finally {
            await force.w.close();
          }
        },
      ),
      { numRuns: RUNS, seed, endOnFailure: true },
    );
  },
);

/**
 * A server that lies about a conversation of one cell, case by case as docs/threat-model.md lists
 * them: each lie is detected, or harmless.
 */
import { describe, expect, it } from "vitest";
import { createMls } from "../src/mls/mls.ts";
import { newId } from "../src/octets.ts";
import type * as wire from "../src/wire.ts";
import { CellWorld, at, refusal } from "./cell-world.ts";
import { LIMIT_MS, flipped, hostileWorld } from "./hostile-world.ts";
import type { Cell } from "./memory/log.ts";

const h = hostileWorld(64);
const { w } = h;

function cell(): Cell {
  return at([...h.conversation.cells.values()], 0);
}

/** The victim is in the cell as the others are, and hears what is said. */
async function hears(text: string, butNot: readonly string[] = []): Promise<void> {
  h.honest();
  await h.says(h.other(4), text);
  await h.victim.receives(h.id, text);
  await h.victim.until("the cell's epoch", async () => {
    return (await h.victim.core.encryption(h.id)).epoch === cell().epoch;
  });
  const texts = await h.victim.texts(h.id);
  expect(new Set(texts).size).toBe(texts.length);
  for (const one of butNot) expect(texts).not.toContain(one);
}

/** Lie about the first entry of a kind from now on, and say nothing but the truth of others. */
function lieOnce(
  kind: wire.LogEntry["kind"],
  change: (entry: wire.LogEntry) => wire.LogEntry | null,
): void {
  let chosen = "";
  h.lie((entry) => {
    if (entry.kind === kind && entry.conversationId === h.id) chosen ||= entry.entryId;
    return entry.entryId === chosen ? change(entry) : entry;
  });
}

describe("a server that lies about one cell", { timeout: LIMIT_MS }, () => {
  it("drops a message: what follows is shown", async () => {
    await h.newGroup();
    lieOnce("message", () => null);
    await h.says(h.other(1), "dropped");
    await h.says(h.other(1), "after it");
    await h.victim.receives(h.id, "after it");
    await hears("and on", ["dropped"]);
  });

  it("drops a commit: the victim comes in anew and reads on", async () => {
    await h.newGroup();
    lieOnce("commit", () => null);
    const second = await w.device(1);
    await second.ready(h.id);
    await h.says(h.other(1), "under the epoch that was hidden");
    await h.victim.until("anew", async () => (await h.notices()).includes("joined_here"));
    await hears("together again");
    await second.core.signOut();
  });

  it("replays a message under its own and under another place: it shows once", async () => {
    await h.newGroup();
    const seen: wire.LogEntry[] = [];
    h.lie((entry) => {
      if (entry.kind === "message") seen.push(entry);
      return entry;
    });
    await h.says(h.other(1), "once");
    await h.victim.receives(h.id, "once");
    const entry = at(seen, 0);
    w.server.push([h.victimClient], { t: "entry", entry });
    h.lie((one) => (one.kind === "message" ? { ...entry, seq: one.seq } : one));
    await h.says(h.other(2), "replaced by a replay");
    await hears("and on", ["replaced by a replay"]);
  });

  it("swaps two messages of one sender: neither shows twice, and talk goes on", async () => {
    await h.newGroup();
    const held: wire.LogEntry[] = [];
    h.lie((entry) => {
      if (entry.kind !== "message") return entry;
      held.push(entry);
      return null;
    });
    await h.says(h.other(1), "first");
    await h.says(h.other(1), "second");
    const [one, two] = [at(held, 0), at(held, 1)];
    h.lie((entry) => {
      if (entry.seq === one.seq) return { ...two, seq: one.seq };
      return entry.seq === two.seq ? { ...one, seq: two.seq } : entry;
    });
    await h.victim.restart();
    await h.victim.receives(h.id, "second");
    await hears("and on");
  });

  it("says another epoch of a message: nothing is shown before its time, and it comes back", async () => {
    await h.newGroup();
    lieOnce("message", (entry) => ({ ...entry, epoch: (entry.epoch ?? 0) + 5 }));
    await h.says(h.other(1), "of a later epoch");
    await h.victim.until("anew", async () => (await h.notices()).includes("joined_here"));
    await hears("together again");
  });

  it("changes a message's bytes: nothing is shown, and talk goes on", async () => {
    await h.newGroup();
    lieOnce("message", (entry) => ({ ...entry, payload: flipped(entry.payload) }));
    await h.says(h.other(1), "changed on its way");
    await hears("and on", ["changed on its way"]);
  });

  it("says that another sent a message: an alarm", async () => {
    await h.newGroup();
    const { clientId } = await h.other(3).core.state();
    lieOnce("message", (entry) => ({ ...entry, sender: clientId as never }));
    await h.says(h.other(1), "whose words");
    await h.alarmed("sender_mismatch");
    expect(await h.victim.texts(h.id)).toEqual(["before"]);
  });

  it("M3, E2: lets in a device that the roster does not name: an alarm", async () => {
    await h.newGroup();
    const { department } = w.server;
    const now = w.server.now;
    const identity = department.device();
    const checker = await department.checker(now);
    const mls = await createMls({ identity, checker, suite: 1, now });
    const everybody = { names: () => true };
    const join = await mls.joinByExternalCommit(cell().groupInfo, everybody);
    const entry: wire.LogEntry = {
      conversationId: h.id,
      seq: h.conversation.lastSeq + 1,
      kind: "commit",
      cellId: cell().cellId,
      epoch: cell().epoch,
      sender: identity.clientId,
      entryId: newId(),
      sentMs: now(),
      payload: join.commit,
    };
    w.server.push([h.victimClient], { t: "entry", entry });
    await h.alarmed("rule_violated");
    expect((await h.victim.core.encryption(h.id)).clients).toBe(9);
  });

  it("M5: hides a Remove: the victim sends nothing that who was removed could read", async () => {
    await h.newGroup();
    h.lie((entry) => (entry.kind === "proposal" || entry.kind === "commit" ? null : entry));
    await h.other(0).core.changeMembers(h.id, { remove: [h.other(7).person] });
    await h.victim.until("told", async () => (await h.notices()).includes("removed"));
    const posts = (): number => h.network.seen.filter((one) => one.endsWith("/messages")).length;
    const before = posts();
    const { messageId } = await h.victim.text(h.id, "not while they are in");
    await new Promise((resolve) => setTimeout(resolve, 500));
    expect(posts()).toBe(before);
    expect(await h.went(h.victim, messageId)).toBe(false);
    h.honest();
    await h.victim.restart();
    await h.other(0).receives(h.id, "not while they are in", 60_000);
    expect(await h.other(7).texts(h.id)).not.toContain("not while they are in");
  });

  it("M5: alters a Remove: an alarm, and nobody is removed by it", async () => {
    await h.newGroup();
    lieOnce("proposal", (entry) => ({ ...entry, payload: flipped(entry.payload) }));
    await h.other(0).core.changeMembers(h.id, { remove: [h.other(7).person] });
    await h.alarmed("rule_violated_4");
    expect((await h.victim.core.encryption(h.id)).clients).toBe(9);
  });
});

describe("a server that shows members different logs", () => {
  it("forks the cell: neither half reads or follows the other", async () => {
    const world = new CellWorld();
    const { groups } = await world.cellOf(3);
    const [a, b, c] = [at(groups, 0), at(groups, 1), at(groups, 2)];
    const shownToBoth = await a.commit([], world.roster);
    const shownToOne = await c.commit([], world.roster);
    const b1 = (await b.processHandshake(shownToBoth.commit, world.roster)).next;
    const [a1, c1] = [shownToBoth.next, shownToOne.next];
    expect(a1.epoch).toBe(c1.epoch);
    const said = await a1.encrypt(new Uint8Array([1]));
    expect((await b1.decrypt(said.message)).plaintext).toEqual(new Uint8Array([1]));
    await refusal(c1.decrypt(said.message));
    const next = await a1.commit([], world.roster);
    await b1.processHandshake(next.commit, world.roster);
    await refusal(c1.processHandshake(next.commit, world.roster));
  });
});

/**
 * A server that shows a device another past than the one that is: of a member's messages, of the
 * device's own, or of the signed roster, also with the help of a member or of the roster authority
 * (docs/threat-model.md).
 */
import { decode, encode } from "@msgpack/msgpack";
import { describe, expect, it } from "vitest";
import { parseSignedHeader } from "../src/cells/message.ts";
import type { HeaderFields } from "../src/cells/message.ts";
import { fromHex } from "../src/octets.ts";
import type * as wire from "../src/wire.ts";
import { resigned, signerOf } from "./forging.ts";
import { LIMIT_MS, hostileWorld } from "./hostile-world.ts";

const h = hostileWorld();
const { w, network } = h;
const ELSEWHERE = "ab".repeat(32);

/** The victim gets a member's sealed entries with other headers, which the member has signed. */
async function lieWithMember(index: number, change: Partial<HeaderFields>): Promise<void> {
  const signer = await signerOf(h.other(index));
  h.lieAboutSealed(({ sealed }) => {
    const own = parseSignedHeader(sealed).sender === signer.certificateHash;
    return own ? { sealed: resigned(signer, sealed, change) } : {};
  });
}

describe("a server that shows another past", { timeout: LIMIT_MS }, () => {
  it("R5: passes on a message that does not follow its sender's last one: an alarm", async () => {
    await h.newGroup();
    await h.says(h.other(1), "heard");
    await h.victim.receives(h.id, "heard");
    await lieWithMember(1, { prev: ELSEWHERE });
    await h.says(h.other(1), "after what others heard");
    await h.alarmed("chain_broken");
    expect(await h.victim.texts(h.id)).toEqual(["before", "heard"]);
  });

  it("R5: fills a gap with a message that the sender's next one does not follow: an alarm", async () => {
    await h.newGroup();
    await h.says(h.other(1), "heard");
    await h.victim.receives(h.id, "heard");
    // By the socket the second one never comes; in the log it is another than others have.
    await lieWithMember(1, { sentMs: 1 });
    w.server.pushes = (to, frame) => (to === h.victimClient && frame.t === "entry" ? null : frame);
    await h.says(h.other(1), "told otherwise");
    w.server.pushes = (_, frame) => frame;
    await h.says(h.other(1), "after it");
    await h.alarmed("chain_broken");
    expect(await h.victim.texts(h.id)).not.toContain("after it");
  });

  it("R4: passes on a message of who was shown another head of an epoch: an alarm", async () => {
    await h.newGroup();
    await lieWithMember(1, { rosterHash: ELSEWHERE });
    await h.says(h.other(1), "from another roster");
    await h.alarmed("roster_fork");
    expect(await h.victim.texts(h.id)).toEqual(["before"]);
  });

  it("R4: passes on a message under a head replaced two hours before: nothing is shown", async () => {
    await h.newGroup();
    const kept: wire.LogEntry[] = [];
    h.lie((entry) => {
      if (entry.kind !== "sealed") return entry;
      kept.push(entry);
      return null;
    });
    await h.says(h.other(1), "long ago");
    await h.other(0).core.changeMembers(h.id, { makeAdmin: [h.other(1).person] });
    await h.victim.until("admin", () => Promise.resolve(kept.length > 0));
    const [entry] = kept;
    if (entry === undefined) throw new Error("nothing kept");
    network.rewrite = null;
    w.server.pushes = (_, frame) => frame;
    const later = { seq: h.conversation.lastSeq + 1, sentMs: w.server.now() + 2 * 3_600_000 };
    // It takes a place in the log that the server will give to another, too.
    await h.victim.until("the new head", async () => {
      w.server.push([h.victimClient], { t: "entry", entry: { ...entry, ...later } });
      await new Promise((resolve) => setTimeout(resolve, 100));
      return (await h.victim.core.encryption(h.id)).refused > 0;
    });
    await h.says(h.other(4), "takes that place");
    await h.says(h.other(4), "after the lie");
    await h.victim.receives(h.id, "after the lie");
    expect(await h.victim.texts(h.id)).not.toContain("long ago");
    expect((await h.victim.core.conversation(h.id)).state).toBe("ready");
  });

  it("R4: keeps the victim on an old roster: who came in since is not believed", async () => {
    await h.newGroup();
    const hidden = (entry: wire.LogEntry) => (entry.kind === "roster" ? null : entry);
    h.lie(hidden);
    const log = network.rewrite;
    network.rewrite = (path, body) =>
      path.endsWith("/roster/heads") ? { heads: [] } : (log?.(path, body) ?? body);
    const neighbour = await h.beside(false);
    const newcomer = await w.device(h.others.indexOf(neighbour));
    await newcomer.ready(h.id);
    await h.says(newcomer, "you do not know me");
    await h.seenThrough("you do not know me");
    // Once it is told of them, it believes them.
    await h.says(newcomer, "now you do");
    await h.victim.receives(h.id, "now you do");
    await newcomer.core.signOut();
  });

  it("M1: shows a second signed head for an epoch: an alarm", async () => {
    await h.newGroup();
    const { conversation } = h;
    const account = w.server.account(h.victimClient);
    const { department } = w.server;
    const [head] = conversation.heads(account, 1, 1).heads;
    if (head === undefined) throw new Error("no head");
    const places = [{ cellId: await h.cellOf(h.victim), client: department.device() }];
    const other = department.signRoster(h.id, places, { head, epoch: 1 });
    await h.other(0).core.changeMembers(h.id, { makeAdmin: [h.other(1).person] });
    await h.victim.until("the true second", async () => {
      return (await h.notices()).includes("made_admin");
    });
    h.lie((entry) => {
      if (entry.kind !== "roster") return entry;
      const change = decode(entry.payload) as wire.RosterChange;
      return { ...entry, payload: encode({ ...change, head: other.head }) };
    });
    await h.other(0).core.changeMembers(h.id, { makeAdmin: [h.other(2).person] });
    await h.alarmed("roster_fork");
  });

  it("S8: takes the victim's own chain back: an alarm, and no seq is used twice", async () => {
    await h.newGroup();
    const seqs: number[] = [];
    network.forge = (path, body) => {
      if (path.endsWith("/sealed"))
        seqs.push(parseSignedHeader((body as wire.PostSealed).sealed).seq);
      return body;
    };
    await h.says(h.victim, "one");
    const first = h.conversation.chain(w.server.account(h.victimClient));
    await h.says(h.victim, "two");
    network.refuse = (path, method) =>
      method === "POST" && path.endsWith("/sealed") ? "chain_broken" : null;
    network.rewrite = (path, body) => (path.endsWith("/sealed/chain") ? first : body);
    await h.victim.text(h.id, "three");
    await h.alarmed("chain_went_back");
    expect(seqs).toEqual([...new Set(seqs)]);
  });

  it("S8: shows another header of the victim's own last place: an alarm", async () => {
    await h.newGroup();
    await h.says(h.victim, "one");
    const { seq } = h.conversation.chain(w.server.account(h.victimClient));
    network.refuse = (path, method) =>
      method === "POST" && path.endsWith("/sealed") ? "chain_broken" : null;
    const told = { seq, prev: fromHex(ELSEWHERE) };
    network.rewrite = (path, body) => (path.endsWith("/sealed/chain") ? told : body);
    await h.victim.text(h.id, "two");
    await h.alarmed("chain_went_back");
  });

  it("S8: says that another's message is the victim's own: its chain stays where it is", async () => {
    await h.newGroup();
    await h.says(h.victim, "one");
    h.lie((entry) =>
      entry.kind === "sealed" ? { ...entry, sender: h.victimClient as never } : entry,
    );
    for (const text of ["a", "b", "not the victim's"]) await h.says(h.other(1), text);
    await h.seenThrough("not the victim's");
    await h.says(h.victim, "two");
    await h.other(2).receives(h.id, "two");
  });
});

describe("a server that substitutes seals", { timeout: LIMIT_MS }, () => {
  it("R6, S6: by that of another message of the same sender for the same cell", async () => {
    await h.newGroup();
    let another: Uint8Array | null = null;
    h.lieAboutSealed(({ seal }) => {
      another ??= seal;
      return { seal: another };
    });
    await h.says(h.other(1), "its own seal");
    await h.victim.receives(h.id, "its own seal");
    await h.says(h.other(1), "under another's seal");
    await h.seenThrough("under another's seal");
  });

  it("R6, S6: by that of the same message for another cell", async () => {
    await h.newGroup();
    const foreign = await h.cellOf(await h.beside(false));
    h.lie((entry) => {
      if (entry.kind !== "sealed") return entry;
      const seal = h.conversation.log[entry.seq - 1]?.sealed?.seals.get(foreign) ?? null;
      const payload = decode(entry.payload) as wire.SealedPayload;
      return { ...entry, payload: encode({ ...payload, seal }) };
    });
    await h.says(h.other(1), "under a neighbour's seal");
    await h.seenThrough("under a neighbour's seal");
  });
});

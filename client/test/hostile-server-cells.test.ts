/**
 * A server that lies about conversations of several cells, case by case as docs/threat-model.md
 * lists them: each lie is detected, or harmless.
 */
import { decode, encode } from "@msgpack/msgpack";
import { describe, expect, it } from "vitest";
import { encodeRecord, makeRecord, parseRecord } from "../src/cells/record.ts";
import { randomBytes } from "../src/octets.ts";
import { nobleEd25519 } from "../src/trust/ed25519.ts";
import type * as wire from "../src/wire.ts";
import { LIMIT_MS, flipped, hostileWorld } from "./hostile-world.ts";

const h = hostileWorld();
const { w, network } = h;

describe("a server that changes sealed messages", { timeout: LIMIT_MS }, () => {
  it("drops one: the sender's next one shows the gap", async () => {
    await h.newGroup();
    const dropped = await h.says(h.other(1), "heard").then(async () => {
      await h.victim.receives(h.id, "heard");
      let gone = "";
      h.lie((entry) => {
        if (entry.kind !== "sealed" || (gone !== "" && entry.entryId !== gone)) return entry;
        gone = entry.entryId;
        return null;
      });
      await h.says(h.other(1), "swallowed");
      return gone;
    });
    await h.says(h.other(1), "after it");
    await h.victim.receives(h.id, "after it");
    expect(dropped).not.toBe("");
    expect(await h.victim.texts(h.id)).toEqual(["before", "heard", "after it"]);
    expect(await h.notices()).toContain("gap");
    // Once it no longer hides it, what is shown stays: the gap is not filled by old entries.
    expect((await h.victim.core.conversation(h.id)).state).toBe("ready");
  });

  it("hides one from the socket alone: it is fetched from the log, without a gap", async () => {
    await h.newGroup();
    await h.says(h.other(1), "heard");
    await h.victim.receives(h.id, "heard");
    let hidden = false;
    w.server.pushes = (clientId, frame) => {
      if (clientId !== h.victimClient || frame.t !== "entry" || hidden) return frame;
      hidden = true;
      return null;
    };
    await h.says(h.other(1), "hidden");
    await h.says(h.other(1), "after it");
    await h.victim.receives(h.id, "after it");
    expect(new Set(await h.victim.texts(h.id))).toEqual(
      new Set(["before", "heard", "hidden", "after it"]),
    );
    expect(await h.notices()).not.toContain("gap");
  });

  it("replays one under another place in the log: it shows once", async () => {
    await h.newGroup();
    let first: wire.LogEntry | null = null;
    h.lie((entry) => {
      if (entry.kind !== "sealed") return entry;
      first ??= entry;
      return { ...first, seq: entry.seq };
    });
    await h.says(h.other(1), "once");
    await h.says(h.other(2), "replaced by a replay");
    await h.victim.receives(h.id, "once");
    h.honest();
    await h.says(h.other(3), "after it");
    await h.victim.receives(h.id, "after it");
    expect(await h.victim.texts(h.id)).toEqual(["before", "once", "after it"]);
  });

  it("reorders two of one sender: the second shows a gap, the first is not shown after it", async () => {
    await h.newGroup();
    await h.says(h.other(1), "heard");
    await h.victim.receives(h.id, "heard");
    const held: wire.LogEntry[] = [];
    h.lie((entry) => {
      if (entry.kind !== "sealed") return entry;
      held.push(entry);
      return null;
    });
    await h.says(h.other(1), "first");
    await h.says(h.other(1), "second");
    await h.victim.until("held", () => Promise.resolve(held.length >= 2));
    const [one, two] = held;
    if (one === undefined || two === undefined) throw new Error("nothing held");
    w.server.pushes = (_, frame) => frame;
    network.rewrite = (path, body) =>
      path.endsWith("/log") ? { ...(body as object), entries: [] } : body;
    const swapped = [
      { ...two, seq: one.seq },
      { ...one, seq: two.seq },
    ];
    for (const entry of swapped) w.server.push([h.victimClient], { t: "entry", entry });
    await h.victim.receives(h.id, "second");
    network.rewrite = null;
    await h.says(h.other(2), "after it");
    await h.victim.receives(h.id, "after it");
    expect(await h.victim.texts(h.id)).toEqual(["before", "heard", "second", "after it"]);
    expect(await h.notices()).toContain("gap");
  });

  it.each<[string, (payload: wire.SealedPayload) => Partial<wire.SealedPayload>]>([
    ["the body", ({ body }) => ({ body: flipped(body) })],
    ["the header", ({ sealed }) => ({ sealed: flipped(sealed, 100) })],
    ["the signature", ({ sealed }) => ({ sealed: flipped(sealed) })],
    ["the seal's key", ({ seal }) => ({ seal: seal && flipped(seal) })],
    ["the seal's cell", ({ seal }) => ({ seal: seal && flipped(seal, 3) })],
    ["the certificate", ({ certificate }) => ({ certificate: flipped(certificate) })],
    ["the proof", ({ proof }) => ({ proof: flipped(proof) })],
    ["everything", () => ({ sealed: randomBytes(327) })],
  ])("substitutes %s: nothing is shown, the cause is kept, the talk goes on", async (_, change) => {
    await h.newGroup();
    h.lieAboutSealed(change);
    await h.says(h.other(1), "changed on its way");
    await h.seenThrough("changed on its way");
  });

  it("withholds the seal: the message waits and is counted, and opens when it comes", async () => {
    await h.newGroup();
    h.lieAboutSealed(() => ({ seal: null }));
    await h.says(h.other(1), "withheld");
    await h.victim.until(
      "waiting",
      async () => (await h.victim.core.encryption(h.id)).waiting === 1,
    );
    expect(await h.victim.texts(h.id)).toEqual(["before"]);
    h.honest();
    await h.victim.restart();
    await h.victim.receives(h.id, "withheld");
    expect((await h.victim.core.encryption(h.id)).waiting).toBe(0);
  });

  it("says that another sent it: nothing is shown", async () => {
    await h.newGroup();
    const another = (await h.other(3).core.state()).clientId;
    h.lie((entry) => (entry.kind === "sealed" ? { ...entry, sender: another as never } : entry));
    await h.says(h.other(1), "whose words");
    await h.seenThrough("whose words");
  });
});

describe("a server that changes rosters and keys", { timeout: LIMIT_MS }, () => {
  it("shows a roster head that the authority did not sign: an alarm", async () => {
    await h.newGroup();
    h.lie((entry) => {
      if (entry.kind !== "roster") return entry;
      const change = decode(entry.payload) as wire.RosterChange;
      return { ...entry, payload: encode({ ...change, head: flipped(change.head) }) };
    });
    await h.other(0).core.changeMembers(h.id, { makeAdmin: [h.other(1).person] });
    await h.other(0).core.changeMembers(h.id, { remove: [h.other(7).person] });
    await h.alarmed("roster_bad_signature");
  });

  it.each<[string, string, (leaves: readonly wire.RosterLeaf[]) => readonly wire.RosterLeaf[]]>([
    [
      "puts a stranger's leaf into",
      "roster_root_mismatch",
      ([first, ...rest]) => [
        { ...(first as wire.RosterLeaf), certificateHash: "0".repeat(64) },
        ...rest,
      ],
    ],
    ["takes a leaf out of", "roster_malformed", (leaves) => leaves.slice(1)],
  ])("M2: %s the cell's roster: an alarm", async (_, alarm, change) => {
    await h.newGroup();
    network.rewrite = (path, body) => {
      if (!/\/cells\/[0-9a-f]+\/roster$/u.test(path)) return body;
      const roster = body as wire.CellRoster;
      return { ...roster, leaves: change(roster.leaves) };
    };
    // The victim's own cell changes, so that its roster is fetched.
    const second = await w.device(8);
    await h.alarmed(alarm);
    await second.core.signOut();
  });

  it("goes back to an older roster: an alarm", async () => {
    await h.newGroup();
    let old: wire.CellRoster | null = null;
    network.rewrite = (path, body) => {
      if (!/\/cells\/[0-9a-f]+\/roster$/u.test(path)) return body;
      old ??= body as wire.CellRoster;
      return old;
    };
    for (let round = 0; round < 2; round++) {
      const second = await w.device(8);
      await second.core.signOut();
    }
    await h.alarmed("roster_not_an_extension");
  });

  it("substitutes a cell's key by one of its own: the victim does not seal for it", async () => {
    await h.newGroup();
    const mallory = w.server.department.device();
    const stored: string[] = [];
    network.seen.length = 0;
    const forged = await Promise.all(
      h.keys().keys.map(async (key) => {
        const real = parseRecord(key.record);
        const record = await makeRecord(
          { ...real, createdMs: Date.now(), signer: mallory.certificateHash },
          randomBytes(32),
          (message) => nobleEd25519.sign(mallory.signaturePrivateKey, message),
        );
        stored.push(record.keyId);
        return { ...key, record: encodeRecord(record), certificate: mallory.certificate };
      }),
    );
    network.rewrite = (path, body) =>
      path.endsWith("/keys") ? { ...(body as wire.CellKeys), version: 10_000, keys: forged } : body;
    await h.victim.text(h.id, "for their eyes");
    await h.askedForKeys();
    expect((await h.victim.core.state()).outbox).toBe(1);
    expect(w.server.conversations.get(h.id)?.log.at(-1)?.entry.sender).not.toBe(h.victimClient);
    // The honest keys again: it goes out.
    const honest = h.keys();
    network.rewrite = (path, body) => (path.endsWith("/keys") ? honest : body);
    await h.other(4).receives(h.id, "for their eyes", 60_000);
    expect(stored).toHaveLength(3);
  });
});

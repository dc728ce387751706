/**
 * A server that lies about conversations of several cells, case by case as docs/threat-model.md
 * lists them: each lie is detected, or harmless.
 */
import { decode, encode } from "@msgpack/msgpack";
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import { encodeRecord, makeRecord, parseRecord } from "../src/cells/record.ts";
import { randomBytes } from "../src/octets.ts";
import { nobleEd25519 } from "../src/trust/ed25519.ts";
import type * as wire from "../src/wire.ts";
import { MemoryWorld } from "./memory/world.ts";
import { Network } from "./network.ts";
import type { Officer } from "./officer.ts";
import { groupOf, joinMany } from "./several-cells.scenarios.ts";

const LIMIT_MS = 120_000;
const w = new MemoryWorld(8);
/** The one who is lied to. */
const network = new Network(w.fetch);
let victim: Officer;
let victimClient = "";
let others: Officer[] = [];
let id = "";

beforeAll(async () => {
  others = await joinMany(w, 8);
  victim = await w.join({ fetch: network.fetch });
  victimClient = (await victim.core.state()).clientId ?? "";
}, LIMIT_MS);
afterAll(() => w.close());
afterEach(() => {
  w.server.pushes = (_, frame) => frame;
  network.rewrite = null;
});

async function newGroup(): Promise<void> {
  id = await groupOf([...others, victim]);
  await says(other(0), "before");
  await victim.receives(id, "before");
}

function other(index: number): Officer {
  return others[index] as Officer;
}

async function says(officer: Officer, text: string): Promise<string> {
  const { messageId } = await officer.text(id, text);
  await officer.until("sent", async () => (await officer.core.state()).outbox === 0);
  return messageId;
}

/** Change the log entries that the victim gets, on both ways to it; null: it gets none. */
function lie(change: (entry: wire.LogEntry) => wire.LogEntry | null): void {
  w.server.pushes = (clientId, frame) => {
    if (clientId !== victimClient || frame.t !== "entry") return frame;
    const entry = change(frame.entry);
    return entry && { t: "entry", entry };
  };
  network.rewrite = (path, body) => {
    if (!path.endsWith("/log")) return body;
    const page = body as wire.LogPage;
    return { ...page, entries: page.entries.map(change).filter((entry) => entry !== null) };
  };
}

/** Change the payload of sealed entries that a person of ours sends from now on. */
function lieAboutSealed(
  change: (payload: wire.SealedPayload) => Partial<wire.SealedPayload>,
): void {
  lie((entry) => {
    if (entry.kind !== "sealed") return entry;
    const payload = decode(entry.payload) as wire.SealedPayload;
    return { ...entry, payload: encode({ ...payload, ...change(payload) }) };
  });
}

async function refused(): Promise<number> {
  return (await victim.core.encryption(id)).refused;
}

/** The victim has seen through a message: it shows nothing of it, and what follows as ever. */
async function seenThrough(text: string): Promise<void> {
  await victim.until("refused", async () => (await refused()) > 0);
  w.server.pushes = (_, frame) => frame;
  network.rewrite = null;
  await says(other(4), "after the lie");
  await victim.receives(id, "after the lie");
  expect(await victim.texts(id)).not.toContain(text);
  expect((await victim.core.conversation(id)).state).toBe("ready");
}

async function alarmed(alarm: string): Promise<void> {
  await victim.until("alarm", async () => {
    const item = await victim.core.conversation(id);
    return item.state === "alarm" && item.alarm === alarm;
  });
  await expect(victim.text(id, "hello?")).rejects.toMatchObject({ code: "security_alarm" });
}

function flipped(bytes: Uint8Array, at = bytes.length - 1): Uint8Array {
  const changed = bytes.slice();
  changed[at] = (changed[at] ?? 0) ^ 1;
  return changed;
}

async function notices(): Promise<readonly string[]> {
  const { messages } = await victim.core.messages(id, null, 50);
  return messages.map(({ body }) => (body.kind === "notice" ? body.notice.kind : body.kind));
}

describe("a server that changes sealed messages", { timeout: LIMIT_MS }, () => {
  it("drops one: the sender's next one shows the gap", async () => {
    await newGroup();
    const dropped = await says(other(1), "heard").then(async () => {
      await victim.receives(id, "heard");
      let gone = "";
      lie((entry) => {
        if (entry.kind !== "sealed" || (gone !== "" && entry.entryId !== gone)) return entry;
        gone = entry.entryId;
        return null;
      });
      await says(other(1), "swallowed");
      return gone;
    });
    await says(other(1), "after it");
    await victim.receives(id, "after it");
    expect(dropped).not.toBe("");
    expect(await victim.texts(id)).toEqual(["before", "heard", "after it"]);
    expect(await notices()).toContain("gap");
    // Once it no longer hides it, what is shown stays: the gap is not filled by old entries.
    expect((await victim.core.conversation(id)).state).toBe("ready");
  });

  it("hides one from the socket alone: it is fetched from the log, without a gap", async () => {
    await newGroup();
    await says(other(1), "heard");
    await victim.receives(id, "heard");
    let hidden = false;
    w.server.pushes = (clientId, frame) => {
      if (clientId !== victimClient || frame.t !== "entry" || hidden) return frame;
      hidden = true;
      return null;
    };
    await says(other(1), "hidden");
    await says(other(1), "after it");
    await victim.receives(id, "after it");
    expect(new Set(await victim.texts(id))).toEqual(
      new Set(["before", "heard", "hidden", "after it"]),
    );
    expect(await notices()).not.toContain("gap");
  });

  it("replays one under another place in the log: it shows once", async () => {
    await newGroup();
    let first: wire.LogEntry | null = null;
    lie((entry) => {
      if (entry.kind !== "sealed") return entry;
      first ??= entry;
      return { ...first, seq: entry.seq };
    });
    await says(other(1), "once");
    await says(other(2), "replaced by a replay");
    await victim.receives(id, "once");
    network.rewrite = null;
    w.server.pushes = (_, frame) => frame;
    await says(other(3), "after it");
    await victim.receives(id, "after it");
    expect(await victim.texts(id)).toEqual(["before", "once", "after it"]);
  });

  it("reorders two of one sender: the second shows a gap, the first is not shown after it", async () => {
    await newGroup();
    await says(other(1), "heard");
    await victim.receives(id, "heard");
    const held: wire.LogEntry[] = [];
    lie((entry) => {
      if (entry.kind !== "sealed") return entry;
      held.push(entry);
      return null;
    });
    await says(other(1), "first");
    await says(other(1), "second");
    await victim.until("held", () => Promise.resolve(held.length >= 2));
    const [one, two] = held;
    if (one === undefined || two === undefined) throw new Error("nothing held");
    w.server.pushes = (_, frame) => frame;
    network.rewrite = (path, body) =>
      path.endsWith("/log") ? { ...(body as object), entries: [] } : body;
    const swapped = [
      { ...two, seq: one.seq },
      { ...one, seq: two.seq },
    ];
    for (const entry of swapped) w.server.push([victimClient], { t: "entry", entry });
    await victim.receives(id, "second");
    network.rewrite = null;
    await says(other(2), "after it");
    await victim.receives(id, "after it");
    expect(await victim.texts(id)).toEqual(["before", "heard", "second", "after it"]);
    expect(await notices()).toContain("gap");
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
    await newGroup();
    lieAboutSealed(change);
    await says(other(1), "changed on its way");
    await seenThrough("changed on its way");
  });

  it("withholds the seal: the message waits and is counted, and opens when it comes", async () => {
    await newGroup();
    lieAboutSealed(() => ({ seal: null }));
    await says(other(1), "withheld");
    await victim.until("waiting", async () => (await victim.core.encryption(id)).waiting === 1);
    expect(await victim.texts(id)).toEqual(["before"]);
    w.server.pushes = (_, frame) => frame;
    network.rewrite = null;
    await victim.restart();
    await victim.receives(id, "withheld");
    expect((await victim.core.encryption(id)).waiting).toBe(0);
  });

  it("says that another sent it: nothing is shown", async () => {
    await newGroup();
    const another = (await other(3).core.state()).clientId;
    lie((entry) => (entry.kind === "sealed" ? { ...entry, sender: another as never } : entry));
    await says(other(1), "whose words");
    await seenThrough("whose words");
  });
});

describe("a server that changes rosters and keys", { timeout: LIMIT_MS }, () => {
  it("shows a roster head that the authority did not sign: an alarm", async () => {
    await newGroup();
    lie((entry) => {
      if (entry.kind !== "roster") return entry;
      const change = decode(entry.payload) as wire.RosterChange;
      return { ...entry, payload: encode({ ...change, head: flipped(change.head) }) };
    });
    await other(0).core.changeMembers(id, { makeAdmin: [other(1).person] });
    await other(0).core.changeMembers(id, { remove: [other(7).person] });
    await alarmed("roster_bad_signature");
  });

  it("puts a stranger's leaf into the cell's roster, or takes one out: an alarm", async () => {
    await newGroup();
    network.rewrite = (path, body) => {
      if (!/\/cells\/[0-9a-f]+\/roster$/u.test(path)) return body;
      const roster = body as wire.CellRoster;
      const [first, ...rest] = roster.leaves;
      if (first === undefined) throw new Error("no leaves");
      return { ...roster, leaves: [{ ...first, certificateHash: "0".repeat(64) }, ...rest] };
    };
    // The victim's own cell changes, so that its roster is fetched.
    const second = await w.device(8);
    await alarmed("roster_root_mismatch");
    await second.core.signOut();
  });

  it("goes back to an older roster: an alarm", async () => {
    await newGroup();
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
    await alarmed("roster_not_an_extension");
  });

  it("substitutes a cell's key by one of its own: the victim does not seal for it", async () => {
    await newGroup();
    const mallory = w.server.department.device();
    const stored: string[] = [];
    network.seen.length = 0;
    const forged = await Promise.all(
      (await keysOf()).keys.map(async (key) => {
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
    await victim.text(id, "for their eyes");
    await victim.until("asked for keys", () => Promise.resolve(network.seen.some(isKeys)));
    expect((await victim.core.state()).outbox).toBe(1);
    expect(w.server.conversations.get(id)?.log.at(-1)?.entry.sender).not.toBe(victimClient);
    // The honest keys again: it goes out.
    const honest = await keysOf();
    network.rewrite = (path, body) => (path.endsWith("/keys") ? honest : body);
    await other(4).receives(id, "for their eyes", 60_000);
    expect(stored).toHaveLength(3);
  });
});

function isKeys(request: string): boolean {
  return request === `GET /v1/conversations/${id}/keys`;
}

async function keysOf(): Promise<wire.CellKeys> {
  const conversation = w.server.conversations.get(id);
  if (conversation === undefined) throw new Error("no conversation");
  return Promise.resolve(conversation.keys(w.server.account(victimClient), 0));
}

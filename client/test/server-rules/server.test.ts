/** The server in memory keeps the server's own rules of docs/keys.md: D1 to D7, E2. */
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { fromHex, randomBytes, toHex, utf8 } from "#core/octets.ts";
import { openConversationKey } from "#core/keys/conversation-key.ts";
import { X25519 } from "#core/keys/hpke.ts";
import { idOf, newId, type ConversationId, type DeviceId } from "#core/ids.ts";
import { parseMessage, bodyKey, openBody } from "#core/keys/message.ts";
import { HOUR_MS, MINUTE_MS } from "#core/keys/format/times.ts";
import { directId } from "#core/keys/roster/direct.ts";
import { checkProof } from "#core/keys/roster/proof.ts";
import { Insider } from "../support/insider.ts";
import { MemoryServer } from "../memory/server.ts";

let server: MemoryServer;
let a: Insider;
let b: Insider;
let id: ConversationId;
let laterMs = 0;

function directOf(one: Insider, other: Insider): ConversationId {
  return idOf(directId(fromHex(one.personId), fromHex(other.personId)));
}

async function openDirect(): Promise<ConversationId> {
  const { conversationId } = await a.api.createConversation({
    ...{ conversationId: directOf(a, b), kind: "direct", personIds: [b.personId] },
    ...{ whoMaySend: "everyone", historyDays: null, audience: null },
  });
  return conversationId;
}

async function group(...others: readonly Insider[]): Promise<ConversationId> {
  const { conversationId } = await a.api.createConversation({
    ...{ conversationId: newId(), kind: "group" },
    personIds: others.map(({ personId }) => personId),
    ...{ whoMaySend: "everyone", historyDays: 0, audience: null },
  });
  return conversationId;
}

function remove(conversationId: ConversationId, who: Insider) {
  return a.api.changeMembers(conversationId, {
    ...{ changeId: newId(), add: [], makeAdmin: [], revokeAdmin: [], asked: false },
    remove: [who.personId],
  });
}

beforeEach(async () => {
  laterMs = 0;
  server = await MemoryServer.start({ now: () => Date.now() + laterMs, cellSize: 3 });
  a = await Insider.register(server, 0);
  b = await Insider.register(server, 1);
  id = await openDirect();
});

afterEach(() => server.close());

describe("one direct conversation", () => {
  it("lists both devices, hands out the key's seal and the message", async () => {
    const head = await b.head(id);
    const { proofs } = await b.api.proofs(id, { epoch: 0, devices: [a.signer.device] });
    const { leaf } = checkProof(head, a.signer.device, proofs[0] as Uint8Array, "R2");
    expect(leaf.person).toBe(a.personId);
    const key = await a.makeKey(id);
    await a.post(id, await a.message(id, key, utf8("hello")));
    const page = await b.api.log(id, { after: 0, limit: 10 });
    expect(page.keys).toHaveLength(1);
    const keyId = fromHex(await b.ownKeyId(X25519));
    const opener = { kem: X25519, keyId, privateKey: b.privateKey(X25519) } as const;
    const secret = await openConversationKey(key.record, page.keys[0]?.seal as Uint8Array, opener);
    const message = parseMessage(page.entries[0]?.message as Uint8Array, fromHex(id));
    const text = await openBody(message, bodyKey(message.header, secret));
    expect(new TextDecoder().decode(text)).toBe("hello");
  });

  it("D6 answers a repeat as it answered the first", async () => {
    const key = await a.makeKey(id);
    const message = await a.message(id, key, utf8("once"));
    const first = await a.post(id, message);
    expect(await a.post(id, message)).toEqual(first);
    expect(server.conversation(id).log).toHaveLength(1);
  });
});

describe("D1", () => {
  const refused = async (change: Parameters<Insider["message"]>[3], code: string) => {
    const key = await a.makeKey(id);
    const message = await a.message(id, key, utf8("x"), change);
    await expect(a.post(id, message)).rejects.toMatchObject({ code });
    expect(server.conversation(id).log).toHaveLength(0);
  };

  it("refuses another sender's name", () =>
    refused({ sender: b.signer.deviceBytes }, "message_invalid"));
  it("refuses an unknown key", () => refused({ key: randomBytes(32) }, "stale_key"));
  it("refuses a head that is not this conversation's", () =>
    refused({ head: randomBytes(32) }, "stale_head"));
  it("refuses what was sent long ago", () =>
    refused({ sent: Date.now() - 11 * MINUTE_MS }, "stale_head"));
  it("refuses a seq that is not the next", () => refused({ seq: 3 }, "not_next"));
  it("refuses a chain that is another", () =>
    refused({ seq: 1, previous: randomBytes(32) }, "not_next"));

  it("refuses a key of 25 hours, and the head of 11 minutes ago", async () => {
    const key = await a.makeKey(id);
    const old = await a.message(id, key, utf8("x"));
    laterMs = 25 * HOUR_MS;
    await expect(a.post(id, old)).rejects.toMatchObject({ code: "stale_head" });
    const message = await a.message(id, key, utf8("x"));
    await expect(a.post(id, message)).rejects.toMatchObject({ code: "stale_key" });
  });

  it("refuses older keys from the removal on, and the removed sender", async () => {
    const c = await Insider.register(server, 2);
    const g = await group(b, c);
    const key = await a.makeKey(g);
    await a.post(g, await a.message(g, key, utf8("to three")));
    const late = await c.message(g, key, utf8("still here"));
    await remove(g, c);
    await expect(c.post(g, late)).rejects.toMatchObject({ code: "not_member" });
    const message = await a.message(g, key, utf8("under the old key"));
    await expect(a.post(g, message)).rejects.toMatchObject({ code: "stale_key" });
    const next = await a.makeKey(g);
    await a.post(g, await a.message(g, next, utf8("to two")));
    expect(server.conversation(g).log).toHaveLength(2);
  });
});

describe("D2", () => {
  it("refuses a second key while the author can open one", async () => {
    await a.makeKey(id);
    await expect(b.makeKey(id)).rejects.toMatchObject({ code: "have_key" });
  });

  it("lets a device that was sealed rubbish make its own", async () => {
    const { record } = await a.makeKey(id, { sealed: randomBytes(32) });
    const reference = toHex(record.hash).slice(0, 32);
    await b.api.requestShares(id, { references: [{ kind: 1, reference }] });
    await b.makeKey(id);
    expect(server.conversation(id).keys).toHaveLength(2);
  });

  it("refuses seals that leave a device out without saying so, and seals for strangers", async () => {
    const c = await Insider.register(server, 2);
    const g = await group(b);
    const left = { leftOut: [b.signer.device] };
    await a.makeKey(g, left);
    const h = await group(b, c);
    const made = await a.makeKey(h);
    const seals = [...(server.conversation(h).keys[0]?.seals.values() ?? [])];
    const keyOf = (device: DeviceId) => server.people.clientOf(device)?.keys[0]?.keyId;
    const forC = seals.find((seal) => toHex(seal.subarray(0, 16)) === keyOf(c.signer.device));
    const body = { record: made.record.bytes, seals: forC as Uint8Array, leftOut: [] };
    const other = await group(b);
    await expect(a.api.submitKey(other, body)).rejects.toMatchObject({ code: "record_invalid" });
    const fewer = { ...left, created: Date.now() + 1 };
    await expect(a.makeKey(h, { ...fewer, leftOut: [] })).rejects.toMatchObject({
      code: "have_key",
    });
  });

  it("refuses records of another day", async () => {
    const created = Date.now() + 20 * MINUTE_MS;
    await expect(a.makeKey(id, { created })).rejects.toMatchObject({ code: "stale_record" });
  });
});

describe("D3", () => {
  it("refuses a device key of small order", async () => {
    await expect(a.publishKey(X25519, new Uint8Array(32), 2)).rejects.toMatchObject({
      code: "record_invalid",
    });
  });
});

describe("E2", () => {
  it("lists nobody who is not confirmed, and nobody any more who was revoked", async () => {
    const second = await Insider.register(server, 1);
    expect(server.judge.verdict(second.signer.device)).toBe("no");
    expect((await a.head(id)).devices).toBe(2);
    await expect(second.head(id)).rejects.toMatchObject({ code: "device_unconfirmed" });
    await b.signOut();
    expect((await a.head(id)).devices).toBe(1);
    expect(server.judge.verdict(second.signer.device)).toBe("no");
  });

  it("under policy approval lists a first device once the desk endorses it", async () => {
    await server.close();
    server = await MemoryServer.start({ policy: "approval" });
    server.approves = false;
    a = await Insider.register(server, 0);
    await expect(openDirect()).rejects.toMatchObject({ code: "device_unconfirmed" });
    await server.approve(a.signer.clientId);
    await openDirect();
    expect((await a.head(directOf(a, b))).devices).toBe(1);
    expect((await a.api.me()).confirmed).toBe("admin");
  });
});

describe("a restored server", () => {
  it("signs rosters of higher epochs, which end former keys", async () => {
    const backup = server.backup();
    const key = await a.makeKey(id);
    await a.post(id, await a.message(id, key, utf8("lost")));
    const restoredMs = server.now();
    await server.restore(backup);
    const head = await a.head(id);
    // The Incarnation's number is the time.
    expect(head.epoch).toBeGreaterThanOrEqual(restoredMs);
    expect(head.rekeyEpoch).toBe(head.epoch);
    const { header } = await a.api.senderChain(id);
    expect(header).toBeNull();
    const message = await a.message(id, key, utf8("again"), {
      seq: 1,
      previous: new Uint8Array(32),
    });
    await expect(a.post(id, message)).rejects.toMatchObject({ code: "stale_key" });
  });
});

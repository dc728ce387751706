/** What a member with a changed app can do to others, and what a server can say that is not so. */
import { decode, encode } from "@msgpack/msgpack";
import { describe, expect, it } from "vitest";
import type { Fetch } from "../src/transport/http.ts";
import type { Conversation, PostMessage, UploadCommit } from "../src/wire.ts";
import type { Officer } from "./officer.ts";
import { world } from "./world.ts";

const w = world();

async function group(admin: Officer, others: readonly Officer[]): Promise<string> {
  const { conversationId } = await admin.core.createGroup({
    title: "Night patrol",
    personIds: await Promise.all(others.map((officer) => officer.personId)),
    photo: null,
    whoMayPost: "everyone",
  });
  await Promise.all([admin, ...others].map((officer) => officer.ready(conversationId)));
  return conversationId;
}

describe("a hostile member", () => {
  it("bricks a cell only until it is removed: the others go on in a fresh one", async () => {
    const net = { lie: false };
    const lying: Fetch = async (url, init) => {
      if (!net.lie || !url.endsWith("/commits")) return fetch(url, init);
      const body = decode(init.body as Uint8Array) as UploadCommit;
      const spoil = (bytes: Uint8Array): Uint8Array => {
        const copy = Uint8Array.from(bytes);
        copy[copy.length - 1] = (copy.at(-1) ?? 0) ^ 1;
        return copy;
      };
      const { commit, groupInfo } = body;
      const lie = { ...body, commit: spoil(commit), groupInfo: spoil(groupInfo), welcome: null };
      const told = encode({ ...lie, welcomeClients: [] });
      return fetch(url, { ...init, body: new Uint8Array(told) });
    };
    const [alice, bob] = [await w.join(), await w.join()];
    const mallory = await w.join({ fetch: lying });
    const carol = await w.join();
    const id = await group(alice, [bob, mallory, carol]);
    await alice.text(id, "before");
    for (const officer of [bob, mallory, carol]) await officer.receives(id, "before");

    // Carol leaves; only Mallory is there to commit her Remove.
    await alice.core.close();
    await bob.core.close();
    net.lie = true;
    await carol.core.leave(id);
    await mallory.until("lied", async () => (await mallory.core.encryption(id)).clients === 3);
    await alice.restart();
    await bob.restart();
    await alice.until("outside", async () => {
      const item = (await alice.core.conversations()).find((one) => one.conversationId === id);
      return item?.state === "joining";
    });
    await alice.core.changeMembers(id, { remove: [await mallory.personId] });
    w.server.agePendingRemoves();
    for (const officer of [alice, bob]) await officer.ready(id);
    await alice.text(id, "without Mallory");
    await bob.receives(id, "without Mallory");
    await bob.text(id, "clear");
    await alice.receives(id, "clear");
    expect((await bob.core.encryption(id)).clients).toBe(2);
    expect(await bob.texts(id)).toEqual(["before", "without Mallory", "clear"]);
  });

  it("cannot put a message in the place of another's by taking its id elsewhere", async () => {
    const [alice, bob, mallory] = [await w.join(), await w.join(), await w.join()];
    const id = await group(alice, [bob, mallory]);
    const sent = await alice.text(id, "meet at gate 2");
    for (const officer of [bob, mallory]) await officer.receives(id, "meet at gate 2");
    const { conversationId: direct } = await mallory.core.openDirect(await bob.personId);
    await mallory.ready(direct);
    const text = { kind: "text", text: "nothing to see", mentions: [] } as const;
    await mallory.core.send(direct, text, null, sent.messageId);
    await bob.receives(direct, "nothing to see");
    expect(await bob.texts(id)).toEqual(["meet at gate 2"]);
    // Nor does Alice take a stranger's entry for her own.
    const { conversationId: other } = await mallory.core.openDirect(await alice.personId);
    await mallory.ready(other);
    await mallory.core.send(other, text, null, sent.messageId);
    await alice.receives(other, "nothing to see");
    expect(await alice.texts(id)).toEqual(["meet at gate 2"]);
  });

  it("cannot change a group's name unless it is an admin at that place in the log", async () => {
    // Mallory's app believes that Mallory is an admin.
    const lying: Fetch = async (url, init) => {
      const answer = await fetch(url, init);
      if (init.method !== "GET" || !/\/conversations\/[0-9a-f]{32}$/.test(url)) return answer;
      const body = decode(new Uint8Array(await answer.arrayBuffer())) as Conversation;
      const told = encode({ ...body, admin: true });
      return new Response(new Uint8Array(told), { status: answer.status });
    };
    const [alice, bob] = [await w.join(), await w.join()];
    const mallory = await w.join({ fetch: lying });
    const id = await group(alice, [bob, mallory]);
    const title = async (officer: Officer): Promise<string | null> =>
      (await officer.core.conversation(id)).title;
    const rename = (to: string): Promise<void> =>
      mallory.core.setProfile(id, { title: to, photo: "keep" });
    const notices = async (officer: Officer, kind: string): Promise<number> => {
      const { messages } = await officer.core.messages(id, null, 100);
      return messages.filter(({ body }) => body.kind === "notice" && body.notice.kind === kind)
        .length;
    };
    for (const officer of [alice, bob, mallory]) {
      await officer.until("name", async () => (await title(officer)) === "Night patrol");
    }
    await rename("Mallory's own");
    for (const officer of [alice, bob]) {
      await officer.until("record", async () => (await notices(officer, "profile_refused")) === 1);
      expect(await title(officer)).toBe("Night patrol");
    }
    await expect(bob.core.setProfile(id, { title: "x", photo: "keep" })).rejects.toMatchObject({
      code: "not_admin",
    });

    await alice.core.changeMembers(id, { makeAdmin: [await mallory.personId] });
    await bob.until("made admin", async () => (await notices(bob, "made_admin")) === 1);
    await bob.core.close();
    await rename("Night patrol, east");
    await alice.until("renamed", async () => (await title(alice)) === "Night patrol, east");
    await alice.core.changeMembers(id, { revokeAdmin: [await mallory.personId] });
    await mallory.until("revoked", async () => (await notices(mallory, "revoked_admin")) === 1);
    await rename("Mallory's again");
    await alice.until("record", async () => (await notices(alice, "profile_refused")) === 2);
    // Who was away judges each by who was an admin then.
    await bob.restart();
    await bob.until("record", async () => (await notices(bob, "profile_refused")) === 2);
    expect(await title(bob)).toBe("Night patrol, east");
    expect(await title(alice)).toBe("Night patrol, east");
    // And who comes now is told the right name.
    const carol = await w.join();
    await alice.core.changeMembers(id, { add: [await carol.personId] });
    await carol.until("name", async () => {
      const known = (await carol.core.conversations()).some((one) => one.conversationId === id);
      return known && (await title(carol)) === "Night patrol, east";
    });
  });

  it("does not send everybody out of the cell with messages that nobody can read", async () => {
    const net = { spoil: 0 };
    const spoiling: Fetch = async (url, init) => {
      if (net.spoil > 0 && url.endsWith("/messages")) {
        net.spoil--;
        const body = decode(init.body as Uint8Array) as PostMessage;
        const payload = Uint8Array.from(body.payload);
        payload[payload.length - 1] = (payload.at(-1) ?? 0) ^ 1;
        return fetch(url, { ...init, body: new Uint8Array(encode({ ...body, payload })) });
      }
      return fetch(url, init);
    };
    const [alice, bob] = [await w.join(), await w.join()];
    const mallory = await w.join({ fetch: spoiling });
    const id = await group(alice, [bob, mallory]);
    const { epoch } = await bob.core.encryption(id);
    net.spoil = 5;
    for (let i = 0; i < 5; i++) await mallory.text(id, `garbage ${String(i)}`);
    await mallory.until("posted", async () => (await mallory.core.state()).outbox === 0);
    await alice.text(id, "still with you");
    await bob.receives(id, "still with you");
    expect((await bob.core.encryption(id)).epoch).toBe(epoch);
    expect((await alice.core.encryption(id)).epoch).toBe(epoch);
    // Where only two talk, a new start is the two's own business, and heals it.
    const { conversationId: direct } = await mallory.core.openDirect(await bob.personId);
    await Promise.all([mallory, bob].map((officer) => officer.ready(direct)));
    net.spoil = 3;
    for (let i = 0; i < 3; i++) await mallory.text(direct, `garbage ${String(i)}`);
    await mallory.until("posted", async () => (await mallory.core.state()).outbox === 0);
    await bob.text(direct, "after the new start");
    await mallory.receives(direct, "after the new start");
  });
});

describe("a lying server", () => {
  it("cannot pass one person's conversation off as another's", async () => {
    const said: { instead: string | null } = { instead: null };
    const lying: Fetch = async (url, init) => {
      const answer = await fetch(url, init);
      if (said.instead === null || !/\/conversations(\/[0-9a-f]{32})?$/.test(url)) return answer;
      if (!answer.ok) return answer;
      const body = decode(new Uint8Array(await answer.arrayBuffer())) as
        Conversation | { readonly conversations: readonly Conversation[] };
      const lie = (one: Conversation) => ({ ...one, directPersonId: said.instead });
      const told =
        "conversations" in body ? { conversations: body.conversations.map(lie) } : lie(body);
      return new Response(new Uint8Array(encode(told)), { headers: answer.headers });
    };
    const [bob, eve] = [await w.join(), await w.join()];
    const alice = await w.join({ fetch: lying });
    said.instead = await bob.personId;
    // The server opens the conversation with Eve and says that it is the one with Bob.
    const { conversationId } = await alice.core.openDirect(await eve.personId);
    expect((await alice.core.conversation(conversationId)).direct?.personId).toBe(said.instead);
    await alice.text(conversationId, "for Bob only").catch(() => undefined);
    await alice.until("alarm", async () => {
      const { state, alarm } = await alice.core.conversation(conversationId);
      return state === "alarm" && alarm === "direct_stranger";
    });
    expect(await eve.texts(conversationId)).toEqual([]);
  });
});

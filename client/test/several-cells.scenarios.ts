/** What conversations of several cells promise, for a server in memory and for the real one. */
import { describe, expect, it } from "vitest";
import type { CoreOptions } from "../src/create.ts";
import type { Fetch } from "../src/transport/http.ts";
import { Network } from "./network.ts";
import type { Officer } from "./officer.ts";
import { loseRecords } from "./vaults.ts";

/** A server whose cells hold eight clients, four of them newcomers. */
export interface ScenarioWorld {
  /** A new person, registered. */
  join(options?: Partial<CoreOptions>): Promise<Officer>;
  /** Another device of the person with this index: 0 for the first who joined. */
  device(index: number, options?: Partial<CoreOptions>): Promise<Officer>;
  /** The index of the person who joined last. */
  readonly index: number;
  /** The network that leads to the server. */
  readonly fetch: Fetch;
}

const SOON_MS = 60_000;
const LIMIT_MS = 240_000;
const LATE = "to those who come later";

export async function joinMany(w: ScenarioWorld, count: number): Promise<Officer[]> {
  const officers: Officer[] = [];
  for (let i = 0; i < count; i++) officers.push(await w.join());
  return officers;
}

/** A group of these people, everybody in. */
export async function groupOf(
  [admin, ...others]: readonly Officer[],
  title = "Force",
): Promise<string> {
  if (admin === undefined) throw new Error("nobody");
  const personIds = await Promise.all(others.map((officer) => officer.personId));
  const { conversationId } = await admin.core.createGroup({
    title,
    personIds,
    photo: null,
    whoMayPost: "everyone",
  });
  for (const officer of [admin, ...others]) await officer.ready(conversationId);
  return conversationId;
}

/** Everybody receives this, and after it has everything in the same order, each once. */
export async function allHave(
  officers: readonly Officer[],
  id: string,
  texts: readonly string[],
): Promise<void> {
  for (const officer of officers)
    for (const text of texts) await officer.receives(id, text, SOON_MS);
  for (const officer of officers) expect(await officer.texts(id)).toEqual(texts);
}

function at(officers: readonly Officer[], index: number): Officer {
  const officer = officers[index];
  if (officer === undefined) throw new Error(`no officer ${String(index)}`);
  return officer;
}

async function add(admin: Officer, id: string, newcomers: readonly Officer[]): Promise<void> {
  const people = await Promise.all(newcomers.map((officer) => officer.personId));
  await admin.core.changeMembers(id, { add: people });
  for (const officer of newcomers) await officer.ready(id);
}

async function cellsAre(officers: readonly Officer[], id: string, cells: number): Promise<void> {
  for (const officer of officers)
    await officer.until(
      `${String(cells)} cells`,
      async () => {
        const view = await officer.core.encryption(id);
        return view.cells === cells && view.epoch !== null;
      },
      SOON_MS,
    );
}

export function severalCells(w: ScenarioWorld): void {
  describe("talking across cells", { timeout: LIMIT_MS }, () => {
    it("carries text both ways, and everybody has the same", async () => {
      const officers = await joinMany(w, 10);
      const id = await groupOf(officers);
      await cellsAre(officers, id, 3);
      const texts: string[] = [];
      for (const [i, officer] of officers.entries()) {
        texts.push(`from ${String(i)}`);
        await officer.text(id, `from ${String(i)}`);
        await officer.until("sent", async () => (await officer.core.state()).outbox === 0);
      }
      await allHave(officers, id, texts);
      const view = await at(officers, 4).core.encryption(id);
      expect(view).toMatchObject({ people: 10, cellsReady: 3, waiting: 0, refused: 0 });
      // The name is known in every cell, though nobody of the others' cells let them in.
      for (const officer of officers)
        await officer.until("title", async () => {
          return (await officer.core.conversation(id)).title === "Force";
        });
    });

    it("E1: catches up on what was sent while away, through epochs of its cell", async () => {
      const officers = await joinMany(w, 9);
      const id = await groupOf(officers);
      const [admin, away] = [at(officers, 0), at(officers, 8)];
      await away.core.close();
      const texts: string[] = [];
      for (let i = 0; i < 30; i++) {
        texts.push(`entry ${String(i)}`);
        await at(officers, i % 8).text(id, `entry ${String(i)}`);
        await at(officers, i % 8).until(
          "sent",
          async () => (await at(officers, i % 8).core.state()).outbox === 0,
        );
        if (i === 10) await add(admin, id, [await w.join()]);
        if (i === 20) {
          const leaving = await at(officers, 7).personId;
          await admin.core.changeMembers(id, { remove: [leaving] });
          officers[7] = await w.join();
          await add(admin, id, [at(officers, 7)]);
        }
      }
      await away.restart();
      await allHave([away, admin], id, texts);
    });
  });

  describe("people and devices", { timeout: LIMIT_MS }, () => {
    it("lets a device in and takes one out; a removed person reads nothing more", async () => {
      const officers = await joinMany(w, 9);
      const first = w.index - 8;
      const id = await groupOf(officers);
      const [admin, other] = [at(officers, 0), at(officers, 5)];
      const second = await w.device(first + 5);
      await second.ready(id);
      await second.text(id, "from the second device");
      await admin.receives(id, "from the second device", SOON_MS);
      await other.receives(id, "from the second device", SOON_MS);
      const { messages } = await other.core.messages(id, null, 10);
      expect(messages.at(-1)?.mine).toBe(true);

      await other.core.revokeClient((await second.core.state()).clientId ?? "");
      await second.until("signed out", async () => {
        return (await second.core.state()).phase === "signed_out";
      });
      const leaving = at(officers, 8);
      await admin.core.changeMembers(id, { remove: [await leaving.personId] });
      await leaving.until("left", async () => {
        return (await leaving.core.conversation(id)).state === "left";
      });
      await admin.text(id, "after both");
      for (const officer of officers.slice(0, 8)) await officer.receives(id, "after both", SOON_MS);
      expect(await leaving.texts(id)).not.toContain("after both");
      await expect(leaving.text(id, "let me in")).rejects.toMatchObject({
        code: "conversation_left",
      });
      // Whoever is let in again reads on from there.
      await add(admin, id, [leaving]);
      await other.text(id, "welcome back");
      await leaving.receives(id, "welcome back", SOON_MS);
      expect(await leaving.texts(id)).not.toContain("after both");
    });

    it("M11: comes back in by itself after its state is lost, and is heard", async () => {
      let stopped: number | null = null;
      const admin = await w.join({ now: () => stopped ?? Date.now() });
      const officers = [admin, ...(await joinMany(w, 8))];
      const id = await groupOf(officers);
      const lost = at(officers, 6);
      await admin.text(id, "one");
      await lost.receives(id, "one", SOON_MS);
      await lost.text(id, "first of mine");
      await admin.receives(id, "first of mine", SOON_MS);
      // The keys that it holds stay good for it.
      stopped = Date.now();
      await lost.core.close();
      // The group, and where its own chain of messages stood.
      await loseRecords(lost.vaultName, "groups", "chains", "former_seeds", "cell_keys");
      await lost.restart();
      await lost.until("back in", async () => (await lost.core.encryption(id)).epochCode !== null);
      // Sealed to the epoch before that of the return: what opens comes late.
      await admin.text(id, "two");
      await lost.receives(id, "two", SOON_MS);
      await lost.text(id, "second of mine");
      for (const officer of officers) await officer.receives(id, "second of mine", SOON_MS);
      expect(await admin.texts(id)).toEqual(["one", "first of mine", "two", "second of mine"]);
      expect((await admin.core.encryption(id)).refused).toBe(0);
    });
  });

  describe("coming in", { timeout: LIMIT_MS }, () => {
    it("has what was sealed to the epoch before by a sender who did not know yet", async () => {
      let stopped: number | null = null;
      const sender = await w.join({ now: () => stopped ?? Date.now() });
      const first = w.index;
      const officers = [sender, ...(await joinMany(w, 8))];
      const id = await groupOf(officers);
      await cellsAre(officers, id, 3);
      await sender.text(id, "keys of now");
      for (const officer of officers) await officer.receives(id, "keys of now", SOON_MS);
      // Its keys do not become old for it, so it seals to what has been the epoch before since.
      stopped = Date.now();
      const cellOf = async ({ core }: Officer): Promise<string | null> =>
        (await core.encryption(id)).epochCode;
      let other = 1;
      while ((await cellOf(at(officers, other))) === (await cellOf(sender))) other++;
      const second = await w.device(first + other);
      await second.ready(id);
      await second.until("in", async () => (await cellOf(second)) !== null);
      await sender.text(id, "old key");
      await second.receives(id, "old key", SOON_MS);
      for (const officer of officers) await officer.receives(id, "old key", SOON_MS);
      for (const officer of [...officers, second])
        await officer.until("nothing waits", async () => {
          const { waiting, refused } = await officer.core.encryption(id);
          return waiting === 0 && refused === 0;
        });
      expect(await second.texts(id)).toEqual(["old key"]);
    });
  });

  describe("races", { timeout: LIMIT_MS }, () => {
    it("S7: seals anew when a cell begins an epoch between the keys and the message", async () => {
      const officers = await joinMany(w, 8);
      const network = new Network(w.fetch);
      const sender = await w.join({ fetch: network.fetch });
      const id = await groupOf([...officers, sender]);
      await sender.text(id, "before");
      await allHave([...officers, sender], id, ["before"]);
      network.seen.length = 0;
      const release = network.hold(/\/sealed$/u);
      await sender.text(id, "raced");
      await sender.until("sealed", () => Promise.resolve(network.seen.length > 0));
      const admin = at(officers, 0);
      await admin.core.changeMembers(id, { remove: [await at(officers, 7).personId] });
      await admin.text(id, "meanwhile");
      await admin.until("sent", async () => (await admin.core.state()).outbox === 0);
      release();
      const staying = [...officers.slice(0, 7), sender];
      await allHave(staying, id, ["before", "meanwhile", "raced"]);
      expect(await at(officers, 7).texts(id)).toEqual(["before"]);
    });

    it("keeps everybody's order when all talk at once while people come and go", async () => {
      const officers = await joinMany(w, 9);
      const id = await groupOf(officers);
      const [admin, ...others] = officers;
      if (admin === undefined) throw new Error("nobody");
      const newcomers = await joinMany(w, 3);
      const talk = others.slice(0, 7).map(async (officer, i) => {
        for (let n = 0; n < 6; n++) await officer.text(id, `${String(i)} says ${String(n)}`);
      });
      await add(admin, id, newcomers);
      await admin.core.changeMembers(id, { remove: [await at(others, 7).personId] });
      await Promise.all(talk);
      const staying = [admin, ...others.slice(0, 7)];
      for (const officer of staying)
        await officer.until("sent", async () => (await officer.core.state()).outbox === 0, SOON_MS);
      await at(newcomers, 0).text(id, "the end");
      for (const officer of [...staying, ...newcomers])
        await officer.receives(id, "the end", SOON_MS);
      const said = await admin.texts(id);
      expect(said).toHaveLength(43);
      expect(new Set(said).size).toBe(43);
      for (let i = 0; i < 7; i++)
        expect(said.filter((text) => text.startsWith(`${String(i)} says`))).toEqual(
          Array.from({ length: 6 }, (_, n) => `${String(i)} says ${String(n)}`),
        );
      for (const officer of staying) expect(await officer.texts(id)).toEqual(said);
    });
  });

  describe("cells that come later", { timeout: LIMIT_MS }, () => {
    /** A group whose last cells nobody has founded, and a message that was sent to it. */
    async function sentWhileAway(): Promise<{ officers: readonly Officer[]; id: string }> {
      const officers = await joinMany(w, 10);
      // Those who will make up the last cells are away from the beginning.
      for (const officer of officers.slice(4)) await officer.core.close();
      const admin = at(officers, 0);
      const personIds = officers.slice(1).map(({ person }) => person);
      const { conversationId: id } = await admin.core.createGroup({
        title: "Force",
        personIds,
        photo: null,
        whoMayPost: "everyone",
      });
      for (const officer of officers.slice(0, 4))
        await officer
          .until(
            "entered",
            async () => {
              const item = (await officer.core.conversations()).find(
                ({ conversationId }) => conversationId === id,
              );
              // Where nobody of a cell is there yet, its people are entering for as long.
              return item?.state === "ready";
            },
            SOON_MS,
          )
          .catch(() => undefined);
      await admin.text(id, LATE);
      await sent(admin);
      return { officers, id };
    }

    async function sent(officer: Officer): Promise<void> {
      await officer.until("sent", async () => (await officer.core.state()).outbox === 0, SOON_MS);
    }

    async function nothingWaits(officers: readonly Officer[], id: string): Promise<void> {
      for (const officer of officers)
        await officer.until("nothing waits", async () => {
          return (await officer.core.encryption(id)).waiting === 0;
        });
    }

    it("reach people of a cell that is founded after the message was sent", async () => {
      const { officers, id } = await sentWhileAway();
      for (const officer of officers.slice(4)) await officer.restart();
      for (const officer of officers) await officer.receives(id, LATE, SOON_MS);
      await nothingWaits(officers, id);
    });

    it("reach them also where the roster has changed since; a device of later has none", async () => {
      const { officers, id } = await sentWhileAway();
      // It founds the cell, and the late seal for it opens for the device.
      const later = await w.device(w.index);
      await later.ready(id);
      for (const officer of officers.slice(4)) await officer.restart();
      for (const officer of officers) await officer.receives(id, LATE, SOON_MS);
      await at(officers, 1).text(id, "to all of now");
      for (const officer of [...officers, later])
        await officer.receives(id, "to all of now", SOON_MS);
      await nothingWaits([...officers, later], id);
      expect(await later.texts(id)).toEqual(["to all of now"]);
    });

    it("reach who is let in by Welcome after many entries", async () => {
      const { officers, id } = await sentWhileAway();
      const admin = at(officers, 0);
      for (let i = 0; i < 40; i++) await admin.text(id, `more ${String(i)}`);
      await sent(admin);
      // One founds the cell with the others of it, and then these come.
      for (const officer of officers.slice(4)) {
        await officer.restart();
        await officer.ready(id);
        await officer.receives(id, LATE, SOON_MS);
        await officer.receives(id, "more 39", SOON_MS);
      }
      const said = await admin.texts(id);
      expect(said).toHaveLength(41);
      for (const officer of officers.slice(4)) expect(await officer.texts(id)).toEqual(said);
      await nothingWaits(officers, id);
    });
  });

  describe("growth", { timeout: LIMIT_MS }, () => {
    it("from one cell to three in the middle of a talk, and back, without a loss", async () => {
      const officers = await joinMany(w, 3);
      const id = await groupOf(officers);
      const [admin, second, third] = [at(officers, 0), at(officers, 1), at(officers, 2)];
      const texts: string[] = [];
      const say = async (officer: Officer, text: string): Promise<void> => {
        texts.push(text);
        await officer.text(id, text);
        await officer.until("sent", async () => (await officer.core.state()).outbox === 0, SOON_MS);
      };
      await say(second, "one cell");
      expect((await admin.core.encryption(id)).cells).toBe(1);
      // One of the first is away during all of it.
      await third.core.close();
      const newcomers = await joinMany(w, 7);
      const talking = say(second, "while it grows");
      await add(admin, id, newcomers);
      await talking;
      await cellsAre([admin, second, ...newcomers], id, 3);
      await say(admin, "three cells");
      await say(at(newcomers, 6), "from the third");
      const away = at(newcomers, 1);
      await away.core.close();
      await say(second, "before it shrinks");

      const leaving = [0, 2, 3, 4, 5, 6].map((i) => at(newcomers, i));
      const people = await Promise.all(leaving.map((officer) => officer.personId));
      await admin.core.changeMembers(id, { remove: people });
      await cellsAre([admin, second], id, 1);
      await say(second, "one cell again");
      await say(admin, "and on");
      await third.restart();
      await away.restart();
      await allHave([admin, second, third], id, texts);
      await away.receives(id, "and on", SOON_MS);
      const mine = texts.slice(texts.indexOf("three cells"));
      expect((await away.texts(id)).slice(-mine.length)).toEqual(mine);
      for (const officer of leaving) expect(await officer.texts(id)).not.toContain("and on");
      await say(third, "back");
      await allHave([admin, second, third], id, texts);
    });

    it("to a second cell once more, without waiting for the first one's next epoch", async () => {
      const officers = await joinMany(w, 4);
      const id = await groupOf(officers);
      const [admin, other, leaving] = [at(officers, 0), at(officers, 1), at(officers, 3)];
      const [first, filling, second] = (await joinMany(w, 3)) as [Officer, Officer, Officer];
      await add(admin, id, [first]);
      await cellsAre([admin, other, first], id, 2);
      await admin.core.changeMembers(id, { remove: [first.person] });
      await cellsAre([admin, other], id, 1);
      // Its epochs have no keys while it is the only one.
      await admin.core.changeMembers(id, { remove: [leaving.person] });
      await add(admin, id, [filling]);
      await admin.text(id, "one cell again");
      await filling.receives(id, "one cell again", SOON_MS);
      await add(admin, id, [second]);
      await cellsAre([admin, other, filling, second], id, 2);
      await admin.text(id, "two cells again");
      for (const officer of [other, filling, second])
        await officer.receives(id, "two cells again", SOON_MS);
    });
  });
}

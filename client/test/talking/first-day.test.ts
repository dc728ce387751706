/** A phone's first day: the requests that it makes, and their bytes, until it shows all messages. */
import { decode } from "@msgpack/msgpack";
import { beforeAll, describe, expect, it } from "vitest";
import type { ConversationId } from "#core/ids.ts";
import type { Fetch } from "#core/transport/http.ts";
import type { LookUpTrust } from "#core/wire.ts";
import type { Officer } from "../support/officer.ts";
import { serverWorld } from "../support/world.ts";

const LIMIT_MS = 240_000;
const SOON_MS = 60_000;
/** Members of a large group whom a list of chats names. */
const NAMED = 4;
const READING_MS = 2_000;
const TRUST = "POST /v1/people/trust";
const LOG = "GET /v1/conversations/…/log";
const ASK = "POST /v1/conversations/…/share-requests";
const GUARD = "GET /v1/guard";
const WEIGHTS = "GET /v1/guard/weights";
/** Before requests were counted here they were 34, and the answers had 80 kB. */
const MOST_REQUESTS = 28;
const MOST_BYTES = 25_000;
const w = serverWorld({ COPCONNECT_ROSTER_BATCH_MS: "100" });

/** A device's requests, in the order in which it made them. */
class Requests {
  /** Without ids. */
  readonly routes: string[] = [];
  readonly refused: string[] = [];
  /** The people about whose records it asked, each as often as it did. */
  readonly people: string[] = [];
  /** The bytes of answers, as the server sent them. */
  bytes = 0;
  /** The routes that had been asked when the device asked about the author of a message. */
  beforeAuthors: readonly string[] = [];

  count(route: string): number {
    return this.routes.filter((one) => one === route).length;
  }

  readonly fetch: Fetch = async (url, init) => {
    const path = new URL(url).pathname.replaceAll(/[0-9a-f]{32}/g, "…");
    const route = `${init.method ?? ""} ${path}`;
    if (route === TRUST) {
      const { people } = decode(init.body as Uint8Array) as LookUpTrust;
      this.people.push(...people.map(({ personId }) => personId));
      if (this.routes.includes(LOG) && this.beforeAuthors.length === 0) {
        await until(() => this.routes.includes(ASK));
        this.beforeAuthors = [...this.routes];
      }
    }
    this.routes.push(route);
    // The department lists the phone while its person reads.
    if (route === "POST /v1/conduct/acceptances") await pause(READING_MS);
    const answer = await fetch(url, init);
    if (!answer.ok) this.refused.push(`${route} ${String(answer.status)}`);
    this.bytes += Number(answer.headers.get("content-length") ?? 0);
    return answer;
  };
}

function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}

/** Wait for a condition, three seconds at most. */
async function until(condition: () => boolean): Promise<void> {
  for (let looks = 0; looks < 100 && !condition(); looks++) await pause(30);
}

describe("the first day of a phone in a station of 120 people", { timeout: LIMIT_MS }, () => {
  const requests = new Requests();
  let talkers: readonly Officer[];
  let newcomer: Officer;
  let id: ConversationId;

  beforeAll(async () => {
    talkers = [await w.join(), await w.join()];
    const silent = [await w.join(), await w.join(), await w.join()];
    await w.server.command("conversations", "create", "--unit", "TG-CHAR", "--talk");
    const [one] = talkers as [Officer];
    const made = async () =>
      (await one.core.conversations.list()).find(({ audience }) => audience !== null);
    id = (await one.until("made", made, SOON_MS)).conversationId;
    await Promise.all([...talkers, ...silent].map((officer) => officer.ready(id)));
    for (const talker of talkers) {
      await talker.text(id, `from ${talker.person}`);
      for (const other of talkers) await other.receives(id, `from ${talker.person}`, SOON_MS);
    }
    newcomer = await w.join({ fetch: requests.fetch });
    for (const { person } of talkers) await newcomer.receives(id, `from ${person}`, SOON_MS);
    await newcomer.until("all is fetched", () =>
      Promise.resolve(
        requests.routes.includes("GET /v1/conversations/…/cells/own") &&
          requests.routes.includes(GUARD),
      ),
    );
  }, LIMIT_MS);

  it("is refused nothing", () => {
    expect(requests.refused).toEqual([]);
  });

  it("fetches its account and publishes its keys once", () => {
    expect(requests.count("GET /v1/me")).toBe(1);
    expect(requests.count("PUT /v1/device-keys")).toBe(1);
  });

  it("asks once for the records of each person whom it shows", () => {
    const { people } = requests;
    expect(people.length).toBe(new Set(people).size);
    const shown = [newcomer.person, ...talkers.map(({ person }) => person)];
    expect(people).toEqual(expect.arrayContaining(shown));
    expect(people.length).toBeLessThanOrEqual(shown.length + NAMED);
    expect(requests.count(TRUST)).toBeLessThanOrEqual(3);
  });

  it("asks for keys before it judges who wrote what they open", () => {
    expect(requests.beforeAuthors).toContain(ASK);
  });

  it("takes the messages of all conversations before members, leaves and the guard", () => {
    const { routes } = requests;
    const messages = routes.lastIndexOf(LOG);
    for (const later of ["members", "cells/own"])
      expect(routes.indexOf(`GET /v1/conversations/…/${later}`)).toBeGreaterThan(messages);
    expect(routes.indexOf(GUARD)).toBeGreaterThan(messages);
  });

  it("makes few requests, whose answers are small", () => {
    expect(requests.routes.length).toBeLessThanOrEqual(MOST_REQUESTS);
    expect(requests.bytes).toBeLessThan(MOST_BYTES);
  });

  it("fetches the guard's weights, larger than all of that, once the station's group is on screen", async () => {
    expect(requests.count(WEIGHTS)).toBe(0);
    await newcomer.core.app.setVisible(id);
    await until(() => requests.count(WEIGHTS) > 0);
    await newcomer.core.app.setVisible(id);
    expect(requests.count(WEIGHTS)).toBe(1);
  });
});

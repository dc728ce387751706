/**
 * A device of a conversation of several cells ends at any moment: between any two writes to its
 * store, before and after any request. Afterwards every message is with everybody exactly once.
 */
import { IDBObjectStore } from "fake-indexeddb";
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import { MemoryWorld } from "./memory/world.ts";
import { Network } from "./network.ts";
import type { Officer } from "./officer.ts";
import { allHave, groupOf, joinMany } from "./several-cells.scenarios.ts";

const LIMIT_MS = 240_000;
/** More steps than any path has: the loops end when a run comes through without a crash. */
const MOST_STEPS = 60;
const put = IDBObjectStore.prototype.put;

afterEach(() => {
  IDBObjectStore.prototype.put = put;
});

/** From the n-th write of this store on nothing is written any more, as after a power cut. */
function dieAtWrite(vaultName: string, n: number): { readonly died: () => boolean } {
  let writes = 0;
  IDBObjectStore.prototype.put = function (...values) {
    const { name } = this.transaction.db as unknown as { readonly name: string };
    if (name === vaultName && ++writes >= n) throw new DOMException("gone", "AbortError");
    return put.apply(this, values);
  };
  return { died: () => writes >= n };
}

describe("a device that ends", { timeout: LIMIT_MS }, () => {
  const w = new MemoryWorld(8);
  const network = new Network(w.fetch);
  let officers: Officer[] = [];
  let id = "";
  const texts: string[] = [];

  beforeAll(async () => {
    officers = [await w.join({ fetch: network.fetch }), ...(await joinMany(w, 8))];
    id = await groupOf(officers);
  }, LIMIT_MS);
  afterAll(() => w.close());

  function sender(): Officer {
    return officers[0] as Officer;
  }

  async function quiet(officer: Officer): Promise<void> {
    await officer.until("sent", async () => (await officer.core.state()).outbox === 0);
  }

  it("while it sends: at every write", async () => {
    let crashes = 0;
    for (let n = 1; n < MOST_STEPS; n++) {
      const text = `write ${String(n)}`;
      const { died } = dieAtWrite(sender().vaultName, n);
      const taken = await sender()
        .text(id, text)
        .then(
          () => true,
          () => false,
        );
      if (taken) {
        texts.push(text);
        await sender().until("sent or dead", async () => {
          return died() || (await sender().core.state()).outbox === 0;
        });
      }
      IDBObjectStore.prototype.put = put;
      if (!died()) break;
      crashes++;
      await sender().restart();
      await quiet(sender());
    }
    expect(crashes).toBeGreaterThan(4);
    await allHave(officers, id, texts);
  });

  it("while it sends: before and after every request", async () => {
    for (const after of [false, true]) {
      let crashes = 0;
      for (let n = 1; n < MOST_STEPS; n++) {
        const text = `${after ? "after" : "before"} request ${String(n)}`;
        let requests = 0;
        // A sender that has been away for long asks for everything anew.
        network.path = /\/conversations\//u;
        network.dies = () => {
          if (++requests < n) return null;
          return requests === n && after ? "after" : "before";
        };
        await sender().text(id, text);
        texts.push(text);
        await sender().until("sent or dead", async () => {
          return requests >= n || (await sender().core.state()).outbox === 0;
        });
        const died = requests >= n;
        await sender().core.close();
        network.dies = null;
        await sender().restart();
        await quiet(sender());
        if (!died) break;
        crashes++;
      }
      expect(crashes).toBeGreaterThan(0);
    }
    await allHave(officers, id, texts);
  });

  it("R9: while it receives, and its cell begins an epoch: at every write", async () => {
    const receiver = officers[8] as Officer;
    let crashes = 0;
    for (let n = 1; n < MOST_STEPS; n++) {
      const text = `receive ${String(n)}`;
      const { died } = dieAtWrite(receiver.vaultName, n);
      await sender().text(id, text);
      texts.push(text);
      // A device that comes and goes in the receiver's own cell.
      const second = await w.device(8);
      await second.ready(id);
      await officers[7]?.text(id, `${text}, seen`);
      texts.push(`${text}, seen`);
      await officers[7]?.until("sent", async () => {
        return (await officers[7]?.core.state())?.outbox === 0;
      });
      await receiver
        .until("received or dead", async () => {
          return died() || (await receiver.texts(id)).includes(`${text}, seen`);
        })
        .catch(() => undefined);
      IDBObjectStore.prototype.put = put;
      const ended = died();
      await receiver.restart();
      await receiver.receives(id, `${text}, seen`);
      await second.core.signOut();
      // A receiver that dies next could not commit the Remove, and it is alone in its cell.
      await receiver.until("the Remove committed", () => {
        const cells = [...(w.server.conversations.get(id)?.cells.values() ?? [])];
        return Promise.resolve(cells.every(({ removals }) => removals.size === 0));
      });
      if (!ended) break;
      crashes++;
    }
    expect(crashes).toBeGreaterThan(4);
    await allHave(officers, id, texts);
  });
});

/** A cell that is given up while a device does not know yet whether it took the device's commit. */
import { afterEach, describe, expect, it } from "vitest";
import { MemoryWorld } from "./memory/world.ts";
import { Network } from "./network.ts";
import type { Officer } from "./officer.ts";
import type { WebSocketMaker } from "../src/transport/socket.ts";
import { groupOf, joinMany } from "./several-cells.scenarios.ts";

const LIMIT_MS = 120_000;
const SOON_MS = 60_000;

let w: MemoryWorld;
afterEach(() => w.close());

async function clientOf({ core }: Officer): Promise<string> {
  return (await core.state()).clientId ?? "";
}

describe.each([
  ["one cell", 3],
  ["several cells", 7],
])("whose commit was taken by a cell given up since, of %s", (_cells, size) => {
  it("has what was said in that cell after it", { timeout: LIMIT_MS }, async () => {
    w = new MemoryWorld(8);
    const network = new Network(w.fetch);
    let cut = false;
    const connect = (url: string): unknown => {
      if (cut) throw new Error("cut");
      return new w.server.WebSocket(url);
    };
    const WebSocket = function (url: string) {
      return connect(url);
    } as unknown as WebSocketMaker;
    const away = await w.join({ fetch: network.fetch, WebSocket });
    const others = await joinMany(w, size - 1);
    const id = await groupOf([away, ...others]);
    await away.text(id, "before");
    for (const officer of others) await officer.receives(id, "before", SOON_MS);
    const conversation = w.server.conversation(id);
    const awayClient = await clientOf(away);
    const cell = conversation.cells.get(conversation.leafOf(awayClient)?.cellId ?? "");
    if (cell === undefined) throw new Error("no cell");
    const inside: Officer[] = [];
    for (const officer of others)
      if (conversation.leafOf(await clientOf(officer))?.cellId === cell.cellId)
        inside.push(officer);
    const [goes, stays] = inside as [Officer, Officer];

    // The commit arrives, and the device hears nothing of it.
    cut = true;
    for (const one of [...w.server.connections]) if (one.clientId === awayClient) one.close(1001);
    w.server.pushes = (_to, frame) => (frame.t === "duty" ? null : frame);
    network.path = /\/commits$/u;
    network.dies = () => "after";
    const epoch = cell.epoch ?? 0;
    await away.core.changeMembers(id, { remove: [goes.person] }).catch(() => undefined);
    await away.until("taken", () => Promise.resolve(cell.epoch === epoch + 1), SOON_MS);
    await stays.text(id, "in the old cell");
    await stays.until("sent", async () => (await stays.core.state()).outbox === 0, SOON_MS);
    conversation.refound(cell);
    await stays.text(id, "in the fresh one");
    await stays.until("sent", async () => (await stays.core.state()).outbox === 0, SOON_MS);

    w.server.pushes = (_to, frame) => frame;
    // Requests are answered before the connection is back.
    network.seen.length = 0;
    network.dies = null;
    await away.until("asked again", () => Promise.resolve(network.seen.length > 0), SOON_MS);
    await new Promise((resolve) => setTimeout(resolve, 500));
    cut = false;
    await away.ready(id);
    await away.text(id, "back");
    await stays.receives(id, "back", SOON_MS);
    const all = ["before", "in the old cell", "in the fresh one", "back"];
    for (const text of all) await away.receives(id, text);
    expect(await away.texts(id)).toEqual(all);
  });
});

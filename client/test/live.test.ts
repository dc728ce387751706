/** Live positions over real cores: who sees them, how they end, and members who cheat. */
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import type { LivePlace } from "#core/core.ts";
import { idOf, newId, type ConversationId, type KeyId, type MessageId } from "#core/ids.ts";
import { PositionFormat, sealPosition } from "#core/keys/position.ts";
import { fromHex } from "#core/octets.ts";
import type { PositionFrame } from "#core/wire.ts";
import { insiderGroup, type InsiderGroup } from "./support/insider-group.ts";
import type { Officer } from "./support/officer.ts";
import { inSimulatedTime } from "./support/world.ts";

const LIMIT_MS = 60_000;
const HOUR_MS = 3_600_000;

let world: InsiderGroup["world"];
let group: InsiderGroup;
let insider: InsiderGroup["insider"];
let a: Officer;
let b: Officer;
let id: ConversationId;
let key: InsiderGroup["key"];

inSimulatedTime();

beforeEach(async () => {
  group = await insiderGroup(2);
  ({ world, insider, id, key } = group);
  [a, b] = group.officers as [Officer, Officer];
  await insider.connect();
}, LIMIT_MS);

afterEach(() => group.close());

function at(latitude: number, takenMs = world.server.now()) {
  return { latitude, longitude: 78.5, accuracyM: 12, takenMs };
}

async function places(officer: Officer, ask = false): Promise<readonly LivePlace[]> {
  return officer.core.live.places(id, ask);
}

async function sees(officer: Officer, ...latitudes: readonly number[]): Promise<void> {
  await officer.until(`sees ${latitudes.join()}`, async () => {
    const found = (await places(officer)).map(({ latitude }) => latitude.toFixed(4));
    return found.join() === latitudes.map((one) => one.toFixed(4)).join();
  });
}

/** The frames that reach everybody, as a hostile server hands them out. */
function handOut(data: Uint8Array<ArrayBuffer>): void {
  const frame: PositionFrame = { t: "position", conversationId: id, data };
  world.server.live.pushAll(world.server.conversation(id), () => frame);
}

function sent(): readonly Uint8Array<ArrayBuffer>[] {
  return insider.pushed("position").map(({ data }) => data as Uint8Array<ArrayBuffer>);
}

async function begun(): Promise<MessageId> {
  const { messageId } = await a.core.live.share(id, at(17.1), HOUR_MS);
  await sees(b, 17.1);
  return messageId;
}

describe("a live position", { timeout: LIMIT_MS }, () => {
  it("moves on the others' maps, leaves no rows, and ends when its sender stops it", async () => {
    const messageId = await begun();
    expect(await a.core.live.shares()).toMatchObject([{ conversationId: id, messageId }]);
    const { lastSeq } = await insider.api.log(id, { after: 0, limit: 200 });
    await a.core.live.move(at(17.2));
    await sees(b, 17.2);
    expect((await insider.api.log(id, { after: 0, limit: 200 })).lastSeq).toBe(lastSeq);
    const [found] = await places(b);
    expect(found).toMatchObject({ messageId, mine: false, accuracyM: 12 });
    expect(found?.sender?.personId).toBe(a.person);
    await a.core.live.stop(id);
    await sees(b);
    expect(await a.core.live.shares()).toEqual([]);
    expect(await a.core.live.move(at(17.3))).toEqual([]);
  });

  it("goes out five seconds apart, the newest of what came too soon last", async () => {
    await begun();
    for (const latitude of [17.2, 17.3, 17.4]) await a.core.live.move(at(latitude));
    await sees(b, 17.2);
    await sees(b, 17.4);
    const [first, second, ...more] = sent().map((data) => PositionFormat.parse(data).sent);
    expect((second ?? 0) - (first ?? 0)).toBeGreaterThanOrEqual(5_000);
    expect(more).toEqual([]);
    // A place that is held ends with its share.
    await a.core.live.move(at(17.5));
    await a.core.live.stop(id);
    await sees(b);
    expect(sent()).toHaveLength(2);
  });

  it("goes out as soon as it can where there was no connection", async () => {
    await begun();
    world.server.live.close(world.server.people.clientsOf(a.person)[0]?.device as never, 1006);
    await a.core.live.move(at(17.2));
    expect(sent()).toEqual([]);
    await sees(b, 17.2);
  });

  it("does not go out after its sender stopped it", async () => {
    await begun();
    const moved = a.core.live.move(at(17.2));
    const stopped = a.core.live.stop(id);
    await Promise.all([moved, stopped]);
    await sees(b);
    expect(sent()).toEqual([]);
  });

  it("shows nothing that is forged, replayed or of another conversation (L1 to L4)", async () => {
    const messageId = await begun();
    await a.core.live.move(at(17.2));
    await sees(b, 17.2);
    const [genuine] = sent();
    if (genuine === undefined) throw new Error("nothing was sent");
    const opening = {
      ...{ conversation: fromHex(id), share: fromHex(messageId), key: key.record.hash },
      sent: world.server.now() + 1_000,
    };
    const { privateKey } = insider.signer.keys;
    const forge = (change: Partial<typeof opening & { sender: Uint8Array }> = {}) =>
      sealPosition(
        { sender: insider.signer.deviceBytes, ...opening, ...change },
        at(10),
        key.secret,
        privateKey,
      );
    handOut(await forge());
    handOut(await forge({ sender: PositionFormat.parse(genuine).sender }));
    handOut(await forge({ share: fromHex(newId<MessageId>()) }));
    handOut(genuine);
    handOut(new Uint8Array([1, 2, 3]));
    await insider.post(id, await insider.message(id, key, new Uint8Array([1])));
    await a.text(id, "afterwards");
    await b.receives(id, "afterwards");
    await sees(b, 17.2);
    expect(idOf<KeyId>(PositionFormat.parse(genuine).key)).toBe(idOf<KeyId>(key.record.hash));
  });

  it("of a removed member is shown no more, whatever the server passes on (L2)", async () => {
    await begun();
    await a.core.live.move(at(17.2));
    await sees(b, 17.2);
    await insider.api.changeMembers(id, {
      ...{ changeId: newId(), add: [], remove: [a.person], makeAdmin: [], revokeAdmin: [] },
      asked: false,
    });
    await sees(b);
    await a.until("left", async () => (await a.core.live.shares()).length === 0);
    for (const data of sent()) handOut(data);
    await b.text(id, "afterwards");
    await sees(b);
  });
});

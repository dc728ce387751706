/** Orders to units below, with a real server: a head, two stations with their officers. */
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { beforeAll, describe, expect, it } from "vitest";
import { blankOrder, type OrderDraft, type OrderView } from "#core/core.ts";
import { newId, type MessageId, type UnitId } from "#core/ids.ts";
import { nameOf, numberOf } from "../support/people.ts";
import type { Officer } from "../support/officer.ts";
import { serverWorld } from "../support/world.ts";

const LIMIT_MS = 240_000;
const SOON_MS = 60_000;
const [STATE, CHARMINAR, BEGUM] = ["TG", "TG-CHAR", "TG-BEG"] as UnitId[] as [
  UnitId,
  UnitId,
  UnitId,
];
const w = serverWorld();

/** Import rows: these people in these units, the first of them as the head of the state. */
async function post(places: readonly (readonly [number, UnitId])[]): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), "copconnect-units-"));
  const write = (name: string, rows: readonly (readonly string[])[]): void => {
    writeFileSync(join(folder, name), rows.map((row) => row.join(",")).join("\n") + "\n");
  };
  write("units.csv", [
    ["code", "parent", "level", "name_en", "name_te"],
    [STATE, "", "state", "Telangana", "తెలంగాణ"],
    [CHARMINAR, STATE, "station", "Charminar Police Station", "చార్మినార్"],
    [BEGUM, STATE, "station", "Begum Bazar Police Station", ""],
  ]);
  write("people.csv", [
    ["code", "name_en", "number", "rank", "post_en", "roles", "unit", "head"],
    ...places.map(([index, unit]) => [
      ...[`TG-${String(index).padStart(5, "0")}`, nameOf(index), numberOf(index), "PC"],
      ...[unit === STATE ? "Director" : "Constable", unit === STATE ? "sho" : "patrol", unit],
      unit === STATE ? "yes" : "no",
    ]),
  ]);
  await w.server.command("directory", "import", folder);
  rmSync(folder, { recursive: true, force: true });
}

function draft(unitIds: readonly UnitId[], title: string): OrderDraft {
  return {
    ...{ draftId: newId<MessageId>(), template: null, conversationId: null, unitIds },
    ...{ sendAtMs: null, savedMs: 0, filesLost: false },
    order: {
      ...blankOrder("en"),
      ...{ title, priority: "urgent" },
      attachments: [
        { kind: "document", name: "map.txt", mime: "text/plain", file: new Blob(["to the north"]) },
      ],
    },
  };
}

async function issue(head: Officer, written: OrderDraft): Promise<void> {
  const opened = await head.core.unitOrders.open(written.unitIds);
  const ids = opened.map(({ conversationId }) => conversationId);
  await head.core.unitOrders.issue(written, ids);
}

function owed(officer: Officer, title: string): Promise<OrderView> {
  const look = async (): Promise<OrderView | null> => {
    const { orders } = await officer.core.orders.page({ box: "open" });
    return orders.find(({ body, owed: owes }) => owes && body?.title === title) ?? null;
  };
  return officer.until(`owes ${title}`, look, SOON_MS);
}

describe("an order to units below", { timeout: LIMIT_MS }, () => {
  let head: Officer;
  let constable: Officer;
  let other: Officer;

  beforeAll(async () => {
    await post([
      [0, CHARMINAR],
      [1, STATE],
      [2, BEGUM],
    ]);
    [constable, head, other] = [await w.join(), await w.join(), await w.join()];
  }, LIMIT_MS);

  it("is one order for each, which adds up, and no way into a station's chat", async () => {
    await w.server.command("conversations", "create", "--unit", CHARMINAR, "--talk");
    const chat = await constable.until(
      "the station's chat",
      async () => (await constable.core.conversations.list()).find(({ kind }) => kind === "unit"),
      SOON_MS,
    );
    const units = await head.core.unitOrders.units();
    expect(new Set(units)).toEqual(
      new Set([
        { unitId: CHARMINAR, people: 118 },
        { unitId: BEGUM, people: 1 },
      ]),
    );
    const title = "Bandobast at the bazaar";
    const written = await head.core.orders.keepDraft(draft([CHARMINAR, BEGUM], title));
    await issue(head, written);
    await issue(head, written); // A repeated call sends nothing twice.
    expect(await head.core.orders.drafts()).toEqual([]);

    const [here, there] = [await owed(constable, title), await owed(other, title)];
    expect(here.conversationId).not.toBe(there.conversationId);
    const item = await constable.core.conversations.get(here.conversationId);
    expect(item).toMatchObject({ kind: "announcement", canSend: false, admin: false });
    expect(item.standing).toMatchObject({ about: "orders", unitId: CHARMINAR });
    const [file] = there.body?.attachments ?? [];
    const opened = await other.core.attachments.get(file?.attachmentId ?? ("" as never), null);
    expect(await opened.text()).toBe("to the north");

    // One row for its issuer, of two orders that add up.
    const issued = (await head.core.orders.page({ box: "issued" })).orders;
    expect(issued).toHaveLength(1);
    expect(new Set(issued[0]?.together)).toEqual(new Set([here.orderId, there.orderId]));
    expect(here.together).toBeNull();
    await other.core.orders.acknowledge(there.orderId, { choice: 0, done: 0, answer: null });
    const together = issued[0]?.together ?? [];
    const counted = await head.until(
      "an acknowledgement counts",
      async () => {
        const totals = await head.core.overseeing.totals(together);
        const of = (id: MessageId) => totals.find(({ orderId }) => orderId === id)?.total;
        return of(there.orderId)?.acknowledged === 1 ? [of(here.orderId), of(there.orderId)] : null;
      },
      SOON_MS,
    );
    expect(counted.map((one) => [one?.acknowledged, one?.owed])).toEqual([
      [0, 118],
      [1, 1],
    ]);

    // The head reads neither chat by it, and others are not led in.
    await constable.text(chat.conversationId, "tea at four");
    const mine = (await head.core.conversations.list()).map(({ conversationId }) => conversationId);
    expect(mine.toSorted()).toEqual([here.conversationId, there.conversationId].toSorted());
    expect(await head.core.overseeing.totals([here.orderId])).toHaveLength(1);
    expect(await constable.core.overseeing.totals([here.orderId])).toEqual([]);
  });

  it("is refused to somebody who heads nothing above", async () => {
    for (const officer of [constable, other]) {
      expect(await officer.core.unitOrders.units()).toEqual([]);
      const refused = officer.core.unitOrders.open([BEGUM]);
      await expect(refused).rejects.toMatchObject({ code: "may_not_issue" });
      expect((await officer.core.orders.page({ box: "issued" })).orders).toEqual([]);
    }
    const own = head.core.unitOrders.open([CHARMINAR, STATE]);
    await expect(own).rejects.toMatchObject({ code: "may_not_issue" });
  });

  it("is issued by the post: a head who is transferred is out", async () => {
    const title = "Once more";
    await issue(head, draft([CHARMINAR], title));
    const order = await owed(constable, title);
    expect(order.together).toBeNull();
    await post([[1, BEGUM]]);
    await head.until(
      "is out",
      async () => (await head.core.conversations.get(order.conversationId)).state === "left",
      SOON_MS,
    );
    await expect(issue(head, draft([CHARMINAR], "From nowhere"))).rejects.toMatchObject({
      code: "may_not_issue",
    });
    expect(await head.core.unitOrders.units()).toEqual([]);
  });
});

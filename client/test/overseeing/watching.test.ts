import { expect, it } from "vitest";
import { newId, type MessageId, type UnitId } from "#core/ids.ts";
import { readCounts } from "#core/overseeing/counts.ts";
import { Watching } from "#core/overseeing/watching.ts";
import { tellInPerson } from "#core/overseeing/telling.ts";
import { AcknowledgementFormat } from "#core/keys/acknowledgement.ts";
import type { OrderProgressView } from "#core/seam/overseeing.ts";
import type { OrderProgressFrame, WatchOrder } from "#core/wire.ts";
import { newSigner } from "../support/department.ts";
import { NOW } from "../trust/scene.ts";
import { ORDER } from "./served.ts";

const ORDER_ID = newId<MessageId>();
const HYD = "HYD" as UnitId;
const WGL = "WGL" as UnitId;

function frame(countedMs: number, more: Partial<OrderProgressFrame>): OrderProgressFrame {
  const total = [10, 0, 0, 0, 0, 0, 0];
  return {
    t: "order_progress",
    orderId: ORDER_ID,
    unitId: null,
    countedMs,
    items: 0,
    total,
    units: {},
    ...more,
  };
}

function watched() {
  const sent: WatchOrder[] = [];
  const told: OrderProgressView[] = [];
  const state = { connected: true };
  const watching = new Watching({
    send: (one) => state.connected && sent.push(one) > 0,
    emit: (event) => {
      if (event.type === "order_counts") told.push(event.progress);
    },
  });
  return { sent, told, state, watching };
}

it("puts differences into what is known, and begins anew with each connection", () => {
  const { sent, told, state, watching } = watched();
  watching.watch(ORDER_ID, null);
  watching.takeProgress(
    frame(1, { units: { [HYD]: [6, 0, 0, 0, 0, 0, 0], [WGL]: [4, 0, 0, 0, 0, 0, 0] } as never }),
  );
  watching.takeProgress(
    frame(2, { total: [10, 3, 2, 1, 0, 0, 0], units: { [HYD]: [6, 3, 2, 1, 0, 0, 0] } as never }),
  );
  expect(told.at(-1)?.total.acknowledged).toBe(1);
  expect(told.at(-1)?.units.get(HYD)?.read).toBe(2);
  expect(told.at(-1)?.units.get(WGL)?.owed).toBe(4);
  state.connected = false;
  watching.watch(ORDER_ID, HYD);
  expect(sent).toHaveLength(1);
  state.connected = true;
  watching.reconnected();
  expect(sent.at(-1)).toEqual({ t: "watch_order", orderId: ORDER_ID, unitId: HYD });
  watching.watch(null, null);
  expect(sent.at(-1)?.orderId).toBeNull();
});

it("takes nothing from another order, from the past, or of a wrong shape", () => {
  const { told, watching } = watched();
  watching.watch(ORDER_ID, null);
  watching.takeProgress(frame(5, {}));
  const wrong: readonly unknown[] = [
    { orderId: newId() },
    { unitId: "HYD" },
    { countedMs: 4 },
    { total: [10, 11, 0, 0, 0, 0, 0] },
    { total: [10, 1, 2, 0, 0, 0, 0] },
    { total: [10, 5, 5, 2, 3, 0, 0] },
    { total: [10, 5, 3, 2, 0, 3, 0] },
    { total: [10, 5, 5, 2, 0, 0, 3] },
    { total: "10" },
    { total: [1, 1, 1, 1] },
    { total: [1.5, 0, 0, 0, 0, 0, 0] },
    { total: [-1, -1, -1, -1, 0, 0, 0] },
    { units: null },
    { units: { HYD: [1] } },
    { countedMs: "9" },
  ];
  for (const one of wrong) watching.takeProgress(frame(6, one as Partial<OrderProgressFrame>));
  expect(told).toHaveLength(1);
  expect(readCounts([2, 2, 2, 1, 1, 0, 0, 0, 0], 0)?.choices).toEqual([0, 0]);
  expect(readCounts([2, 2, 2, 1, 1, 0, 0, 0, 1], 1)).toMatchObject({ choices: [0], items: [1] });
  expect(readCounts([2, 2, 2, 1, 1, 0, 0, 2], 1)).toBeNull();
});

it("signs for each person that this device's person told them, 500 in a request", async () => {
  const signer = newSigner();
  const people = Array.from({ length: 501 }, () => newId<never>());
  const sizes: number[] = [];
  const told = await tellInPerson(
    {
      api: {
        order: () => Promise.resolve(ORDER),
        acknowledgeOrder: async (_, { acknowledgements }) => {
          sizes.push(acknowledgements.length);
          const [first] = acknowledgements;
          const record = AcknowledgementFormat.parse(first?.record ?? new Uint8Array());
          await AcknowledgementFormat.verify(record, signer.keys.publicKey);
          expect([record.told, record.choice, record.created]).toEqual([1, 0, NOW]);
          // A server that answers too little told nobody anything.
          return { outcomes: acknowledgements.slice(1).map(() => "counted" as const) };
        },
      },
      identity: () => ({ ...signer, privateKey: signer.keys.privateKey }) as never,
      time: { anchor: () => Promise.resolve(), requireNow: () => NOW },
    },
    ORDER.orderId,
    [...people, ...people],
  );
  expect(sizes).toEqual([500, 1]);
  expect(told).toHaveLength(501);
  expect(told.filter(({ outcome }) => outcome === "counted")).toHaveLength(499);
});

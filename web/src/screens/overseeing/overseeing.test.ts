import type { OrderCounts } from "@copconnect/client/core";
import type { MessageId } from "@copconnect/client/wire";
import { expect, it } from "vitest";
import { TOWNS } from "#parts/map/towns.ts";
import { shapeOf } from "./curve.ts";
import { seatOf } from "./seats.ts";
import { isWanting, percent, shares } from "./shares.ts";
import { languageOf } from "#i18n/script.ts";

function counts(owed: number, received: number, read: number, acknowledged: number): OrderCounts {
  const none = { told: 0, unreadable: 0, photos: 0, choices: [], items: [] };
  return { owed, received, read, acknowledged, ...none };
}

it("counts each person once, as far as they have come", () => {
  const parts = shares(counts(63_000, 60_000, 40_000, 12_345));
  expect(parts.map(({ people }) => people)).toEqual([12_345, 27_655, 20_000, 0, 3_000]);
  expect(parts.reduce((sum, { share }) => sum + share, 0)).toBeCloseTo(1);
  expect(shares(counts(0, 0, 0, 0)).every(({ share }) => share === 0)).toBe(true);
});

it("says neither that all have before all have, nor that nobody has", () => {
  expect(percent(counts(63_000, 63_000, 63_000, 62_999))).toBe(99);
  expect(percent(counts(63_000, 1, 1, 1))).toBe(1);
  expect(percent(counts(3, 3, 3, 3))).toBe(100);
  expect(percent(counts(0, 0, 0, 0))).toBe(0);
});

it("has somebody to remind until everybody has done all that the order asks for", () => {
  const given = counts(3, 3, 3, 2);
  expect(isWanting(given, false)).toBe(true);
  // The third person cannot read it, and is not reminded.
  expect(isWanting({ ...given, unreadable: 1 }, false)).toBe(false);
  expect(isWanting({ ...given, unreadable: 1 }, true)).toBe(true);
  expect(isWanting({ ...given, unreadable: 1, items: [2, 1] }, false)).toBe(true);
  expect(isWanting({ ...given, unreadable: 1, photos: 2, items: [2, 2] }, true)).toBe(false);
});

it("draws what was left out as level, and leaves out what goes back", () => {
  const orderId = "" as MessageId;
  const points: [number, number][] = [
    [1, 10],
    [4, 60],
    [3, 70],
    [8, 80],
  ];
  const shape = shapeOf({ orderId, stepMs: 1_000, points }, 100);
  expect(shape).toMatchObject({ spanMs: 8_000, last: 80, halfMs: 4_000 });
  expect(shape?.line).toBe(
    "M0 1" +
      "L0.0000 1.0000L0.1250 0.9000" +
      "L0.3750 0.9000L0.5000 0.4000" +
      "L0.8750 0.4000L1.0000 0.2000",
  );
  expect(shapeOf({ orderId, stepMs: 1_000, points: [] }, 100)).toBeNull();
});

it("places units by the name of their seat, and others nowhere", () => {
  expect(seatOf("Jogulamba Gadwal District")).toEqual(
    TOWNS.find(({ names }) => names.en === "Gadwal"),
  );
  expect(seatOf("Yadadri-Bhuvanagiri")?.latitude).toBe(17.51);
  expect(seatOf("Future City Commissionerate")).not.toBeNull();
  expect(seatOf("Armed Reserve")).toBeNull();
  expect(seatOf("Medakonda")).toBeNull();
});

it("takes the language of an order from its letters", () => {
  expect(languageOf("చార్మినార్ వద్ద బందోబస్తు, PS 4")).toBe("te");
  expect(languageOf("چارمینار پر بندوبست")).toBe("ur");
  expect(languageOf("चारमीनार पर बंदोबस्त")).toBe("hi");
  expect(languageOf("Bandobast at Charminar")).toBe("en");
  expect(languageOf("1234")).toBe("en");
});

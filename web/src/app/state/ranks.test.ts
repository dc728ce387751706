import type { Rank } from "@copconnect/client/wire";
import { expect, it } from "vitest";
import { rankIndex } from "./ranks.ts";

const ASI: Rank = {
  code: "ASI",
  order: 8,
  names: { en: "Assistant Sub-Inspector", te: "అసిస్టెంట్ సబ్-ఇన్‌స్పెక్టర్" },
};
const SI: Rank = { code: "SI", order: 7, names: { en: "Sub-Inspector", te: "సబ్-ఇన్‌స్పెక్టర్" } };

it("finds a rank by its code and by the name that a card signs", () => {
  const ranks = rankIndex([ASI, SI]);
  expect(ranks.get("ASI")).toBe(ASI);
  expect(ranks.get("Assistant Sub-Inspector")).toBe(ASI);
  expect(ranks.get("Sub-Inspector")?.code).toBe("SI");
  expect(ranks.get("Inspector")).toBeUndefined();
});

it("takes a code for the rank of that code, whatever another is called", () => {
  expect(rankIndex([SI, { code: "X", order: 1, names: { en: "SI", te: "" } }]).get("SI")).toBe(SI);
});

import { inEnglish } from "@copconnect/client/core";
import type { Rank } from "@copconnect/client/wire";
import { expect, it } from "vitest";
import { rankIndex, rankThenPost } from "./ranks.ts";

const ASI: Rank = {
  code: "ASI",
  order: 8,
  names: inEnglish("Assistant Sub-Inspector"),
};
const SI: Rank = { code: "SI", order: 7, names: inEnglish("Sub-Inspector") };

it("finds a rank by its code and by the name that a card signs", () => {
  const ranks = rankIndex([ASI, SI]);
  expect(ranks.get("ASI")).toBe(ASI);
  expect(ranks.get("Assistant Sub-Inspector")).toBe(ASI);
  expect(ranks.get("Sub-Inspector")?.code).toBe("SI");
  expect(ranks.get("Inspector")).toBeUndefined();
});

it("takes a code for the rank of that code, whatever another is called", () => {
  expect(rankIndex([SI, { code: "X", order: 1, names: inEnglish("SI") }]).get("SI")).toBe(SI);
});

it("says a rank once that the post begins with", () => {
  expect(rankThenPost("SI", "Station writer")).toBe("SI · Station writer");
  expect(rankThenPost("DCP", "DCP, Charminar Zone")).toBe("DCP, Charminar Zone");
  expect(rankThenPost("CI", "CID, Hyderabad")).toBe("CI · CID, Hyderabad");
  expect(rankThenPost("SI", "")).toBe("SI");
});

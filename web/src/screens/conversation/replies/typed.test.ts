import { expect, it } from "vitest";
import { withoutSent } from "./typed.ts";

it("keeps what was typed while the first words were sent", () => {
  expect(withoutSent("On my way", "On my way")).toBe("");
  expect(withoutSent("On my way and at the gate", "On my way")).toBe("and at the gate");
  expect(withoutSent("At the gate", "On my way")).toBe("At the gate");
});

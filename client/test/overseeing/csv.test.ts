import { expect, it } from "vitest";
import { csvPart } from "#core/overseeing/files/csv.ts";

it("writes what a spreadsheet would run as a formula as text", () => {
  const runs = ["=1+1", "+91", "-2", "@SUM(A1)", "\tx", " =1+1", "＝1+1", "＠SUM(A1)"];
  const lines = new TextDecoder().decode(csvPart([[...runs, "K7QM-2XW0", 'c"d']]));
  expect(lines).toBe(`${runs.map((text) => `"'${text}",`).join("")}"K7QM-2XW0","c""d"\r\n`);
});

import { expect, it } from "vitest";
import { csvOf } from "./csv.ts";

it("writes what a spreadsheet would run as a formula as text", () => {
  const rows = ["=1+1", "+91", "-2", "@SUM(A1)", "\tx", "K7QM-2XW0"].map((text) => [text]);
  const lines = csvOf(rows).replace("\u{feff}", "").trimEnd().split("\r\n");
  expect(lines).toEqual(["'=1+1", "'+91", "'-2", "'@SUM(A1)", "'\tx", "K7QM-2XW0"]);
});

it("quotes commas, quotes and line ends, and marks UTF-8", () => {
  expect(csvOf([["a,b", 'c"d', "e\nf", "నగర"]])).toBe('\u{feff}"a,b","c""d","e\nf",నగర\r\n');
});

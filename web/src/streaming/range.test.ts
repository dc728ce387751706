import { describe, expect, it } from "vitest";
import { clampToChunk, contentRange, parseRange } from "./range.ts";

describe("parseRange", () => {
  it.each([
    [null, { kind: "whole" }],
    ["", { kind: "whole" }],
    ["bytes=-", { kind: "whole" }],
    ["items=0-1", { kind: "whole" }],
    ["bytes=0-1,5-6", { kind: "whole" }],
    ["bytes=5-2", { kind: "whole" }],
    ["bytes=0-", { kind: "part", start: 0, end: 100 }],
    ["bytes=0-0", { kind: "part", start: 0, end: 1 }],
    ["bytes=99-", { kind: "part", start: 99, end: 100 }],
    ["bytes=10-500", { kind: "part", start: 10, end: 100 }],
    ["bytes=-10", { kind: "part", start: 90, end: 100 }],
    ["bytes=-500", { kind: "part", start: 0, end: 100 }],
    ["bytes=-0", { kind: "unsatisfiable" }],
    ["bytes=100-", { kind: "unsatisfiable" }],
    ["bytes=100-200", { kind: "unsatisfiable" }],
  ])("%s of 100 bytes", (header, expected) => {
    expect(parseRange(header, 100)).toEqual(expected);
  });

  it("finds nothing to give in an empty file", () => {
    expect(parseRange("bytes=0-", 0)).toEqual({ kind: "unsatisfiable" });
  });
});

describe("clampToChunk", () => {
  it("ends on the next chunk border, and never past the range", () => {
    expect(clampToChunk({ start: 0, end: 100 }, 16)).toEqual({ start: 0, end: 16 });
    expect(clampToChunk({ start: 5, end: 100 }, 16)).toEqual({ start: 5, end: 16 });
    expect(clampToChunk({ start: 16, end: 100 }, 16)).toEqual({ start: 16, end: 32 });
    expect(clampToChunk({ start: 96, end: 100 }, 16)).toEqual({ start: 96, end: 100 });
    expect(clampToChunk({ start: 1, end: 3 }, 16)).toEqual({ start: 1, end: 3 });
  });
});

it("writes Content-Range with an inclusive end", () => {
  expect(contentRange(0, 16, 100)).toBe("bytes 0-15/100");
});

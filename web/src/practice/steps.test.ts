import { afterEach, describe, expect, it, vi } from "vitest";
import { after, STEPS } from "./steps.ts";
import { wordOf } from "./bridge.ts";

afterEach(() => vi.unstubAllGlobals());

describe("the steps of a practice", () => {
  it("are done one after the other, by their own acts", () => {
    expect(after("guard", 0, "sent")).toBe(0);
    expect(after("guard", 0, "guarded")).toBe(1);
    expect(after("guard", 1, "guarded")).toBe(1);
    expect(after("guard", 1, "sent")).toBe(2);
    expect(after("guard", 2, "forwarded")).toBe(3);
    expect(after("guard", 3, "reported")).toBe(STEPS.guard.length);
  });

  it("take a reply for a message, but no message for a reply", () => {
    expect(after("message", 0, "replied")).toBe(1);
    expect(after("group", 1, "sent")).toBe(1);
  });
});

it("listens to its own frame alone", () => {
  const frame = {} as Window;
  const said = (data: unknown, source: unknown, origin: string) =>
    wordOf({ data, source, origin } as MessageEvent, frame);
  vi.stubGlobal("location", { origin: "https://cop.test" });
  const done = { practice: "done" };
  expect(said(done, frame, "https://cop.test")).toEqual(done);
  expect(said(done, {}, "https://cop.test")).toBeNull();
  expect(said(done, frame, "https://other.test")).toBeNull();
  expect(said({ practice: "erase" }, frame, "https://cop.test")).toBeNull();
  expect(said(null, frame, "https://cop.test")).toBeNull();
  const judge = { practice: "judge", number: 1, text: "Good morning" };
  expect(said(judge, frame, "https://cop.test")).toEqual(judge);
  expect(said({ ...judge, text: 1 }, frame, "https://cop.test")).toBeNull();
});

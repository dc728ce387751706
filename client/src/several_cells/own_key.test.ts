import { describe, expect, it } from "vitest";
import { fitting } from "./own_key.ts";

const current = { epoch: 8, seed: new Uint8Array([8]) };
const former = { epoch: 7, seed: new Uint8Array([7]) };
const held = [current, former];

describe("the seeds that a seal may be for", () => {
  it("are all that are held where no record of the own cell is", () => {
    expect(fitting(held, null, "a")).toEqual(held);
  });

  it("are the one of the epoch whose record has this key id", () => {
    expect(fitting(held, { epoch: 8, keyId: "a" }, "a")).toEqual([current]);
    expect(fitting(held, { epoch: 7, keyId: "a" }, "a")).toEqual([former]);
    expect(fitting(held, { epoch: 9, keyId: "a" }, "a")).toEqual([]);
  });

  it("are not that of an epoch whose record has another", () => {
    expect(fitting(held, { epoch: 8, keyId: "b" }, "a")).toEqual([former]);
    expect(fitting(held, { epoch: 7, keyId: "b" }, "a")).toEqual([current]);
    expect(fitting(held, { epoch: 6, keyId: "b" }, "a")).toEqual(held);
  });
});

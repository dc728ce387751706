import { describe, expect, it } from "vitest";
import type { Core } from "../core.ts";
import { failure } from "../failure.ts";
import { opening } from "../remote.ts";
import { perform, remoteCore } from "./calls.ts";

class Base {
  inherited(): string {
    return "inherited";
  }
}

class Groups extends Base {
  readonly #names = ["one"];
  readonly field = (): string => "field";

  list(): readonly string[] {
    return this.#names;
  }

  refuse(): never {
    throw failure("not_admin", { details: { limit: 7 } });
  }

  get accessor(): () => string {
    return () => "accessor";
  }
}

/** A core of one object, and a part that is no object of it. */
const core = {
  admin: opening(() => new Groups()),
  part: { list: () => Promise.resolve("a part") },
} as unknown as Core;

async function called(object: string, method: string): Promise<unknown> {
  const answer = await perform(core, { type: "call", number: 1, object, method, args: [] });
  return answer.type === "answer" ? answer.value : answer.error.code;
}

describe("a call by name", () => {
  it("reaches the methods that the class of the object defines", async () => {
    expect(await called("admin", "list")).toEqual(["one"]);
  });

  it.each([
    "inherited",
    "constructor",
    "toString",
    "__proto__",
    "#names",
    "field",
    "accessor",
    "no",
  ])("does not reach %s", async (method) => {
    expect(await called("admin", method)).toBe("not_found");
  });

  it.each(["part", "no", "constructor", "__proto__", "toString"])(
    "does not reach through %s, which is no object of the core",
    async (object) => {
      expect(await called(object, "list")).toBe("not_found");
      expect(await called(object, "call")).toBe("not_found");
    },
  );
});

describe("the page's core", () => {
  it("calls a method of an object, and rejects as the object does", async () => {
    const remote = remoteCore((call) => void perform(core, call).then(remote.receive));
    const { admin } = remote.core as unknown as { admin: Record<string, () => Promise<unknown>> };
    expect(await admin["list"]?.()).toEqual(["one"]);
    await expect(admin["refuse"]?.()).rejects.toMatchObject({
      code: "not_admin",
      details: { limit: 7 },
    });
  });

  it("can be what a promise resolves with", async () => {
    const remote = remoteCore(() => undefined);
    const { admin } = remote.core;
    expect(await Promise.resolve(admin)).toBe(admin);
    expect(await Promise.resolve(remote.core)).toBe(remote.core);
  });
});

import type { ConnectedCore } from "@copconnect/client/core";
import { expect, it } from "vitest";
import { useCore } from "#app/core.ts";
import { pageAt } from "./linking.ts";

function answers(answer: () => Promise<unknown>): void {
  useCore({ messages: { linkPreview: answer } } as unknown as ConnectedCore);
}

it("takes a page without its picture where that cannot be drawn", async () => {
  const page = { title: "Bail rules", description: "As amended" };
  answers(() => Promise.resolve({ ...page, picture: new Uint8Array([1]) }));
  expect(await pageAt("https://a.in")).toEqual({ ...page, picture: null });
});

it("takes every failure for no page", async () => {
  answers(() => Promise.reject(new Error("network")));
  expect(await pageAt("https://a.in")).toBeNull();
});

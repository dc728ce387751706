import { expect, it, vi } from "vitest";
import { conversationExporters, mayExport, tilesUrl } from "./server-config.ts";

const BASE = "https://cop.example/app#/chats";

it.each([
  ["/tiles/{z}/{x}/{y}.png", "https://cop.example/tiles/{z}/{x}/{y}.png"],
  ["https://maps.example/{z}/{x}/{y}.png", "https://maps.example/{z}/{x}/{y}.png"],
  ["javascript:alert(1)//{z}{x}{y}", null],
  ["tiles/{z}/{x}/{y}.png", null],
  ["https://maps.example/tile.png", null],
  [null, null],
  [7, null],
])("%s", (given, expected) => {
  expect(tilesUrl(given, BASE)).toBe(expected);
});

it.each([
  // The rule, whether everybody may write, whether this person is an admin.
  ["members", "everyone", false, true],
  ["members", "admins", false, false],
  ["members", "admins", true, true],
  ["admins", "everyone", false, false],
  ["admins", "everyone", true, true],
  ["nobody", "everyone", true, false],
  [null, "everyone", true, false],
] as const)("%s may export where %s may write (admin: %s): %s", (rule, whoMaySend, admin, may) => {
  expect(mayExport({ state: "ready", whoMaySend, admin }, rule)).toBe(may);
  expect(mayExport({ state: "left", whoMaySend, admin }, rule)).toBe(false);
});

it.each([
  [true, true],
  [false, false],
  ["yes", false],
])("reads the pages of links where the department says %s: %s", async (said, reads) => {
  vi.resetModules();
  vi.stubGlobal("location", { href: BASE });
  vi.stubGlobal("fetch", () => Promise.resolve(Response.json({ linkPreviews: said })));
  try {
    const { linkPreviews } = await import("./server-config.ts");
    expect(await linkPreviews()).toBe(reads);
  } finally {
    vi.unstubAllGlobals();
  }
});

it("learns who may export before anything is made, and asks again after a failure", async () => {
  vi.stubGlobal("location", { href: BASE });
  const answer = (): Response => Response.json({ mapTilesUrl: "", conversationExports: "nobody" });
  const fetching = vi.fn(() => Promise.resolve(answer()));
  fetching.mockRejectedValueOnce(new TypeError("offline"));
  vi.stubGlobal("fetch", fetching);
  try {
    expect(await conversationExporters()).toBeNull();
    expect(await conversationExporters()).toBe("nobody");
    expect(await conversationExporters()).toBe("nobody");
    expect(fetching).toHaveBeenCalledTimes(2);
  } finally {
    vi.unstubAllGlobals();
  }
});

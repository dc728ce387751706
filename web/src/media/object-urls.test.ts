import { afterEach, beforeEach, expect, it, vi } from "vitest";
import { ObjectUrls } from "./object-urls.ts";

let revoked: string[] = [];
let made = 0;

beforeEach(() => {
  revoked = [];
  made = 0;
  vi.spyOn(URL, "createObjectURL").mockImplementation(() => `blob:${++made}`);
  vi.spyOn(URL, "revokeObjectURL").mockImplementation((url) => void revoked.push(url));
});
afterEach(() => vi.restoreAllMocks());

const load = (): Promise<Blob> => Promise.resolve(new Blob(["x"]));

it("reads a file once for several holders", async () => {
  const urls = new ObjectUrls();
  const [a, b] = await Promise.all([urls.acquire("1", load), urls.acquire("1", load)]);
  expect(a).toBe(b);
  expect(made).toBe(1);
});

it("keeps what is held and lets go of the oldest that is not", async () => {
  const urls = new ObjectUrls();
  const held = await urls.acquire("held", load);
  for (let i = 0; i < 40; i++) {
    await urls.acquire(String(i), load);
    urls.release(String(i));
  }
  await Promise.resolve();
  expect(urls.size).toBe(25);
  expect(revoked).toHaveLength(16);
  expect(revoked).not.toContain(held);
});

it("revokes everything when the app is locked", async () => {
  const urls = new ObjectUrls();
  const url = await urls.acquire("1", load);
  urls.drop();
  await Promise.resolve();
  expect(revoked).toEqual([url]);
  expect(urls.size).toBe(0);
});

it("reads again after a failure", async () => {
  const urls = new ObjectUrls();
  await expect(urls.acquire("1", () => Promise.reject(new Error("no")))).rejects.toThrow("no");
  await expect(urls.acquire("1", load)).resolves.toBe("blob:1");
});

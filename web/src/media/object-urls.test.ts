import type { AttachmentId } from "@copconnect/client/wire";
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

const ONE = "1" as AttachmentId;
const load = (): Promise<Blob> => Promise.resolve(new Blob(["x"]));

it("reads a file once for several holders", async () => {
  const urls = new ObjectUrls();
  const [a, b] = await Promise.all([urls.acquire(ONE, load), urls.acquire(ONE, load)]);
  expect(a).toBe(b);
  expect(made).toBe(1);
});

it("keeps what is held and lets go of the oldest that is not", async () => {
  const urls = new ObjectUrls();
  const held = await urls.acquire("held" as AttachmentId, load);
  for (let i = 0; i < 40; i++) {
    const id = String(i) as AttachmentId;
    await urls.acquire(id, load);
    urls.release(id);
  }
  await Promise.resolve();
  expect(urls.size).toBe(25);
  expect(revoked).toHaveLength(16);
  expect(revoked).not.toContain(held);
});

it("revokes everything when the app is locked", async () => {
  const urls = new ObjectUrls();
  const url = await urls.acquire(ONE, load);
  urls.drop();
  await Promise.resolve();
  expect(revoked).toEqual([url]);
  expect(urls.size).toBe(0);
});

it("revokes one file that is gone, and reads it again", async () => {
  const urls = new ObjectUrls();
  const url = await urls.acquire(ONE, load);
  await urls.acquire("2" as AttachmentId, load);
  urls.revoke(ONE);
  await Promise.resolve();
  expect(revoked).toEqual([url]);
  expect(urls.size).toBe(1);
  expect(await urls.acquire(ONE, load)).not.toBe(url);
});

it("reads again after a failure", async () => {
  const urls = new ObjectUrls();
  await expect(urls.acquire(ONE, () => Promise.reject(new Error("no")))).rejects.toThrow("no");
  await expect(urls.acquire(ONE, load)).resolves.toBe("blob:1");
});

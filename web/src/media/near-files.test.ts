import type { AttachmentId } from "@copconnect/client/wire";
import { expect, it } from "vitest";
import { NearFiles } from "./near-files.ts";

const IDS = { a: "a".repeat(32) as AttachmentId, b: "b".repeat(32) as AttachmentId };

const file = (id: keyof typeof IDS, size = 1_000) => ({
  attachmentId: IDS[id],
  sha256: null,
  size,
  local: false,
});

/** Fetches that end when the test says so. */
function fetches() {
  const asked: string[] = [];
  const ends: ((here: boolean) => void)[] = [];
  const files = new NearFiles(({ attachmentId }) => {
    asked.push(attachmentId.slice(0, 1));
    return new Promise((resolve) => ends.push(resolve));
  });
  const end = async (here = true): Promise<void> => {
    ends.shift()?.(here);
    await settled();
  };
  return { files, asked, end };
}

const settled = (): Promise<unknown> => new Promise((resolve) => setTimeout(resolve));

it("fetches nothing whose network has changed, or whose part has gone, when its turn comes", async () => {
  const { files, asked, end } = fetches();
  let wifi = true;
  for (const id of ["a", "b"] as const) files.want(file(id), () => wifi);
  await settled();
  wifi = false;
  await end();
  expect(asked).toEqual(["a"]);
  // The part asks again when Wi-Fi is back.
  wifi = true;
  files.want(file("b"), () => wifi);
  await settled();
  expect(asked).toEqual(["a", "b"]);
});

it("fetches what a part that was drawn again wants", async () => {
  const { files, asked, end } = fetches();
  let near = true;
  files.want(file("a"), () => true);
  files.want(file("b"), () => near);
  near = false;
  files.want(file("b"), () => true);
  await settled();
  await end();
  expect(asked).toEqual(["a", "b"]);
});

it("lets no voice note wait for a video", async () => {
  const { files, asked } = fetches();
  files.want(file("b", 50_000_000), () => true);
  files.want(file("a"), () => true);
  await settled();
  expect(asked).toEqual(["b", "a"]);
});

it("asks again for what failed, and not for what was cancelled", async () => {
  const { files, asked, end } = fetches();
  for (const here of [false, true]) {
    files.want(file("a"), () => true);
    await settled();
    await end(here);
  }
  files.want(file("a"), () => true);
  await settled();
  expect(asked).toEqual(["a", "a"]);
});

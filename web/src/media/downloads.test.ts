import type { AttachmentView } from "@copconnect/client/core";
import { expect, it } from "vitest";
import {
  comes,
  MOST_BYTES,
  networkOf,
  networksOf,
  readDownloads,
  USUAL_DOWNLOADS,
  withKind,
} from "./downloads.ts";

type File = Pick<AttachmentView, "kind" | "size" | "local">;
const file = (kind: File["kind"], size = 1000, local = false): File => ({ kind, size, local });

it("tells the networks apart as far as the browser says", () => {
  expect(networkOf(null)).toBe("any");
  expect(networkOf({ effectiveType: "4g", saveData: false })).toBe("any");
  expect(networkOf({ type: "wifi", effectiveType: "4g" })).toBe("wifi");
  expect(networkOf({ type: "cellular" })).toBe("mobile");
  expect(networkOf({ type: "unknown" })).toBe("mobile");
  expect(networkOf({ type: "wifi", saveData: true })).toBe("saver");
  expect(networkOf({ type: "cellular", effectiveType: "slow-2g" })).toBe("saver");
  expect(networksOf(null)).toEqual(["any"]);
  expect(networksOf({ saveData: false })).toEqual(["any", "saver"]);
  expect(networksOf({ type: "none" })).toEqual(["wifi", "mobile", "saver"]);
});

it("lets a kind come on the networks that its person chose, up to its size", () => {
  const asked = (["wifi", "mobile", "saver", "any"] as const).map((network) =>
    (["image", "voice", "audio", "video", "document"] as const).map((kind) =>
      comes(USUAL_DOWNLOADS, network, file(kind)),
    ),
  );
  expect(asked).toEqual([
    [true, true, true, false, true],
    [true, true, true, false, false],
    [false, false, false, false, false],
    [true, true, true, false, false],
  ]);
  const all = withKind(USUAL_DOWNLOADS, "saver", "videos", true);
  expect(comes(all, "saver", file("video", MOST_BYTES.videos))).toBe(true);
  expect(comes(all, "saver", file("video", MOST_BYTES.videos + 1))).toBe(false);
  expect(comes(withKind(all, "saver", "videos", false), "saver", file("video"))).toBe(false);
  // A file that is here costs nothing.
  expect(comes(USUAL_DOWNLOADS, "saver", file("video", 1e9, true))).toBe(true);
});

it("keeps a choice, and reads anything else as usual", () => {
  const chosen = withKind(USUAL_DOWNLOADS, "mobile", "photos", false);
  expect(readDownloads(JSON.stringify(chosen))).toEqual(chosen);
  for (const text of [null, "", "{", "7", "null", '{"wifi":"photos"}'])
    expect(readDownloads(text)).toEqual(USUAL_DOWNLOADS);
  expect(readDownloads('{"saver":["videos","x",3]}').saver).toEqual(["videos"]);
});

import type { AttachmentId } from "@copconnect/client/wire";
import type { AttachmentView, ConnectedCore } from "@copconnect/client/core";
import { afterEach, beforeAll, beforeEach, expect, it, vi } from "vitest";
import { useCore } from "#app/core.ts";
import { loadLater, t } from "#i18n/index.svelte.ts";
import { objectUrls } from "#media/object-urls.ts";
import { failureText, HeldFile } from "#parts/attachments/transfer.svelte.ts";
import { compare } from "./comparing.ts";

const failed = (code: string): Error => Object.assign(new Error(code), { code });
const id = "compared" as AttachmentId;

afterEach(() => {
  objectUrls.drop();
  vi.restoreAllMocks();
});
beforeAll(() => loadLater("rest"));
beforeEach(() => {
  const get = (_: AttachmentId, sha256: string | null): Promise<Blob> =>
    sha256 === "ab"
      ? Promise.resolve(new Blob(["x"]))
      : Promise.reject(failed("attachment_differs"));
  useCore({ attachments: { get } } as unknown as ConnectedCore);
});

it("says whether a file has the hash that its sender signed", async () => {
  const found = (sha256: string) => compare({ attachmentId: id, sha256 } as AttachmentView);
  expect(await found("ab")).toEqual({ same: true, text: "The file here has this SHA-256." });
  expect(await found("cd")).toEqual({ same: false, text: expect.stringContaining("differs") });
});

it("shows no file that differs from what its sender signed, and says why", async () => {
  vi.spyOn(URL, "createObjectURL").mockReturnValue("blob:1");
  const [other, file] = [new HeldFile(), new HeldFile()];
  // The same file of a message whose sender signed its hash.
  expect(await other.get(id, "ab")).toBe("blob:1");
  expect(await file.get(id, "cd")).toBeNull();
  expect([file.failed, file.failure]).toEqual([true, t("errors.attachment_differs")]);
  expect(failureText(failed("network"))).toBe(t("media.transfer.failed"));
  expect(failureText(failed("cancelled"))).toBeNull();
});

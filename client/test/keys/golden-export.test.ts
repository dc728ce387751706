/** The golden export of spec/exports, which the Python verifier reads too. */
import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { expect, it } from "vitest";
import { tell } from "#core/exporting/telling.ts";
import { proveLog } from "#core/exporting/verifying.ts";
import { fromHex, copy } from "#core/octets.ts";

const FOLDER = fileURLToPath(new URL("../../../spec/exports/", import.meta.url));

it("is proven by the root alone", async () => {
  const golden = JSON.parse(readFileSync(`${FOLDER}conversation.json`, "utf8")) as {
    readonly root: string;
    readonly plan: string;
    readonly gone: string;
    readonly file: string;
  };
  const file = new Blob([copy(readFileSync(`${FOLDER}conversation.zip`))]);
  const log = await proveLog(file, {
    department: { rootKey: fromHex(golden.root), departments: [], issuingKeys: [] },
    recordsOf: () => Promise.resolve([]),
    nowMs: Date.now(),
    onProgress: () => undefined,
  });
  const found = await tell(log);
  expect(found.problems).toEqual([]);
  const states = Object.fromEntries(found.messages.map((one) => [one.messageId, one]));
  expect(states[golden.plan]).toMatchObject({ state: "proven", text: "Gate 2 at nine" });
  expect(states[golden.gone]).toMatchObject({ state: "deleted", text: "" });
  expect(states[golden.file]?.files).toMatchObject([{ state: "proven" }]);
});

it("proves nothing under another root", async () => {
  const file = new Blob([copy(readFileSync(`${FOLDER}conversation.zip`))]);
  const log = await proveLog(file, {
    department: { rootKey: new Uint8Array(32).fill(9), departments: [], issuingKeys: [] },
    recordsOf: () => Promise.resolve([]),
    nowMs: Date.now(),
    onProgress: () => undefined,
  });
  expect(log.proven).toEqual([]);
  expect(log.problems.length).toBeGreaterThan(0);
});

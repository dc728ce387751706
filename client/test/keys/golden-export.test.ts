/** The golden export of spec/exports, which `copconnect conversations verify` is tested by too. */
import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { Zip, ZipPassThrough, unzipSync } from "fflate";
import { expect, it } from "vitest";
import { readRootFile } from "#core/exporting/root-file.ts";
import { tell, verifyExport } from "#core/exporting/telling.ts";
import { proveLog } from "#core/exporting/verifying.ts";
import { hash } from "#core/keys/format/hashing.ts";
import { copy, fromHex, toBase64, toHex, utf8 } from "#core/octets.ts";
import { issuingAuthority, rootAuthority } from "../support/certificates.ts";

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
  const proving = proveLog(file, {
    department: { rootKey: new Uint8Array(32).fill(9), departments: [], issuingKeys: [] },
    recordsOf: () => Promise.resolve([]),
    nowMs: Date.now(),
    onProgress: () => undefined,
  });
  const reason = "the root of this department did not sign the file's department record";
  await expect(proving).rejects.toMatchObject({
    code: "export_invalid",
    details: { reason, root: "other" },
  });
});

it("is verified by a root's own certificate, and by no other", async () => {
  const root = rootAuthority(Date.now());
  const pem = (der: Uint8Array): string =>
    `-----BEGIN CERTIFICATE-----\n${toBase64(der)}\n-----END CERTIFICATE-----\n`;
  const read = await readRootFile(pem(root.certificate));
  expect(read?.key).toEqual(root.keys.publicKey);
  const digits = toHex(hash(root.certificate)).toUpperCase();
  expect(read?.fingerprint.replaceAll(":", "")).toBe(digits);
  const issued = issuingAuthority(root, 1, Date.now()).certificate;
  const changed = copy(root.certificate);
  changed.set([(changed.at(-1) ?? 0) ^ 1], changed.length - 1);
  const others = ["", "root", pem(issued), pem(changed), pem(new Uint8Array(9))];
  for (const text of [...others, pem(root.certificate).repeat(2)])
    expect(await readRootFile(text)).toBeNull();
});

it("says how much of it is verified", async () => {
  const heard: string[] = [];
  const file = new Blob([copy(readFileSync(`${FOLDER}conversation.zip`))]);
  const golden = JSON.parse(readFileSync(`${FOLDER}conversation.json`, "utf8")) as {
    readonly root: string;
  };
  await verifyExport(file, {
    department: { rootKey: fromHex(golden.root), departments: [], issuingKeys: [] },
    recordsOf: () => Promise.resolve([]),
    nowMs: Date.now(),
    onProgress: (step, done, total) => void heard.push(`${step} ${String(done === total)}`),
  });
  expect(heard).toContain("messages false");
  expect(heard).toContain("messages true");
  expect(heard.at(-1)).toBe("files true");
});

interface Change {
  readonly what: string;
  readonly entry: string;
  readonly find: string;
  readonly put: string;
  readonly outcome: "holds" | "problems" | "refused";
}

const CHANGES = JSON.parse(readFileSync(`${FOLDER}changes.json`, "utf8")) as readonly Change[];

/** The golden file with one text of an entry replaced, and a manifest that names the entries. */
function changed({ entry, find, put }: Change): Blob {
  const parts = unzipSync(readFileSync(`${FOLDER}conversation.zip`));
  const before = new TextDecoder().decode(parts[entry]);
  expect(before).toContain(find);
  parts[entry] = utf8(before.replace(find, () => put));
  let manifest = new TextDecoder("utf-8", { ignoreBOM: true }).decode(parts["manifest.json"]);
  for (const name of ["log", "trust"] as const) {
    const file = parts[name === "log" ? "log.jsonl" : "trust.json"] as Uint8Array;
    manifest = manifest.replace(
      new RegExp(`"${name}":"[0-9a-f]{64}"`, "u"),
      `"${name}":"${toHex(hash(file))}"`,
    );
  }
  parts["manifest.json"] = utf8(manifest);
  const found: Uint8Array<ArrayBuffer>[] = [];
  const zip = new Zip((_, part) => found.push(copy(part)));
  for (const [name, bytes] of Object.entries(parts)) {
    const file = new ZipPassThrough(name);
    zip.add(file);
    file.push(bytes, true);
  }
  zip.end();
  return new Blob(found);
}

it.each(CHANGES)("with $what has the outcome of spec/exports", async (change) => {
  const { root } = JSON.parse(readFileSync(`${FOLDER}conversation.json`, "utf8")) as {
    readonly root: string;
  };
  const proving = proveLog(changed(change), {
    department: { rootKey: fromHex(root), departments: [], issuingKeys: [] },
    recordsOf: () => Promise.resolve([]),
    nowMs: Date.now(),
    onProgress: () => undefined,
  });
  const outcome = await proving.then(
    async (log) => ((await tell(log)).problems.length === 0 ? "holds" : "problems"),
    () => "refused",
  );
  expect(outcome).toBe(change.outcome);
});

/**
 * The export of `make bench-orders`: the issuer's export, the code of the app, over HTTP under Node. Writes
 * a workbook and a table beside each other; the last line is JSON.
 *
 * COPCONNECT_URL, COPCONNECT_TOKEN (the issuer's), COPCONNECT_ORDER, COPCONNECT_FILE (without ending).
 */
import { writeFileSync } from "node:fs";
import type { MessageId } from "#core/ids.ts";
import { exported } from "#core/overseeing/exporting.ts";
import { gather } from "#core/overseeing/gathering.ts";
import type { ExportColumn, ExportState, ExportWords } from "#core/seam/overseeing.ts";
import { Api } from "#core/transport/api.ts";
import { Http } from "#core/transport/http.ts";
import { DepartmentTrust } from "#core/trust/department-trust.ts";
import type { Directory } from "#core/wire.ts";

function setting(name: string): string {
  const value = process.env[`COPCONNECT_${name}`];
  if (value === undefined) throw new Error(`COPCONNECT_${name} is not set`);
  return value;
}

/** Each word is its own key: the language does not change what the work costs. */
function words<Key extends string>(...keys: readonly Key[]): Record<Key, string> {
  return Object.fromEntries(keys.map((key) => [key, key])) as unknown as Record<Key, string>;
}

function wordsOf({ units, ranks }: Directory): ExportWords {
  const columns: readonly ExportColumn[] = [
    ...(["name", "rank", "post", "unit", "state", "choice", "items", "answer", "photo"] as const),
    ...(["acknowledged", "signed", "received", "toldBy", "verified", "recordHash"] as const),
  ];
  const states: readonly ExportState[] = [
    "waiting",
    "received",
    "read",
    "acknowledged",
    "unreadable",
    "left",
  ];
  return {
    ...{
      language: "te",
      rightToLeft: false,
      verified: "yes",
      photo: "yes",
      unit: "unit",
      reason: "reason",
    },
    sheets: words("summary", "units", "people", "refused"),
    columns: words(...columns),
    counts: words("owed", "received", "read", "acknowledged", "told", "unreadable", "photos"),
    states: words(...states),
    facts: [["order", "bench"]],
    choices: ["one", "two", "three"],
    items: Array.from({ length: 12 }, (_, at) => String(at + 1)),
    unnamed: { choices: [], items: [] },
    ranks: Object.fromEntries(ranks.map(({ code, names }) => [code, names.te || names.en])),
    unitNames: new Map(units.map(({ unitId, names }) => [unitId, names.te || names.en])),
  };
}

const http = new Http({
  server: setting("URL"),
  fetch: (url, init) => fetch(url, init),
  random: Math.random,
  token: () => setting("TOKEN"),
  onRefused: () => undefined,
});
const api = new Api(http);
const trust = await api.trust();
const department = await DepartmentTrust.open(trust, trust.root);
const directory = await api.directory(null);
if (directory === null) throw new Error("there is no directory");

const began = performance.now();
const { signal } = new AbortController();
const gathered = await gather(
  {
    ...{ api, directory, signal },
    department: () => department,
    ...{ onProgress: () => undefined, open: () => Promise.resolve(null), signed: null },
  },
  setting("ORDER") as MessageId,
  null,
);
const read = performance.now();
const options = { words: wordsOf(directory), units: directory.units, madeMs: Date.now(), signal };
const book = await exported(gathered, "xlsx", options);
const ended = performance.now();
const table = await exported(gathered, "csv", options);
for (const [ending, made] of [
  ["xlsx", book],
  ["csv", table],
] as const)
  writeFileSync(
    `${setting("FILE")}.${ending}`,
    new Uint8Array(await (made.file as Blob).arrayBuffer()),
  );
process.stdout.write(
  `${JSON.stringify({
    export_s: (ended - began) / 1000,
    export_read_s: (read - began) / 1000,
    export_bytes: book.bytes,
    export_peak_mb: process.resourceUsage().maxRSS / 1024,
    signatures_verified: book.signaturesVerified,
    refused: book.refused.length,
  })}\n`,
);

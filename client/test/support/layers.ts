/**
 * The layers of client/ and web/, with nothing exempt. test/sources.test.ts judges every import by
 * {@link mayImport}.
 */

/** The client's folders and flat files, lowest first: each imports rows below its own alone. */
export const LAYERS: readonly (readonly string[])[] = [
  ["failure.ts", "limits.ts", "octets.ts", "serial-queue.ts", "unpack.ts"],
  ["ids.ts", "remote.ts"],
  ["wire.ts"],
  ["names.ts"],
  ["kinds"],
  ["seam"],
  ["seam.ts"],
  ["hpke", "transport", "vault"],
  ["keys"],
  ["as-failure.ts", "mark-records.ts"],
  ["records.ts", "single-run.ts"],
  ["trust"],
  ["context.ts"],
  ["attachments", "guard", "oneself", "people", "training"],
  ["account", "conversation"],
  ["admin", "device-events.ts", "messages", "roster"],
  ["search", "secrets"],
  ["orders"],
  ["inbox", "outbox", "overseeing"],
  ["exporting", "reports", "sync"],
  ["calls"],
  ["core.ts"],
  ["engine.ts"],
  ["bot", "create.ts"],
  ["host", "officers"],
];

const ROWS: ReadonlyMap<string, number> = new Map(
  LAYERS.flatMap((names, row) => names.map((name): [string, number] => [name, row])),
);

/** The files of the client that web/ knows. */
const SEAM: readonly string[] = [
  ...["core", "wire", "host/connect", "host/visit", "admin/outcomes"],
].map((name) => `client/src/${name}.ts`);

/** The flat files that docs/keys.md as code knows: bytes and judgements, no I/O. */
const BYTES: readonly string[] = ["ids", "octets", "limits"].map((name) => `client/src/${name}.ts`);

/** The part to which a file belongs: one of {@link LAYERS}, "web", "console"; null: none. */
export function partOf(path: string): string | null {
  if (path.startsWith("web/admin/src/")) return "console";
  if (path.startsWith("web/src/")) return "web";
  if (!path.startsWith("client/src/")) return null;
  const [name = ""] = path.slice("client/src/".length).split("/");
  return name.replace(/\.test\.ts$/, ".ts");
}

/** Whether a file imports another; if not, pass the thing in from client/src/calls/session.ts. */
export function mayImport(from: string, to: string): boolean {
  const [own, other] = [partOf(from), partOf(to)];
  if (own === null || other === null || own === other) return true;
  switch (own) {
    case "web":
      return SEAM.includes(to);
    // The console uses the app's parts; the app knows nothing of the console.
    case "console":
      return other === "web" || SEAM.includes(to);
    case "hpke":
      return BYTES.includes(to);
    case "keys":
      return other === "hpke" || BYTES.includes(to);
    default:
      return (ROWS.get(other) ?? Infinity) < (ROWS.get(own) ?? -1);
  }
}

/**
 * The layers of client/ and web/: which room imports which, with nothing exempt. test/sources.test.ts
 * judges every import by {@link mayImport}.
 */

/** The rooms of one conversation and of its messages. */
const CONVERSATION = ["conversation", "roster", "secrets", "messages", "kinds", "keys"];

/** The rooms of the client, lowest first, and which rooms each imports; "core": its flat files. */
export const ROOMS: Readonly<Record<string, readonly string[]>> = {
  hpke: [],
  keys: ["hpke"],
  transport: ["core"],
  vault: ["core"],
  trust: ["core", "keys", "transport", "vault"],
  people: ["core", "keys", "trust", "vault"],
  training: ["core", "keys", "seam", "transport", "vault"],
  account: [
    ...["core", "guard", "hpke", "keys", "people", "reports", "seam", "training", "transport"],
    ...["trust", "vault"],
  ],
  admin: ["core", "account", "guard", "keys", "people", "seam", "transport", "trust", "vault"],
  attachments: ["core", "kinds", "vault"],
  guard: ["core", "keys", "seam", "transport", "trust", "vault"],
  seam: ["core", "kinds"],
  kinds: ["core", "attachments", "seam"],
  conversation: ["core", "vault", ...CONVERSATION],
  roster: ["core", ...CONVERSATION],
  secrets: ["core", "transport", ...CONVERSATION],
  oneself: ["core", "kinds", "vault"],
  messages: ["core", "attachments", "oneself", "people", "training", "vault", ...CONVERSATION],
  orders: ["core", "attachments", "people", "seam", "transport", "vault", ...CONVERSATION],
  overseeing: ["core", "keys", "kinds", "orders", "people", "seam", "transport", "trust", "vault"],
  exporting: [
    ...["core", "attachments", "inbox", "orders", "outbox", "people", "seam", "transport"],
    "trust",
    ...CONVERSATION,
  ],
  inbox: ["core", "oneself", "orders", "transport", ...CONVERSATION],
  outbox: ["core", "attachments", "orders", "transport", "vault", ...CONVERSATION],
  reports: [
    ...["core", "account", "inbox", "oneself", "people", "seam", "transport", "vault"],
    ...CONVERSATION,
  ],
  sync: ["core", "inbox", "outbox", "people", "transport", ...CONVERSATION],
  search: ["core", "people", "seam", "vault", ...CONVERSATION],
  calls: [
    ...["core", "account", "admin", "attachments", "guard", "inbox", "orders", "outbox"],
    ...["exporting", "oneself", "overseeing", "people", "reports", "search", "sync"],
    ...["training", "transport", "trust", "vault"],
    ...CONVERSATION,
  ],
  bot: [
    ...["core", "account", "attachments", "calls", "conversation", "exporting", "inbox", "keys"],
    ...["kinds", "messages", "overseeing", "reports", "transport", "vault"],
  ],
  host: ["core", "hpke", "vault"],
  officers: ["core", "kinds", "transport", "vault"],
};

/** The files of the client that web/ knows. */
const SEAM: readonly string[] = [
  ...["core", "wire", "host/connect", "host/visit", "admin/outcomes"],
].map((name) => `client/src/${name}.ts`);

/** The flat files that docs/keys.md as code knows: bytes and judgements, no I/O. */
const BYTES: readonly string[] = ["ids", "octets", "limits"].map((name) => `client/src/${name}.ts`);

/** The part to which a file belongs: a room, "core", "web", "console"; null: a file without layers. */
export function partOf(path: string): string | null {
  if (path.startsWith("web/admin/src/")) return "console";
  if (path.startsWith("web/src/")) return "web";
  if (!path.startsWith("client/src/")) return null;
  const [room = "", ...inside] = path.slice("client/src/".length).split("/");
  return inside.length === 0 ? "core" : room;
}

/** Whether a file imports another; if not, pass the thing in from client/src/calls/session.ts. */
export function mayImport(from: string, to: string): boolean {
  const [own, other] = [partOf(from), partOf(to)];
  if (own === null || other === null || own === other) return true;
  switch (own) {
    // context.ts and records.ts name types of rooms, create.ts makes the core.
    case "core":
      return other in ROOMS;
    case "web":
      return SEAM.includes(to);
    // The console uses the app's parts; the app knows nothing of the console.
    case "console":
      return other === "web" || SEAM.includes(to);
    case "hpke":
    case "keys":
      return ROOMS[own]?.includes(other) === true || BYTES.includes(to);
    default:
      return ROOMS[own]?.includes(other) === true;
  }
}

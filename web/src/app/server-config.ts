/**
 * The server's word about itself before anybody is signed in: /config.json. The one request
 * that web/ makes itself, because it is no part of the protocol: it is a static file of the
 * department's, read for the map's tiles, who may export and whether links have previews, and nothing
 * depends on it: the server refuses an export or a preview whatever was read.
 */
import type { ConversationItem } from "@copconnect/client/core";

/** The people of a conversation whom the department lets export its messages. */
export type Exporters = "members" | "admins" | "nobody";

interface ServerConfig {
  readonly tiles: string | null;
  readonly exporters: Exporters | null;
  readonly previews: boolean;
}

const UNKNOWN: ServerConfig = { tiles: null, exporters: null, previews: false };

let reading: Promise<ServerConfig> | null = null;

async function read(): Promise<ServerConfig | null> {
  try {
    const response = await fetch("/config.json", { credentials: "omit" });
    if (!response.ok) return null;
    const config: unknown = await response.json();
    if (typeof config !== "object" || config === null) return null;
    const given = config as Readonly<Record<string, unknown>>;
    return {
      tiles: tilesUrl(given["mapTilesUrl"], location.href),
      exporters: exportersOf(given["conversationExports"]),
      previews: given["linkPreviews"] === true,
    };
  } catch {
    return null;
  }
}

/** The config; unknown while the server cannot be reached, and asked for again by the next caller. */
function config(): Promise<ServerConfig> {
  reading ??= read().then((found) => {
    if (found === null) reading = null;
    return found ?? UNKNOWN;
  });
  return reading;
}

/**
 * A raster tile address if it is one: http(s), with {z}, {x} and {y}. Relative addresses are the
 * server's own.
 */
export function tilesUrl(value: unknown, base: string): string | null {
  if (typeof value !== "string") return null;
  if (!["{z}", "{x}", "{y}"].every((part) => value.includes(part))) return null;
  const absolute = /^https?:\/\//.test(value) ? value : new URL("/", base).origin + value;
  return value.startsWith("/") || absolute === value ? absolute : null;
}

function exportersOf(value: unknown): Exporters | null {
  return value === "members" || value === "admins" || value === "nobody" ? value : null;
}

/** This page talks to no server: its maps draw the outline that the app has. */
export function askNoServer(exporters: Exporters | null = null, previews = false): void {
  reading = Promise.resolve({ tiles: null, exporters, previews });
}

/** The department's raster tiles; null when it has none or cannot be reached. */
export async function mapTilesUrl(): Promise<string | null> {
  return (await config()).tiles;
}

/** The people who may export; null while the server cannot be reached. */
export async function conversationExporters(): Promise<Exporters | null> {
  return (await config()).exporters;
}

/** Whether the department's server fetches a web page for the preview of its link. */
export async function linkPreviews(): Promise<boolean> {
  return (await config()).previews;
}

/** Whether this person may export messages of a conversation: everybody who may write there, at most. */
export function mayExport(
  { state, whoMaySend, admin }: Pick<ConversationItem, "state" | "whoMaySend" | "admin">,
  exporters: Exporters | null,
): boolean {
  if (state === "left" || exporters === null || exporters === "nobody") return false;
  return admin || (whoMaySend === "everyone" && exporters === "members");
}

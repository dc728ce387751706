/**
 * The server's word about itself before anybody is signed in: /config.json. The one request
 * that web/ makes itself, because it is no part of the protocol: it is a static file of the
 * department's, read for the map's tiles, and nothing depends on it.
 */

let reading: Promise<string | null> | null = null;

async function read(): Promise<string | null> {
  try {
    const response = await fetch("/config.json", { credentials: "omit" });
    if (!response.ok) return null;
    const config: unknown = await response.json();
    if (typeof config !== "object" || config === null || !("mapTilesUrl" in config)) return null;
    return tilesUrl(config.mapTilesUrl, location.href);
  } catch {
    return null;
  }
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

/** This page talks to no server: its maps draw the outline that the app has. */
export function askNoServer(): void {
  reading = Promise.resolve(null);
}

/** The department's raster tiles; null when it has none or cannot be reached. */
export function mapTilesUrl(): Promise<string | null> {
  reading ??= read().then((url) => {
    // Offline at the first try: ask again with the next map.
    if (url === null) reading = null;
    return url;
  });
  return reading;
}

/**
 * Which modules are built into one file. Left alone, Rollup makes a file for each icon and style that
 * two screens share: a phone asked for dozens before the first chat was there, each a round trip.
 */
import type { Rollup } from "vite";

type Graph = Pick<Rollup.ManualChunkMeta, "getModuleInfo">;

/** All that is loaded with some modules; with `later`, also all that they may load afterwards. */
function loadedWith(graph: Graph, starts: readonly string[], later = false): ReadonlySet<string> {
  const loaded = new Set<string>();
  const waiting = [...starts];
  for (let id = waiting.pop(); id !== undefined; id = waiting.pop()) {
    if (loaded.has(id)) continue;
    loaded.add(id);
    const found = graph.getModuleInfo(id);
    waiting.push(...(found?.importedIds ?? []));
    if (later) waiting.push(...(found?.dynamicallyImportedIds ?? []));
  }
  return loaded;
}

/**
 * Returns Rollup's `manualChunks`: one file for what the page `app` loads at once, and one for what
 * each of `stages` adds to that, in order. Modules that a page of `others` uses too are kept apart
 * from those that none does, so that no page runs what it has no use for.
 */
export function inStages(
  app: string,
  stages: Readonly<Record<string, readonly string[]>>,
  others: readonly string[],
): Rollup.GetManualChunk {
  let names: ReadonlyMap<string, string> | undefined;
  const named = (graph: Graph): ReadonlyMap<string, string> => {
    const made = new Map<string, string>();
    const elsewhere = others.map((page) => loadedWith(graph, [page], true));
    for (const [stage, starts] of Object.entries({ start: [app], ...stages }))
      for (const id of loadedWith(graph, starts)) {
        const users = elsewhere.flatMap((all, index) => (all.has(id) ? [String(index)] : []));
        if (!made.has(id)) made.set(id, [stage, ...users].join("-"));
      }
    // The page and its own script stay a file of the page's name.
    for (const id of [app, ...(graph.getModuleInfo(app)?.importedIds ?? [])])
      if (made.get(id) === "start") made.delete(id);
    return made;
  };
  return (id, graph) => (names ??= named(graph)).get(id);
}

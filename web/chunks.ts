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

/** A page's modules by when they are loaded: at once; by stages, in order, none of which waits for
 * what comes later; and by rooms, which people open in any order or not at all. */
export interface Loading {
  /** The page itself. */
  readonly page: string;
  readonly stages: Readonly<Record<string, readonly string[]>>;
  readonly rooms: Readonly<Record<string, readonly string[]>>;
}

/** Another page of the same build. */
interface OtherPage {
  readonly page: string;
  /** Whether it opens the app's own rooms, rather than some of their parts in other screens. */
  readonly opensRooms: boolean;
}

/**
 * Returns Rollup's `manualChunks`: one file for what the page loads at once, one for what each stage
 * adds to that, in order, one for each room, and one for what several rooms share. Modules that
 * another page uses too are kept apart from modules that none does, so that no page runs what it
 * has no use for. Modules of other pages alone are as Rollup has them.
 */
export function inStages(
  { page, stages, rooms }: Loading,
  others: readonly OtherPage[],
): Rollup.GetManualChunk {
  let names: ReadonlyMap<string, string> | undefined;
  const named = (graph: Graph): ReadonlyMap<string, string> => {
    const starts = [...Object.values(stages), ...Object.values(rooms)].flat();
    const missing = starts.filter((id) => graph.getModuleInfo(id) === null);
    if (missing.length > 0) throw new Error(`no page loads ${missing.join(", ")}`);
    const made = new Map<string, string>();
    const elsewhere = others.map((other) => loadedWith(graph, [other.page], true));
    const users = (id: string, some: (other: OtherPage) => boolean): readonly string[] =>
      others.flatMap((other, index) =>
        some(other) && elsewhere[index]?.has(id) === true ? [String(index)] : [],
      );
    for (const [stage, first] of Object.entries({ page: [page], ...stages }))
      for (const id of loadedWith(graph, first))
        if (!made.has(id)) made.set(id, [stage, ...users(id, () => true)].join("-"));
    const roomsOf = new Map<string, readonly string[]>();
    for (const [room, first] of Object.entries(rooms))
      for (const id of loadedWith(graph, first))
        roomsOf.set(id, [...(roomsOf.get(id) ?? []), room]);
    for (const [id, [room = "shared", ...more]] of roomsOf) {
      const too = users(id, ({ opensRooms }) => !opensRooms);
      const place = more.length > 0 || too.length > 0 ? "shared" : room;
      if (!made.has(id)) made.set(id, [place, ...too].join("-"));
    }
    // The page and its own script stay a file of the page's name.
    for (const id of [page, ...(graph.getModuleInfo(page)?.importedIds ?? [])])
      if (made.get(id) === "page") made.delete(id);
    return made;
  };
  return (id, graph) => (names ??= named(graph)).get(id);
}

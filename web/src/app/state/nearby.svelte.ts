/**
 * The people whom an officer looks for first: of the own unit, and the heads of the units above it.
 * Read when a list of people opens, and again when it is older than ten minutes, after a transfer
 * and after a change of the organisation: names are limited by the hour.
 */
import type { ChainOfCommand, Person, PersonId, UnitId } from "@copconnect/client/wire";
import type { Plate } from "@copconnect/client/core";
import { core } from "../core.ts";
import { app } from "./app.svelte.ts";
import { conversations } from "./conversations.svelte.ts";
import { directory } from "./directory.svelte.ts";
import { Loading } from "./loading.svelte.ts";

const OLD_MS = 600_000;
/** The most that the server gives at once. */
const MOST = 200;

interface Nearby {
  readonly of: string;
  readonly chain: ChainOfCommand;
  readonly people: readonly Person[];
}

const loading = new Loading<Nearby>();
let asked = "";
let askedMs = 0;

async function read(of: string, unitId: UnitId): Promise<Nearby> {
  const [chain, { people }] = await Promise.all([
    core().posts.chain(unitId),
    core().people.search({ unitId, limit: MOST }),
  ]);
  return { of, chain, people };
}

/** The person, the place, the organisation and the network of which an answer is. */
function state(): string | null {
  const { me } = app;
  if (me === null) return null;
  return JSON.stringify([me.personId, me.unitId, directory.current?.version, app.offline]);
}

/** Read them unless they are here. Run in an effect, it follows the person, post and network. */
export function wantNearby(again = false): void {
  const of = state();
  const unitId = app.me?.unitId;
  if (of === null || unitId === undefined) return;
  const old = Math.abs(Date.now() - askedMs) > OLD_MS;
  if (of === asked && !old && !again) return;
  asked = of;
  askedMs = Date.now();
  void loading.load(() => read(of, unitId));
}

const recents = $derived(
  conversations.sorted
    .filter((item) => item.direct !== null && item.last !== null)
    .sort((a, b) => (b.last?.sentMs ?? 0) - (a.last?.sentMs ?? 0))
    .flatMap(({ direct }): readonly Plate[] => (direct === null ? [] : [direct])),
);

export const nearby = {
  get unitId(): UnitId | null {
    return app.me?.unitId ?? null;
  },
  /** The newest answer, while it is of this person and post. */
  get value(): Nearby | null {
    const { value } = loading;
    return value !== null && value.chain.units[0]?.unitId === app.me?.unitId ? value : null;
  },
  get failed(): boolean {
    return loading.error !== null;
  },
  get recents(): readonly Plate[] {
    return recents;
  },
  /** For the server to find them before others. */
  get recentIds(): readonly PersonId[] {
    return recents.map(({ personId }) => personId);
  },
};

/**
 * The organisation (units, levels, ranks, roles) for putting plates into words. Loaded once,
 * reloaded when the core says that it changed. Until it is here, codes replace names.
 */
import type { ConversationItem, Plate } from "@copconnect/client/core";
import type { Directory, Level, Rank, Role, Unit, UnitId } from "@copconnect/client/wire";
import { nameOf } from "#i18n/format.ts";
import { language } from "#i18n/index.svelte.ts";
import { onCoreEvent } from "./app.svelte.ts";
import { core } from "../core.ts";
import { rankIndex, rankThenPost } from "./ranks.ts";

interface Index {
  readonly directory: Directory;
  readonly units: ReadonlyMap<UnitId, Unit>;
  readonly levels: ReadonlyMap<string, Level>;
  readonly ranks: ReadonlyMap<string, Rank>;
  readonly roles: ReadonlyMap<string, Role>;
}

let index = $state.raw<Index | null>(null);
let failed = $state(false);
let loading: Promise<void> | null = null;

async function fetchDirectory(): Promise<void> {
  try {
    const directory = await core().people.directory();
    index = {
      directory,
      units: new Map(directory.units.map((unit) => [unit.unitId, unit])),
      levels: new Map(directory.levels.map((level) => [level.code, level])),
      ranks: rankIndex(directory.ranks),
      roles: new Map(directory.roles.map((role) => [role.code, role])),
    };
    failed = false;
  } catch {
    failed = true;
  } finally {
    loading = null;
  }
}

export function loadDirectory(): Promise<void> {
  loading ??= fetchDirectory();
  return loading;
}

/** Load it now, and again whenever it changes. */
export function followDirectory(): () => void {
  void loadDirectory();
  return onCoreEvent((event) => {
    if (event.type === "directory") void loadDirectory();
    // A first load that failed for want of a network is tried again when it returns.
    if (event.type === "app" && event.state.connection === "online" && failed) void loadDirectory();
  });
}

export const directory = {
  get current(): Directory | null {
    return index?.directory ?? null;
  },
  get failed(): boolean {
    return failed;
  },
  unit(unitId: UnitId): Unit | undefined {
    return index?.units.get(unitId);
  },
  /** The unit that all others are below. */
  root(): Unit | undefined {
    return index?.directory.units.find(({ parentId }) => parentId === null);
  },
  rank(code: string): Rank | undefined {
    return index?.ranks.get(code);
  },
};

export function unitName(unitId: UnitId): string {
  const unit = index?.units.get(unitId);
  return unit === undefined ? "" : nameOf(unit.names);
}

/** A kind of unit in the reader's language; "" while it is unknown. */
export function levelName(code: string): string {
  const level = index?.levels.get(code);
  return level === undefined ? "" : nameOf(level.names);
}

/**
 * The height of a kind of unit: the steps above the lowest, and whether it is the top. null while
 * it is unknown.
 */
export function levelHeight(
  code: string,
): { readonly steps: number; readonly top: boolean } | null {
  const levels = index?.directory.levels ?? [];
  const at = levels.findIndex((level) => level.code === code);
  return at < 0 ? null : { steps: levels.length - 1 - at, top: at === 0 };
}

/** The unit whose conversation it is: the department's word, or one that its title names. */
export function conversationUnit({ standing, some, title }: ConversationItem): Unit | undefined {
  if (standing !== null) {
    return standing.unitId === null ? undefined : directory.unit(standing.unitId);
  }
  const unit = some[0] && directory.unit(some[0].unitId);
  return unit && title?.includes(unit.names.en) === true ? unit : undefined;
}

/** A role in the reader's language, by its code while it is unknown. */
export function roleName(code: string): string {
  const role = index?.roles.get(code);
  return role === undefined ? code : nameOf(role.names);
}

/** From the top of the organisation down to the unit. */
export function unitPath(unitId: UnitId): readonly Unit[] {
  const path: Unit[] = [];
  let at = index?.units.get(unitId);
  while (at !== undefined && path.length < 16) {
    path.unshift(at);
    at = at.parentId === null ? undefined : index?.units.get(at.parentId);
  }
  return path;
}

/** `said`: the names that a card signs; or a code or an English name. */
export function rankName(said: Plate["rank"]): string {
  if (typeof said !== "string") return nameOf(said);
  const rank = index?.ranks.get(said);
  return rank === undefined ? said : nameOf(rank.names);
}

/** "Sub-Inspector · Station writer": a rank and a post, in the reader's language. */
export function rankAndPost(who: Pick<Plate, "rank" | "post">): string {
  return rankThenPost(rankName(who.rank), nameOf(who.post));
}

/** The same, short, for a bubble: in English a rank's code is its everyday abbreviation. */
export function shortRankAndPost(plate: Plate): string {
  const said = typeof plate.rank === "string" ? plate.rank : plate.rank.en;
  const code = language.current === "en" ? index?.ranks.get(said)?.code : undefined;
  return rankThenPost(code?.replaceAll("_", " ") ?? rankName(plate.rank), nameOf(plate.post));
}

/** The organisation as a tree for drilling down. Pure over the directory. */
import type { UnitId } from "@copconnect/client/wire";
import { LANGUAGES, type Directory, type Names, type Unit } from "@copconnect/client/wire";

export interface UnitTree {
  readonly roots: readonly Unit[];
  children(unitId: UnitId): readonly Unit[];
}

/**
 * Index the directory; children in the order of their level, then by `compare`. A unit whose
 * parent is missing counts as a root, so that nobody becomes unreachable.
 */
export function unitTree(directory: Directory, compare: (a: Unit, b: Unit) => number): UnitTree {
  const known = new Set(directory.units.map((unit) => unit.unitId));
  const order = new Map(directory.levels.map((level, index) => [level.code, index]));
  const rank = (unit: Unit): number => order.get(unit.level) ?? order.size;
  const below = new Map<UnitId | null, Unit[]>();
  for (const unit of directory.units) {
    const parent = unit.parentId !== null && known.has(unit.parentId) ? unit.parentId : null;
    const siblings = below.get(parent);
    if (siblings === undefined) below.set(parent, [unit]);
    else siblings.push(unit);
  }
  for (const siblings of below.values()) {
    siblings.sort((a, b) => rank(a) - rank(b) || compare(a, b));
  }
  return {
    roots: below.get(null) ?? [],
    children: (unitId) => below.get(unitId) ?? [],
  };
}

/**
 * Whether a post's name says its unit already ("Station House Officer, Charminar" of "Charminar
 * PS"), so that a row need not say it twice. Posts name their place after the last comma.
 */
export function namesUnit(post: string, unit: string): boolean {
  const place = (post.split(/[,،]/).at(-1) ?? "").trim();
  return place !== "" && place !== post && (unit.startsWith(place) || place.startsWith(unit));
}

/** The same in any language: a card signs posts in English, while units have all their names. */
export function saysUnit(post: Names, unit: Names): boolean {
  return LANGUAGES.some((language) => namesUnit(post[language], unit[language]));
}

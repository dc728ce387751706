/**
 * The tree of units as a draft leaves it. Pure. Steps are done as the server does them, so that the
 * tree shows what would be there; the server alone judges them, and a step that cannot be done changes
 * nothing here.
 */
import type { Level, Names, PersonId, Step, Unit, UnitId, UnitPart } from "@copconnect/client/wire";
import { unitFits } from "#console/state/unit-search.ts";

export type UnitMark = "new" | "renamed" | "moved";

export interface DraftUnit {
  readonly unitId: UnitId;
  readonly parentId: UnitId | null;
  readonly level: string;
  readonly names: Names;
  readonly position: number;
}

export class DraftTree {
  readonly units: ReadonlyMap<UnitId, DraftUnit>;
  /** The units into which others are merged. */
  readonly into: ReadonlyMap<UnitId, UnitId>;
  /** The new homes of people whom a split names. */
  readonly people: ReadonlyMap<PersonId, UnitId>;
  readonly #stored: ReadonlyMap<UnitId, DraftUnit>;
  readonly #below: ReadonlyMap<UnitId | null, readonly DraftUnit[]>;

  constructor(
    stored: ReadonlyMap<UnitId, DraftUnit>,
    units: ReadonlyMap<UnitId, DraftUnit>,
    into: ReadonlyMap<UnitId, UnitId>,
    people: ReadonlyMap<PersonId, UnitId>,
  ) {
    [this.units, this.into, this.people, this.#stored] = [units, into, people, stored];
    const below = new Map<UnitId | null, DraftUnit[]>();
    for (const unit of units.values()) {
      const siblings = below.get(unit.parentId);
      if (siblings === undefined) below.set(unit.parentId, [unit]);
      else siblings.push(unit);
    }
    for (const siblings of below.values()) siblings.sort((a, b) => a.position - b.position);
    this.#below = below;
  }

  children(unitId: UnitId | null): readonly DraftUnit[] {
    return this.#below.get(unitId) ?? [];
  }

  /** From the top down to the unit. */
  path(unitId: UnitId): readonly DraftUnit[] {
    const found: DraftUnit[] = [];
    let at = this.units.get(unitId);
    while (at !== undefined && found.length < 64) {
      found.unshift(at);
      at = at.parentId === null ? undefined : this.units.get(at.parentId);
    }
    return found;
  }

  isWithin(unitId: UnitId | null, above: UnitId): boolean {
    return unitId !== null && this.path(unitId).some((one) => one.unitId === above);
  }

  /** The unit and all below it. */
  within(unitId: UnitId): readonly DraftUnit[] {
    const unit = this.units.get(unitId);
    if (unit === undefined) return [];
    return [unit, ...this.children(unitId).flatMap((one) => this.within(one.unitId))];
  }

  /** The marks of a unit that the draft changed. */
  marks(unitId: UnitId): readonly UnitMark[] {
    const now = this.units.get(unitId);
    const was = this.#stored.get(unitId);
    if (now === undefined) return [];
    if (was === undefined) return ["new"];
    const found: UnitMark[] = [];
    if (was.level !== now.level || !sameNames(was.names, now.names)) found.push("renamed");
    if (was.parentId !== now.parentId) found.push("moved");
    return found;
  }

  /** The path over which rights are judged: that of the stored tree, of a new unit its parent's. */
  storedPath(unitId: UnitId | null): string {
    let at = unitId;
    while (at !== null && !this.#stored.has(at)) at = this.units.get(at)?.parentId ?? null;
    const codes: string[] = [];
    while (at !== null && codes.length < 64) {
      codes.unshift(at);
      at = this.#stored.get(at)?.parentId ?? null;
    }
    return codes.join("/");
  }
}

export function sameNames(a: Names, b: Names): boolean {
  return a.en === b.en && a.te === b.te && a.ur === b.ur && a.hi === b.hi;
}

/** The stored units; their order is that of the list. */
export function storedTree(units: readonly Unit[]): ReadonlyMap<UnitId, DraftUnit> {
  return new Map(
    units.map(({ unitId, parentId, level, names }, position) => [
      unitId,
      { unitId, parentId, level, names, position },
    ]),
  );
}

/** The tree after these steps. */
export function draftTree(
  stored: ReadonlyMap<UnitId, DraftUnit>,
  steps: readonly Step[],
): DraftTree {
  const drafting = new Drafting(stored);
  for (const step of steps) drafting.take(step);
  return new DraftTree(stored, drafting.units, drafting.into, drafting.people);
}

class Drafting {
  readonly units: Map<UnitId, DraftUnit>;
  readonly into = new Map<UnitId, UnitId>();
  readonly people = new Map<PersonId, UnitId>();

  constructor(stored: ReadonlyMap<UnitId, DraftUnit>) {
    this.units = new Map(stored);
  }

  take(step: Step): void {
    switch (step.step) {
      case "add_unit":
        this.#add(step);
        break;
      case "rename_unit":
        this.#change(step.unitId, { names: step.names, level: step.level });
        break;
      case "move_unit":
        this.#move(step.unitId, step.parentId);
        break;
      case "merge_units":
        this.#merge(step.unitId, step.into);
        break;
      case "split_unit":
        this.#split(step.unitId, step.parts);
        break;
      case "remove_unit":
        if (this.#children(step.unitId).length === 0) this.units.delete(step.unitId);
        break;
      case "order_units":
        this.#order(step.parentId, step.unitIds);
        break;
    }
  }

  #add({ unitId, parentId, level, names }: Omit<DraftUnit, "position">): void {
    if (this.units.has(unitId) || (parentId !== null && !this.units.has(parentId))) return;
    const position = Math.max(-1, ...[...this.units.values()].map((one) => one.position)) + 1;
    this.units.set(unitId, { unitId, parentId, level, names, position });
  }

  #change(unitId: UnitId, changes: Partial<DraftUnit>): void {
    const unit = this.units.get(unitId);
    if (unit !== undefined) this.units.set(unitId, { ...unit, ...changes });
  }

  #move(unitId: UnitId, parentId: UnitId | null): void {
    if (parentId !== null && (!this.units.has(parentId) || this.#isWithin(parentId, unitId)))
      return;
    this.#change(unitId, { parentId });
  }

  #merge(unitId: UnitId, into: UnitId): void {
    if (!this.units.has(unitId) || !this.units.has(into) || this.#isWithin(into, unitId)) return;
    for (const child of this.#children(unitId)) this.#change(child.unitId, { parentId: into });
    this.units.delete(unitId);
    for (const [one, at] of this.into) if (at === unitId) this.into.set(one, into);
    for (const [one, at] of this.people) if (at === unitId) this.people.set(one, into);
    this.into.set(unitId, into);
  }

  #split(unitId: UnitId, parts: readonly UnitPart[]): void {
    for (const part of parts) {
      this.#add(part);
      for (const child of part.unitIds)
        if (this.units.get(child)?.parentId === unitId) this.#move(child, part.unitId);
      for (const person of part.personIds) this.people.set(person, part.unitId);
    }
  }

  #order(parentId: UnitId | null, unitIds: readonly UnitId[]): void {
    const there = this.#children(parentId);
    const whole = there.length === unitIds.length && unitIds.every((id) => this.units.has(id));
    if (!whole) return;
    unitIds.forEach((id, index) => {
      const position = there[index]?.position;
      if (position !== undefined) this.#change(id, { position });
    });
  }

  #children(unitId: UnitId | null): readonly DraftUnit[] {
    return [...this.units.values()]
      .filter((one) => one.parentId === unitId)
      .sort((a, b) => a.position - b.position);
  }

  #isWithin(unitId: UnitId, above: UnitId): boolean {
    let at: UnitId | null = unitId;
    for (let depth = 0; at !== null && depth < 64; depth += 1) {
      if (at === above) return true;
      at = this.units.get(at)?.parentId ?? null;
    }
    return false;
  }
}

/** The levels that a unit may have below a parent: all below the parent's. */
export function levelsBelow(
  levels: readonly Level[],
  parentLevel: string | null,
): readonly Level[] {
  const above = levels.findIndex(({ code }) => code === parentLevel);
  return levels.slice(above + 1);
}

/** Whether a unit of this level may be below a parent. */
export function fitsBelow(
  levels: readonly Level[],
  level: string,
  parentLevel: string | null,
): boolean {
  return levelsBelow(levels, parentLevel).some(({ code }) => code === level);
}

/** A code that no unit has: the parent's, or a sibling's form, with the next number. A row of digits
 * counts on in its last nine, which a number holds exactly. */
export function nextCode(tree: DraftTree, parentId: UnitId | null): UnitId {
  const siblings = tree.children(parentId).map(({ unitId }) => unitId as string);
  const numbered = siblings
    .map((code) => /^(.*?)(\d{1,9})$/u.exec(code))
    .filter((match) => match !== null);
  const last = numbered.at(-1);
  const stem = last?.[1] ?? (parentId === null ? "U" : `${parentId}-`);
  const width = last?.[2]?.length ?? 1;
  for (let number = Number(last?.[2] ?? 0) + 1; ; number += 1) {
    const code = `${stem}${String(number).padStart(width, "0")}` as UnitId;
    if (!tree.units.has(code) && !tree.into.has(code)) return code;
  }
}

/** The units in which some words are, in any language, or whose code begins so. */
export function found(tree: DraftTree, text: string): ReadonlySet<UnitId> {
  if (text.trim() === "") return new Set();
  const hits = [...tree.units.values()].filter((unit) => unitFits(unit, text));
  return new Set(hits.map(({ unitId }) => unitId));
}

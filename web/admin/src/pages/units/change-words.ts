/** Changes and problems of reorganisations in words. */
import type {
  Step,
  StepProblem,
  UnitChange,
  UnitChangeKind,
  UnitId,
  UnitState,
} from "@copconnect/client/wire";
import { levelName, unitName } from "#app/state/directory.svelte.ts";
import { formatList, nameOf } from "#i18n/format.ts";
import { c, isolated, known } from "#console/words.ts";

export type NameOfUnit = (unitId: UnitId) => string;

/** Names of units as the changes have them, else of the directory, else the code. */
export function namesIn(changes: readonly UnitChange[]): NameOfUnit {
  const states = new Map(changes.map((one) => [one.unitId, one.after ?? one.before]));
  return (unitId) => {
    const state = states.get(unitId);
    if (state !== undefined && state !== null) return isolated(nameOf(state.names));
    return isolated(unitName(unitId) || unitId);
  };
}

/** The changes of a unit, a sentence for each kind. */
export function changeText(change: UnitChange, name: NameOfUnit): readonly string[] {
  return change.kinds.map((kind) => sentence(kind, change, name));
}

function sentence(kind: UnitChangeKind, change: UnitChange, name: NameOfUnit): string {
  const { before, after, into } = change;
  const unit = name(change.unitId);
  const place = (state: UnitState | null): string =>
    state === null || state.parentId === null ? c("units.pane.top") : name(state.parentId);
  switch (kind) {
    case "added":
      return after?.parentId === null
        ? c("units.change.addedTop", { unit })
        : c("units.change.added", { unit, parent: place(after) });
    case "renamed":
      return c("units.change.renamed", { before: renamedFrom(before, after), after: unit });
    case "level": {
      const levels = [before, after].map((state) => levelName(state?.level ?? ""));
      return c("units.change.level", { unit, before: levels[0] ?? "", after: levels[1] ?? "" });
    }
    case "moved":
      return after?.parentId === null
        ? c("units.change.movedTop", { unit })
        : c("units.change.moved", { unit, before: place(before), after: place(after) });
    case "merged":
      return c("units.change.merged", { unit, into: into === null ? "" : name(into) });
    case "removed":
      return c("units.change.removed", { unit });
    case "order":
      return c("units.change.order", { unit });
  }
}

/** The name before; where the reader's language has the same one, that which differs. */
function renamedFrom(before: UnitState | null, after: UnitState | null): string {
  if (before === null || after === null) return "";
  const was = nameOf(before.names);
  if (was !== nameOf(after.names)) return isolated(was);
  const others = (["en", "te", "ur", "hi"] as const).filter(
    (one) => before.names[one] !== after.names[one] && before.names[one] !== "",
  );
  return isolated(others.length === 0 ? was : formatList(others.map((one) => before.names[one])));
}

export function stepText(step: Step, name: NameOfUnit): string {
  const unit = "unitId" in step ? step.unitId : step.parentId;
  return c(`units.steps.${step.step}`, {
    unit: unit === null ? c("units.pane.top") : name(unit),
  });
}

export function problemText({ code, unitId, value }: StepProblem, name: NameOfUnit): string {
  return c(`units.problems.${code}`, { unit: name(unitId), value: name(value as UnitId) });
}

/** "2 new, 1 moved": what a reorganisation of the past changed. */
export function summary(changes: readonly UnitChange[]): string {
  const counts = new Map<UnitChangeKind, number>();
  for (const kind of changes.flatMap(({ kinds }) => kinds))
    counts.set(kind, (counts.get(kind) ?? 0) + 1);
  return formatList(
    [...counts].map(([kind, count]) => known(`units.history.kinds.${kind}`, { count }) ?? kind),
  );
}

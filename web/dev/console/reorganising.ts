/** The scripted server's previews of reorganisations: by the page's own tree, where the server plans. */
import type {
  LapsingGrant,
  ReorganisationPreview,
  Step,
  UnitChange,
  UnitChangeKind,
  UnitCount,
  UnitId,
  UnitState,
} from "@copconnect/client/wire";
import { draftTree, sameNames, storedTree, type DraftUnit } from "#console/pages/units/tree.ts";
import { PEOPLE, UNITS } from "../organisation.ts";

const STORED = storedTree(UNITS);
const second = [...STORED.values()].filter(({ parentId }) => parentId !== null);
const a = second.at(-1) as DraftUnit;
const b = second.at(-2) as DraftUnit;

export const PAST_STEPS: readonly Step[] = [
  { step: "merge_units", unitId: a.unitId, into: b.unitId },
];

export function unitCounts(): UnitCount[] {
  return UNITS.map(({ unitId }, index) => ({
    ...{ unitId, people: 4 + ((index * 17) % 90), registered: 3 + ((index * 11) % 60) },
  }));
}

const stateOf = (unit: DraftUnit | undefined): UnitState | null =>
  unit === undefined ? null : { parentId: unit.parentId, level: unit.level, names: unit.names };

function kindsOf(before: DraftUnit | undefined, after: DraftUnit | undefined, merged: boolean) {
  if (before === undefined) return ["added"] as UnitChangeKind[];
  if (after === undefined) return [merged ? "merged" : "removed"] as UnitChangeKind[];
  const kinds: UnitChangeKind[] = [];
  if (!sameNames(before.names, after.names)) kinds.push("renamed");
  if (before.level !== after.level) kinds.push("level");
  if (before.parentId !== after.parentId) kinds.push("moved");
  if (before.position !== after.position) kinds.push("order");
  return kinds;
}

export function previewOf(steps: readonly Step[]): ReorganisationPreview {
  const tree = draftTree(STORED, steps);
  const counts = new Map(unitCounts().map((one) => [one.unitId, one.people]));
  const ids = new Set<UnitId>([...STORED.keys(), ...tree.units.keys()]);
  const units = [...ids].flatMap((unitId): UnitChange[] => {
    const [before, after] = [STORED.get(unitId), tree.units.get(unitId)];
    const kinds = kindsOf(before, after, tree.into.has(unitId));
    if (kinds.length === 0) return [];
    const people = counts.get(unitId) ?? 0;
    const into = tree.into.get(unitId) ?? null;
    return [{ unitId, kinds, before: stateOf(before), after: stateOf(after), into, people }];
  });
  const people = units.reduce((sum, one) => sum + one.people, 0);
  const some = PEOPLE.slice(0, 4).map(({ personId }) => personId);
  const places = [...tree.into].map(([fromId, toId]) => ({
    ...{ fromId, toId, people: counts.get(fromId) ?? 0, some },
  }));
  const grantee = PEOPLE[2];
  const lapsing: LapsingGrant[] =
    grantee === undefined
      ? []
      : units
          .filter(({ kinds }) => kinds.includes("moved") || kinds.includes("merged"))
          .map(({ unitId, after }) => ({
            ...{ person: grantee, path: unitId, now: after === null ? null : `X/${unitId}` },
            notAfterMs: Date.now() + 40 * 86_400_000,
          }));
  return {
    ...{ problems: [], units, people, places, lapsing, paths: [UNITS[0]?.unitId ?? ""] },
    moved: places.reduce((sum, one) => sum + one.people, 0),
    posts: places.length * 9,
    charges: places.length,
    groups: units
      .filter(({ kinds }) => !kinds.includes("order"))
      .map(({ before, after, people: count }) => ({
        kind: after === null ? "ended" : before === null ? "made" : "renamed",
        title: (after ?? before)?.names ?? null,
        former: before !== null && after !== null ? before.names : null,
        joins: before === null ? 12 : 0,
        leaves: after === null ? count : 0,
        joining: before === null ? some : [],
        leaving: after === null ? some : [],
      })),
    groupCount: units.length * 3,
    conversationsKept: 3,
    conversationsEnded: 1,
    needsSecond: people > 100,
    cards: [...PEOPLE],
  };
}

/** The rows of a preview that changed since the act was asked for. Pure. */
import type { ActPreview, Person } from "@copconnect/client/wire";

export type ChangedRow =
  | { readonly kind: "person"; readonly person: Person; readonly added: boolean }
  | { readonly kind: "unit"; readonly path: string; readonly added: boolean }
  | {
      readonly kind: "right";
      readonly right: ActPreview["rights"][number]["right"];
      readonly gain: number;
      readonly lose: number;
    }
  | {
      readonly kind: "group";
      readonly change: ActPreview["policy"][number];
      readonly added: boolean;
    }
  | { readonly kind: "people" | "conversations"; readonly then: number; readonly now: number };

/** If a preview names only some people, only those are compared by name. */
export function changedRows(then: ActPreview, now: ActPreview): readonly ChangedRow[] {
  const rows: ChangedRow[] = [];
  for (const kind of ["people", "conversations"] as const)
    if (then[kind] !== now[kind]) rows.push({ kind, then: then[kind], now: now[kind] });
  for (const [added, path] of differences(then.paths, now.paths, (one) => one))
    rows.push({ kind: "unit", path, added });
  for (const [added, person] of differences(then.sample, now.sample, ({ personId }) => personId))
    rows.push({ kind: "person", person, added });
  for (const [added, change] of differences(then.policy, now.policy, (one) => JSON.stringify(one)))
    rows.push({ kind: "group", change, added });
  const rights = new Set([...then.rights, ...now.rights].map(({ right }) => right));
  for (const right of rights) {
    const [before, after] = [then, now].map(({ rights: all }) =>
      all.find((one) => one.right === right),
    );
    if (JSON.stringify(whoChanges(before)) !== JSON.stringify(whoChanges(after)))
      rows.push({ kind: "right", right, gain: after?.gain ?? 0, lose: after?.lose ?? 0 });
  }
  return rows;
}

function whoChanges(one: ActPreview["rights"][number] | undefined): unknown {
  const ids = (people: readonly Person[]): string[] => people.map(({ personId }) => personId);
  return one === undefined
    ? null
    : [one.gain, one.lose, ids(one.gaining).sort(), ids(one.losing).sort()];
}

/** Those of now alone as added, then those of before alone. */
function differences<T>(
  then: readonly T[],
  now: readonly T[],
  name: (one: T) => string,
): [boolean, T][] {
  const [before, after] = [new Set(then.map(name)), new Set(now.map(name))];
  return [
    ...now.filter((one) => !before.has(name(one))).map((one): [boolean, T] => [true, one]),
    ...then.filter((one) => !after.has(name(one))).map((one): [boolean, T] => [false, one]),
  ];
}

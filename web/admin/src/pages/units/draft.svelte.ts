/**
 * The draft of this page: steps that nobody has signed yet, with undo and redo. The core keeps it in the
 * vault, so that it is there after a reload and nobody else reads it.
 */
import type { Step } from "@copconnect/client/wire";
import type { UnitDraft } from "@copconnect/client/core";
import { core } from "#app/core.ts";
import { directory } from "#app/state/directory.svelte.ts";
import { attempt } from "#app/state/task.svelte.ts";
import { draftTree, storedTree } from "./tree.ts";

const EMPTY: UnitDraft = { done: [], undone: [] };

let kept = $state.raw<UnitDraft | null>(null);
const stored = $derived(storedTree(directory.current?.units ?? []));
const steps = $derived((kept ?? EMPTY).done.flat());
const tree = $derived(draftTree(stored, steps));

async function keep(changed: UnitDraft): Promise<void> {
  kept = changed;
  const empty = changed.done.length === 0 && changed.undone.length === 0;
  await attempt(() => core().admin.keepUnitDraft(empty ? null : $state.snapshot(changed)));
}

export const draft = {
  /** Null until the vault has answered. */
  get loaded(): boolean {
    return kept !== null;
  },
  get steps(): readonly Step[] {
    return steps;
  },
  /** How many gestures made it. */
  get changes(): number {
    return kept?.done.length ?? 0;
  },
  get canUndo(): boolean {
    return (kept?.done.length ?? 0) > 0;
  },
  get canRedo(): boolean {
    return (kept?.undone.length ?? 0) > 0;
  },
  get tree() {
    return tree;
  },
  async load(): Promise<void> {
    kept ??= (await core().admin.unitDraft()) ?? EMPTY;
  },
  /** Add the steps of one gesture. */
  add(...made: readonly Step[]): void {
    if (made.length > 0) void keep({ done: [...(kept ?? EMPTY).done, made], undone: [] });
  },
  undo(): void {
    const { done, undone } = kept ?? EMPTY;
    const last = done.at(-1);
    if (last !== undefined) void keep({ done: done.slice(0, -1), undone: [...undone, last] });
  },
  redo(): void {
    const { done, undone } = kept ?? EMPTY;
    const last = undone.at(-1);
    if (last !== undefined) void keep({ done: [...done, last], undone: undone.slice(0, -1) });
  },
  /** Take everything back; undo and redo have it still, until the page is left by signing. */
  clear(): void {
    void keep(EMPTY);
  },
};

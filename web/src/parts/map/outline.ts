/**
 * The built-in outline: Telangana, the states around it, their common borders, the Godavari and
 * the Krishna. Natural Earth (public domain), simplified; see docs/decisions. Loaded when the
 * first place is shown, and kept.
 */
import type { Position } from "./projection.ts";

export interface Outline {
  readonly department: readonly (readonly (readonly Position[])[])[];
  readonly neighbours: readonly (readonly (readonly Position[])[])[];
  readonly borders: readonly (readonly Position[])[];
  readonly rivers: readonly (readonly Position[])[];
}

let loading: Promise<Outline> | null = null;

export function loadOutline(): Promise<Outline> {
  loading ??= import("./outline.json").then(
    (module) => module.default as unknown as Outline,
    (error: unknown) => {
      loading = null;
      throw error;
    },
  );
  return loading;
}

/**
 * The one error by which everything of docs/keys.md refuses. `rule` is the number of the rule that
 * refuses. Callers fail closed: they show nothing of what was refused and never retry with weaker
 * checks. `missing` names a thing to fetch: with it, the same question may get another answer.
 */
import type { DeviceId, KeyId, PersonId } from "../../ids.ts";

/** A certificate, record or key that a check did not have. Ids are hex. */
export type Missing =
  | { readonly kind: "certificate"; readonly device: DeviceId }
  | { readonly kind: "card" | "person devices"; readonly person: PersonId }
  | { readonly kind: "head"; readonly epoch: number }
  | { readonly kind: "leaf"; readonly epoch: number; readonly device: DeviceId }
  | { readonly kind: "record" | "key"; readonly keyId: KeyId };

export class Refused extends Error {
  /** Number of the rule in docs/keys.md, such as "R5". */
  readonly rule: string;
  readonly missing: Missing | null;

  constructor(rule: string, message: string, missing: Missing | null = null, cause?: unknown) {
    super(`${rule}: ${message}`, cause === undefined ? undefined : { cause });
    this.name = "Refused";
    this.rule = rule;
    this.missing = missing;
  }
}

/** A refusal that raises an alarm: two signed records claim a place, or a past, that one can have. */
export class Forked extends Refused {
  constructor(rule: string, message: string) {
    super(rule, message);
    this.name = "Forked";
  }
}

export function refuseUnless(condition: boolean, rule: string, message: string): asserts condition {
  if (!condition) throw new Refused(rule, message);
}

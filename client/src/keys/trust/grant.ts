/** Grant (docs/keys.md): a device gives a person the right over a part of the tree of units. */
import { RecordFormat, bytes, integer, text, type RecordOf } from "../format/record.ts";
import { refuseUnless } from "../format/refused.ts";
import { GRANT_LIMIT_MS } from "../../limits.ts";

/** Grants one below another, from a root admin's device. */
export const CHAIN_LIMIT = 4;

export const GrantFormat = new RecordFormat(
  { label: "copconnect grant v1", rule: "E0", version: 1 },
  {
    grantor: bytes(32),
    person: bytes(16),
    created: integer(8),
    notAfter: integer(8),
    path: text,
  },
);
export type Grant = RecordOf<typeof GrantFormat>;

/** Check what the record says without other records. */
export function requireGrantValues(grant: Grant): void {
  refuseUnless(isUnitPath(grant.path), "E0", "not a unit path");
  const span = grant.notAfter - grant.created;
  refuseUnless(span >= 0 && span <= GRANT_LIMIT_MS, "E0", "grant lasts over 180 days");
}

/** A grant whose not after is its created withdraws the one before it. */
export function isWithdrawal(grant: Grant): boolean {
  return grant.notAfter === grant.created;
}

/** Parts joined by `/`, none of them empty. */
export function isUnitPath(path: string): boolean {
  return path.split("/").every((part) => part !== "");
}

/** Whether a unit is `above` itself or below it. */
export function isAtOrBelow(path: string, above: string): boolean {
  return above !== "" && `${path}/`.startsWith(`${above}/`);
}

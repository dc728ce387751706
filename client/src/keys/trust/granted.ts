/**
 * Which grants are in force (E0).
 *
 * Conventions, the same as the server's:
 * - A grant is judged by the grants in force when it was made: an admin's later expiry undoes
 *   neither its endorsements nor its grants.
 * - The newest grant that its grantor had the right to make counts for its path, a withdrawal too.
 * - Withdrawing is for the grantor's person, people above it in its chain, and root admins; a
 *   withdrawal by others is ignored.
 */
import { idOf, type PersonId } from "../../ids.ts";
import { toHex, compareBytes } from "../../octets.ts";
import { CHAIN_LIMIT, isAtOrBelow, isWithdrawal, type Grant } from "./grant.ts";
import { NOBODY, isRootAdmin, type GrantChain, type Judgement } from "./judgement.ts";

/** {@link Judgement.grantsOver}. */
export function grantsOver(
  judgement: Judgement,
  person: PersonId,
  path: string,
  atMs: number,
): readonly GrantChain[] {
  const found: GrantChain[] = [];
  const judged = new Set<string>();
  for (const grant of [...judgement.records.grantsTo(person)].reverse()) {
    if (grant.created > atMs || judged.has(grant.path) || !isAtOrBelow(path, grant.path)) continue;
    const chain = chainOf(judgement, grant);
    if (chain === null) continue;
    judged.add(grant.path);
    if (!isWithdrawal(grant) && atMs <= grant.notAfter) found.push(chain);
  }
  return found;
}

/**
 * The chains of an admin's grants over a person's units of the last 7 days; none where the admin has
 * no grant over one of them.
 */
export function grantsOverPerson(
  judgement: Judgement,
  admin: PersonId,
  person: PersonId,
  atMs: number,
): readonly GrantChain[] {
  const paths = [...judgement.records.unitPaths(person, atMs)];
  if (paths.length === 0) judgement.memory.note({ kind: "card", person });
  const over = paths.map((path) => judgement.grantsOver(admin, path, atMs));
  return over.every((chains) => chains.length > 0) ? over.flat() : [];
}

/** The chain of a grant or withdrawal; null: its grantor had not the right to make it. */
function chainOf(judgement: Judgement, grant: Grant): GrantChain | null {
  return judgement.memory.remember("chain", toHex(grant.hash), () => judge(judgement, grant));
}

function judge(judgement: Judgement, grant: Grant): GrantChain | null {
  judgement.memory.step();
  const at = grant.created;
  const grantor = judgement.signerAt(idOf(grant.grantor), grant.hash, at, NOBODY);
  if (grantor === null) return null;
  const own = new Set([grantor.person]);
  if (isRootAdmin(judgement.records, grantor.deviceBytes, at)) return { links: 1, above: own };
  if (isWithdrawal(grant)) {
    const ended = chainBefore(judgement, grant);
    return ended?.above.has(grantor.person) === true ? { links: 1, above: own } : null;
  }
  // Strictly before: two people who grant to each other at one time have nothing from it.
  const chains = grantsOver(judgement, grantor.person, grant.path, at - 1);
  const links = 1 + Math.min(CHAIN_LIMIT, ...chains.map((chain) => chain.links));
  if (links > CHAIN_LIMIT) return null;
  return { links, above: new Set([...own, ...chains.flatMap(({ above }) => [...above])]) };
}

/** The chain of the newest grant before a withdrawal, for its person and path. */
function chainBefore(judgement: Judgement, withdrawal: Grant): GrantChain | null {
  for (const one of [...judgement.records.grantsTo(idOf(withdrawal.person))].reverse()) {
    const order = one.created - withdrawal.created || compareBytes(one.hash, withdrawal.hash);
    if (order >= 0 || one.path !== withdrawal.path || isWithdrawal(one)) continue;
    const chain = chainOf(judgement, one);
    if (chain !== null) return chain;
  }
  return null;
}

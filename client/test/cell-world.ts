/** A department, one cell and its roster, for MLS tests: officers join, the roster names them. */
import { newId, toHex } from "../src/octets.ts";
import { encodeGroupId } from "../src/mls/group-id.ts";
import { createMls } from "../src/mls/mls.ts";
import type {
  CellGroup,
  ClientIdentity,
  DeviceIdentity,
  Mls,
  PendingCommit,
  RosterView,
} from "../src/mls/types.ts";
import { SUITES, X25519_SUITE } from "../src/mls/suites.ts";
import { Department, encodeExternalRemove, type DeviceOptions } from "./certificates.ts";

/** For `describe.each`. */
export const BOTH_SUITES = SUITES.map(({ number }) => ({ suite: number }));

export interface Officer {
  readonly device: DeviceIdentity;
  readonly mls: Mls;
}

export class CellWorld {
  readonly department = new Department();
  readonly conversationId = newId();
  readonly cellId = newId();
  readonly #named = new Set<string>();
  readonly suite: number;
  /** What members ask; reads the set as it is at that moment. */
  readonly roster: RosterView = {
    names: (cellId, hash) => cellId === this.cellId && this.#named.has(hash),
  };

  constructor(suite = X25519_SUITE) {
    this.suite = suite;
  }

  get groupId(): Uint8Array {
    return encodeGroupId({ conversationId: this.conversationId, cellId: this.cellId });
  }

  name(client: ClientIdentity): void {
    this.#named.add(client.certificateHash);
  }

  unname(client: ClientIdentity): void {
    this.#named.delete(client.certificateHash);
  }

  /** An officer with a device; named by the roster unless told otherwise. */
  async officer(options: DeviceOptions & { readonly named?: boolean } = {}): Promise<Officer> {
    return this.equip(this.department.device(options), options.named ?? true);
  }

  async equip(device: DeviceIdentity, named = true): Promise<Officer> {
    const now = (): number => this.department.nowMs;
    const checker = await this.department.checker(now);
    const mls = await createMls({ identity: device, checker, suite: this.suite, now });
    if (named) this.name(device);
    return { device, mls };
  }

  async found(officer: Officer): Promise<CellGroup> {
    const founded = await officer.mls.found(this.conversationId, this.cellId);
    return (await founded.commit([], this.roster)).next;
  }

  /** The roster authority's Remove of a leaf, for the group's epoch. */
  remove(group: CellGroup, leafIndex: number, epoch = group.epoch): Uint8Array {
    return encodeExternalRemove(this.department.roster.privateKey, this.groupId, epoch, leafIndex);
  }

  /** A cell of `size` officers, all added by the first in one commit. */
  async cellOf(size: number): Promise<{ officers: Officer[]; groups: CellGroup[] }> {
    const officers: Officer[] = [];
    for (let i = 0; i < size; i++) officers.push(await this.officer());
    const [first, ...others] = officers as [Officer, ...Officer[]];
    let group = await first.mls.found(this.conversationId, this.cellId);
    const bundles = [];
    for (const other of others) bundles.push(await other.mls.generateKeyPackage(false));
    const pending = await group.commit(
      bundles.map((bundle) => bundle.keyPackage),
      this.roster,
    );
    group = pending.next;
    const groups: CellGroup[] = [group];
    for (const [i, other] of others.entries()) {
      const joined = await other.mls.joinByWelcome(
        welcomeOf(pending),
        [at(bundles, i)],
        this.roster,
      );
      groups.push(joined.group);
    }
    return { officers, groups };
  }
}

export function welcomeOf(pending: PendingCommit): Uint8Array {
  if (pending.welcome === null) throw new Error("no Welcome");
  return pending.welcome;
}

/** The code and rule of the refusal that `attempt` must end in. */
export async function refusal(
  attempt: Promise<unknown>,
): Promise<{ readonly code: string; readonly rule: number | null }> {
  try {
    await attempt;
  } catch (error) {
    const { code, rule } = error as { code?: unknown; rule?: unknown };
    if (typeof code === "string") return { code, rule: typeof rule === "number" ? rule : null };
    throw error;
  }
  throw new Error("it was accepted");
}

export function authenticators(groups: readonly CellGroup[]): Set<string> {
  return new Set(groups.map((group) => toHex(group.epochAuthenticator())));
}

/** The element that must be there. */
export function at<T>(list: readonly T[], index: number): T {
  const element = list[index];
  if (element === undefined) throw new Error(`nothing at ${String(index)}`);
  return element;
}

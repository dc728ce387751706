/**
 * Rule 7. What ts-mls calls `consumed` belongs to the old state: zeroing it at once destroys what
 * a losing committer needs to go on. Snapshots share arrays, so zeroing at the wrong time would
 * also make a living branch encrypt under a key made of zeros.
 *
 * So a snapshot notes what its operations consumed and which snapshots they made. `discard`, called
 * when the next state is stored, zeroes what was consumed and is not reachable from any of those.
 */
import type { ClientState } from "ts-mls";
import { allSecretTreeValues } from "ts-mls/secretTree.js";

/** Every secret array of a state, except the device's own signature key. */
export function secretsOf(state: ClientState): Uint8Array[] {
  const { keySchedule } = state;
  const secrets = [
    keySchedule.initSecret,
    keySchedule.senderDataSecret,
    keySchedule.exporterSecret,
    keySchedule.externalSecret,
    keySchedule.confirmationKey,
    keySchedule.membershipKey,
    keySchedule.resumptionPsk,
    ...allSecretTreeValues(state.secretTree),
    ...Object.values(state.privatePath.privateKeys),
  ];
  for (const epoch of state.historicalReceiverData.values())
    secrets.push(
      ...allSecretTreeValues(epoch.secretTree),
      epoch.senderDataSecret,
      epoch.resumptionPsk,
    );
  return secrets;
}

export class Consumption {
  readonly #consumed = new Set<Uint8Array>();
  readonly #branches: ClientState[] = [];

  /** One operation on this snapshot consumed these and made `next`. */
  note(consumed: readonly Uint8Array[], next: ClientState): void {
    for (const secret of consumed) this.#consumed.add(secret);
    this.#branches.push(next);
  }

  zero(): void {
    const alive = new Set<Uint8Array>();
    for (const branch of this.#branches) for (const secret of secretsOf(branch)) alive.add(secret);
    for (const secret of this.#consumed) if (!alive.has(secret)) secret.fill(0);
    this.#consumed.clear();
    this.#branches.length = 0;
  }
}

/**
 * Rule 6. `retainKeysForEpochs: 0` makes ts-mls keep every epoch (it slices by -0). We use 1 and
 * clear what it kept after each commit: the log is processed in order, so no old epoch is needed.
 */
import type { ClientState, KeyRetentionConfig } from "ts-mls";
import { allSecretTreeValues } from "ts-mls/secretTree.js";

export const KEY_RETENTION: KeyRetentionConfig = {
  retainKeysForGenerations: 0,
  retainKeysForEpochs: 1,
  maximumForwardRatchetSteps: 1000,
};

/** The state without the keys of earlier epochs, and the secrets it gave up. */
export function forgetHistory(state: ClientState): {
  readonly state: ClientState;
  readonly forgotten: Uint8Array[];
} {
  const forgotten: Uint8Array[] = [];
  for (const epoch of state.historicalReceiverData.values()) {
    forgotten.push(...allSecretTreeValues(epoch.secretTree));
    forgotten.push(epoch.senderDataSecret, epoch.resumptionPsk);
  }
  return { state: { ...state, historicalReceiverData: new Map() }, forgotten };
}

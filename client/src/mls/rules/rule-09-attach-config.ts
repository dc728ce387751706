/**
 * Rule 9. A decoded ts-mls state has no client config, and then trusts every credential. This is
 * the only place where a state becomes usable, and it always takes the config and the device key
 * (which is not stored with each group).
 */
import type { ClientConfig, ClientState, GroupState } from "ts-mls";

export function attachConfig(
  group: GroupState,
  config: ClientConfig,
  signaturePrivateKey: Uint8Array,
): ClientState {
  return { ...group, clientConfig: config, signaturePrivateKey };
}

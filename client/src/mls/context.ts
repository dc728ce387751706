/**
 * What every operation of this folder needs: this device, the checker, the suite and the config that
 * is attached to every ts-mls state.
 */
import type { Capabilities, CiphersuiteImpl, ClientConfig, Extension } from "ts-mls";
import { encodeRequiredCapabilities } from "ts-mls";
import { judge } from "./credential.ts";
import { pinnedSenders } from "./external-senders.ts";
import { KEY_RETENTION } from "./rules/rule-06-forget.ts";
import { SAME_CLIENT } from "./rules/rule-10-same-client.ts";
import { implementationOf, suiteOf, type Suite } from "./suites.ts";
import type { CredentialChecker, DeviceIdentity, MlsOptions } from "./types.ts";

/** `last_resort` of draft-ietf-mls-extensions: this key package may be used more than once. */
export const LAST_RESORT = 0x000a;

export interface MlsContext {
  readonly identity: DeviceIdentity;
  readonly checker: CredentialChecker;
  readonly suite: Suite;
  readonly cs: CiphersuiteImpl;
  readonly config: ClientConfig;
  readonly now: () => number;
}

export function makeConfig(checker: CredentialChecker): ClientConfig {
  return {
    keyRetentionConfig: KEY_RETENTION,
    lifetimeConfig: { maximumTotalLifetime: 0n, validateLifetimeOnReceive: false },
    keyPackageEqualityConfig: SAME_CLIENT,
    // Messages are padded by messages' own length (padding.ts); this one serves nothing else.
    paddingConfig: { kind: "padUntilLength", padUntilLength: 0 },
    authService: {
      // The library's own question, asked of every leaf. Roster, time and revocation are judged by
      // our checks before the library sees a message.
      async validateCredential(credential, signaturePublicKey) {
        try {
          await judge(checker, credential, signaturePublicKey, "any");
          return true;
        } catch {
          return false;
        }
      },
    },
  };
}

export async function makeContext(options: MlsOptions): Promise<MlsContext> {
  const suite = suiteOf(options.suite);
  return {
    identity: options.identity,
    checker: options.checker,
    suite,
    cs: await implementationOf(suite),
    config: makeConfig(options.checker),
    now: options.now,
  };
}

export function capabilitiesFor(suite: Suite): Capabilities {
  return {
    versions: ["mls10"],
    ciphersuites: [suite.name],
    extensions: [LAST_RESORT],
    proposals: [],
    credentials: ["x509"],
  };
}

/** The GroupContext extensions of every cell: these two, and no other. */
export function groupExtensions(checker: CredentialChecker): Extension[] {
  return [
    {
      extensionType: "required_capabilities",
      extensionData: encodeRequiredCapabilities({
        extensionTypes: [],
        proposalTypes: [],
        credentialTypes: ["x509"],
      }),
    },
    pinnedSenders(checker),
  ];
}

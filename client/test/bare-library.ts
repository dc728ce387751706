/**
 * ts-mls without our rules, on the same groups: to show what it accepts, and to make the messages of
 * a member or server that breaks the rules.
 */
import type { ClientConfig, ClientState, GroupContext, Proposal } from "ts-mls";
import {
  createCommit,
  emptyPskIndex,
  encodeExternalSender,
  encodeMlsMessage,
  processPublicMessage,
} from "ts-mls";
import { defaultClientConfig } from "ts-mls/clientConfig.js";
import { protectExternalProposalPublic } from "ts-mls/messageProtectionPublic.js";
import { decodeContainer } from "../src/mls/container.ts";
import { capabilitiesFor } from "../src/mls/context.ts";
import { credentialOf } from "../src/mls/credential.ts";
import { makeExternalCommit } from "../src/mls/external-commit.ts";
import { decodeGroupInfo, decodePublicMessage, encodePublicMessage } from "../src/mls/messages.ts";
import { attachConfig } from "../src/mls/rules/rule-09-attach-config.ts";
import { SUITES, X25519_SUITE, implementationOf, suiteOf } from "../src/mls/suites.ts";
import type { CellGroup, DeviceIdentity } from "../src/mls/types.ts";
import { generateKeyPackageWithKey, type CiphersuiteImpl, type KeyPackage } from "ts-mls";
import type { KeyPair } from "./certificates.ts";

export function library(suite = X25519_SUITE): Promise<CiphersuiteImpl> {
  return implementationOf(suiteOf(suite));
}

function libraryOf(group: GroupContext): Promise<CiphersuiteImpl> {
  return library(SUITES.find(({ name }) => name === group.cipherSuite)?.number);
}

/** The same group as a plain ts-mls state, with the library's own defaults unless told. */
export function bare(
  group: CellGroup,
  device: DeviceIdentity,
  config: ClientConfig = defaultClientConfig,
): ClientState {
  return attachConfig(
    decodeContainer(group.encode(), group.suite),
    config,
    device.signaturePrivateKey,
  );
}

/** `bare`, with external_senders in the form that ts-mls itself reads. */
export function bareWithAuthority(
  group: CellGroup,
  device: DeviceIdentity,
  authority: { readonly certificate: Uint8Array; readonly publicKey: Uint8Array },
): ClientState {
  const state = bare(group, device);
  const sender = encodeExternalSender({
    signaturePublicKey: authority.publicKey,
    credential: credentialOf(authority.certificate),
  });
  return {
    ...state,
    groupContext: {
      ...state.groupContext,
      extensions: [{ extensionType: "external_senders", extensionData: sender }],
    },
  };
}

/** What the library alone makes of a handshake message. Throws if it refuses. */
export async function libraryAccepts(
  state: ClientState,
  message: Uint8Array,
): Promise<ClientState> {
  const result = await processPublicMessage(
    state,
    decodePublicMessage(message),
    emptyPskIndex,
    await libraryOf(state.groupContext),
  );
  return result.newState;
}

/** A commit of a member that obeys no rule. */
export async function lawlessCommit(
  state: ClientState,
  extraProposals: Proposal[],
): Promise<{
  readonly commit: Uint8Array;
  readonly state: ClientState;
  readonly welcome: Uint8Array | null;
}> {
  const { commit, newState, welcome } = await createCommit(
    { state, pskIndex: emptyPskIndex, cipherSuite: await libraryOf(state.groupContext) },
    { wireAsPublicMessage: true, ratchetTreeExtension: true, extraProposals },
  );
  return {
    commit: encodeMlsMessage(commit),
    state: newState,
    welcome:
      welcome === undefined
        ? null
        : encodeMlsMessage({ version: "mls10", wireformat: "mls_welcome", welcome }),
  };
}

export async function keyPackageFor(
  device: DeviceIdentity,
  suite = X25519_SUITE,
): Promise<{
  publicPackage: KeyPackage;
  privatePackage: Awaited<ReturnType<typeof generateKeyPackageWithKey>>["privatePackage"];
}> {
  const now = BigInt(Math.floor(Date.now() / 1000));
  return generateKeyPackageWithKey(
    credentialOf(device.certificate),
    capabilitiesFor(suiteOf(suite)),
    { notBefore: now - 3600n, notAfter: now + 3600n },
    [],
    { signKey: device.signaturePrivateKey, publicKey: device.signaturePublicKey },
    await library(suite),
  );
}

/** An external commit that obeys no rule: it removes any leaf, or none where it should. */
export async function lawlessJoin(
  groupInfo: Uint8Array,
  device: DeviceIdentity,
  removed: number | null,
): Promise<Uint8Array> {
  const info = decodeGroupInfo(groupInfo);
  const suite = SUITES.find(({ name }) => name === info.groupContext.cipherSuite);
  const { publicMessage } = await makeExternalCommit(
    info,
    await keyPackageFor(device, suite?.number),
    removed,
    await library(suite?.number),
    defaultClientConfig,
  );
  return encodePublicMessage(publicMessage);
}

/** Any proposal, signed by the roster authority. */
export async function authorityProposes(
  state: ClientState,
  authority: KeyPair,
  proposal: Proposal,
): Promise<Uint8Array> {
  const { publicMessage } = await protectExternalProposalPublic(
    authority.privateKey,
    state.groupContext,
    new Uint8Array(),
    proposal,
    { senderType: "external", senderIndex: 0 },
    await libraryOf(state.groupContext),
  );
  return encodePublicMessage(publicMessage);
}

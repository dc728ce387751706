/**
 * Interoperation with OpenMLS (core-crypto, WebAssembly, Node): both directions of Welcome and
 * external commit, messages both ways, commits by each, the roster authority's Remove.
 *
 * What is covered. core-crypto parses x509 credentials only in its own form (a wireapp:// name in
 * the certificate) and refuses others already in a key package, so both sides hold basic credentials
 * here, also the roster authority in external_senders. A `Cell` refuses those; our side is the code
 * below it with a config that vouches for anybody: our primitives (provider.ts), message encoding
 * (messages.ts), padding, GroupInfo with the RFC's external_pub (group-info.ts, both ways), the
 * RFC's external_senders vector, capabilities, the founding order of joining.ts, the key retention
 * and the very bytes of the roster authority's Remove.
 *
 * Not covered: the x509 credential on the wire, the last_resort
 * extension (core-crypto fails on it), CredentialChecker, roster and the numbered rules.
 */
import type { ClientConfig, ClientState, Credential } from "ts-mls";
import {
  createCommit,
  createGroup,
  emptyPskIndex,
  generateKeyPackageWithKey,
  processPublicMessage,
} from "ts-mls";
import { defaultClientConfig } from "ts-mls/clientConfig.js";
import { processProposal } from "ts-mls/clientState.js";
import { decodeKeyPackage as decodeBareKeyPackage, encodeKeyPackage } from "ts-mls/keyPackage.js";
import { protectApplicationData, unprotectPrivateMessage } from "ts-mls/messageProtection.js";
import { unprotectPublicMessage } from "ts-mls/messageProtectionPublic.js";
import { describe, expect, test } from "vitest";
import { capabilitiesFor } from "../src/mls/context.ts";
import { makeExternalCommit } from "../src/mls/external-commit.ts";
import { externalSenders } from "../src/mls/external-senders.ts";
import { groupInfoOf } from "../src/mls/group-info.ts";
import { encodeGroupId } from "../src/mls/group-id.ts";
import {
  decodeGroupInfo,
  decodePrivateMessage,
  decodePublicMessage,
  decodeWelcome,
  encodeGroupInfo,
  encodePrivateMessage,
  encodePublicMessage,
  encodeWelcome,
} from "../src/mls/messages.ts";
import { paddingFor } from "../src/mls/padding.ts";
import { KEY_RETENTION } from "../src/mls/rules/rule-06-forget.ts";
import { suiteOf } from "../src/mls/suites.ts";
import { openWelcome } from "../src/mls/welcome.ts";
import type { DeviceIdentity } from "../src/mls/types.ts";
import { newId, utf8 } from "../src/octets.ts";
import { library } from "./bare-library.ts";
import { Department, encodeExternalRemove } from "./certificates.ts";
import { OpenMlsClient } from "./openmls.ts";

const CONFIG: ClientConfig = {
  ...defaultClientConfig,
  keyRetentionConfig: KEY_RETENTION,
};

const department = new Department();

function newGroupId(): Uint8Array {
  return encodeGroupId({ conversationId: newId(), cellId: newId() });
}

/** An identity in the form that core-crypto parses, made from ours. */
function basicCredential(device: DeviceIdentity): Credential {
  const { personId: id, clientId } = device;
  const uuid = [0, 8, 12, 16, 20].map((at, i) => id.slice(at, [8, 12, 16, 20, 32][i])).join("-");
  return {
    credentialType: "basic",
    identity: utf8(`${uuid}:${clientId.slice(0, 15)}@example.org`),
  };
}

async function ownKeyPackage(device: DeviceIdentity): ReturnType<typeof generateKeyPackageWithKey> {
  const now = BigInt(Math.floor(Date.now() / 1000));
  return generateKeyPackageWithKey(
    basicCredential(device),
    { ...capabilitiesFor(suiteOf(1)), credentials: ["basic", "x509"] },
    { notBefore: now - 3600n, notAfter: now + 7n * 24n * 3600n },
    [],
    { signKey: device.signaturePrivateKey, publicKey: device.signaturePublicKey },
    await library(),
  );
}

/** Our side of a group: a ts-mls state and the device. */
class OurClient {
  state: ClientState;
  readonly #device: DeviceIdentity;

  constructor(state: ClientState, device: DeviceIdentity) {
    this.state = state;
    this.#device = device;
  }

  static async found(groupId: Uint8Array): Promise<OurClient> {
    const device = department.device();
    const own = await ownKeyPackage(device);
    const state = await createGroup(
      groupId,
      own.publicPackage,
      own.privatePackage,
      [],
      await library(),
      CONFIG,
    );
    const extensions = [
      externalSenders({
        signaturePublicKey: department.roster.publicKey,
        credential: { credentialType: "basic", identity: utf8("roster authority") },
      }),
    ];
    return new OurClient({ ...state, groupContext: { ...state.groupContext, extensions } }, device);
  }

  async commit(
    keyPackages: readonly Uint8Array[],
  ): Promise<{ readonly commit: Uint8Array; readonly welcome: Uint8Array | null }> {
    const { commit, newState, welcome } = await createCommit(
      { state: this.state, pskIndex: emptyPskIndex, cipherSuite: await library() },
      {
        wireAsPublicMessage: true,
        ratchetTreeExtension: true,
        extraProposals: keyPackages.map((bytes) => {
          const decoded = decodeBareKeyPackage(bytes, 0);
          if (decoded?.[1] !== bytes.length) throw new Error("not a key package");
          return { proposalType: "add", add: { keyPackage: decoded[0] } };
        }),
      },
    );
    if (commit.wireformat !== "mls_public_message") throw new Error("not public");
    this.state = newState;
    return {
      commit: encodePublicMessage(commit.publicMessage),
      welcome: welcome === undefined ? null : encodeWelcome(welcome),
    };
  }

  async groupInfo(): Promise<Uint8Array> {
    return encodeGroupInfo(await groupInfoOf(this.state, await library()));
  }

  async process(commit: Uint8Array): Promise<void> {
    const message = decodePublicMessage(commit);
    const result = await processPublicMessage(this.state, message, emptyPskIndex, await library());
    this.state = result.newState;
  }

  /** A Remove of the roster authority, verified as handshake.ts does. */
  async accept(remove: Uint8Array): Promise<void> {
    const cs = await library();
    const message = decodePublicMessage(remove);
    if (message.content.contentType !== "proposal") throw new Error("not a proposal");
    const content = await unprotectPublicMessage(
      this.state.keySchedule.membershipKey,
      this.state.groupContext,
      this.state.ratchetTree,
      message,
      cs,
      department.roster.publicKey,
    );
    this.state = await processProposal(this.state, content, message.content.proposal, cs.hash);
  }

  async encrypt(words: string): Promise<Uint8Array> {
    const plaintext = utf8(words);
    const { privateMessage, newSecretTree } = await protectApplicationData(
      this.#device.signaturePrivateKey,
      this.state.keySchedule.senderDataSecret,
      plaintext,
      new Uint8Array(),
      this.state.groupContext,
      this.state.secretTree,
      this.state.privatePath.leafIndex,
      paddingFor(plaintext),
      await library(),
    );
    this.state = { ...this.state, secretTree: newSecretTree };
    return encodePrivateMessage(privateMessage);
  }

  async decrypt(bytes: Uint8Array): Promise<string> {
    const { content, tree } = await unprotectPrivateMessage(
      this.state.keySchedule.senderDataSecret,
      decodePrivateMessage(bytes),
      this.state.secretTree,
      this.state.ratchetTree,
      this.state.groupContext,
      KEY_RETENTION,
      await library(),
    );
    this.state = { ...this.state, secretTree: tree };
    if (content.content.contentType !== "application") throw new Error("not a message");
    return new TextDecoder().decode(content.content.applicationData);
  }
}

async function talk(ours: OurClient, theirs: OpenMlsClient, groupId: Uint8Array): Promise<void> {
  const words = "ఠాణాకు రండి – come to the station";
  const received = await theirs.receive(groupId, await ours.encrypt(words));
  expect(received.tag).toBe("Text");
  expect(new TextDecoder().decode(received.plaintext ?? new Uint8Array())).toBe(words);
  const answer = await theirs.encrypt(groupId, utf8("on the way"));
  expect(await ours.decrypt(answer)).toBe("on the way");
}

function bytesOf(welcome: unknown): Uint8Array {
  if (typeof welcome !== "object" || welcome === null || !("serialize" in welcome))
    throw new Error("no Welcome");
  return (welcome as { serialize(): Uint8Array }).serialize();
}

describe("OpenMLS", () => {
  test("joins ours by Welcome, talks, and each processes the other's commit", async () => {
    const groupId = newGroupId();
    const ours = await OurClient.found(groupId);
    const theirs = await OpenMlsClient.create(1);
    const { welcome } = await ours.commit([await theirs.keyPackage()]);
    if (welcome === null) throw new Error("no Welcome");
    await theirs.joinByWelcome(welcome);
    await talk(ours, theirs, groupId);
    const update = await ours.commit([]);
    expect((await theirs.receive(groupId, update.commit)).tag).toBe("Commit");
    await talk(ours, theirs, groupId);
    await ours.process((await theirs.update(groupId)).commit);
    await talk(ours, theirs, groupId);
    expect(await theirs.epoch(groupId)).toBe(Number(ours.state.groupContext.epoch));
  });

  test("lets ours join by Welcome, talks, and each processes the other's commit", async () => {
    const groupId = newGroupId();
    const theirs = await OpenMlsClient.create(2);
    await theirs.create(groupId, department.roster.publicKey);
    const device = department.device();
    const own = await ownKeyPackage(device);
    const bundle = await theirs.add(groupId, encodeKeyPackage(own.publicPackage));
    const welcome = decodeWelcome(bytesOf(bundle.welcome));
    const state = await openWelcome(welcome, own, await library(), CONFIG, () => Promise.resolve());
    const ours = new OurClient(state, device);
    await talk(ours, theirs, groupId);
    await ours.process((await theirs.update(groupId)).commit);
    const update = await ours.commit([]);
    expect((await theirs.receive(groupId, update.commit)).tag).toBe("Commit");
    await talk(ours, theirs, groupId);
  });

  test("joins ours by external commit, from our group info", async () => {
    const groupId = newGroupId();
    const ours = await OurClient.found(groupId);
    await ours.commit([]);
    const theirs = await OpenMlsClient.create(3);
    const bundle = await theirs.joinByExternalCommit(await ours.groupInfo());
    await ours.process(bundle.commit);
    await talk(ours, theirs, groupId);
    // And whoever joins after it does so from OpenMLS's own group info.
    const device = department.device();
    const own = await ownKeyPackage(device);
    const info = decodeGroupInfo(bundle.groupInfo.payload);
    const joined = await makeExternalCommit(info, own, null, await library(), CONFIG);
    const late = new OurClient(joined.newState, device);
    const commit = encodePublicMessage(joined.publicMessage);
    await ours.process(commit);
    expect((await theirs.receive(groupId, commit)).tag).toBe("Commit");
    await talk(late, theirs, groupId);
    expect(await theirs.members(groupId)).toBe(3);
  });

  test("accepts the roster authority's Remove, and commits it", async () => {
    const groupId = newGroupId();
    const ours = await OurClient.found(groupId);
    const [staying, leaving] = [await OpenMlsClient.create(4), await OpenMlsClient.create(5)];
    const { welcome } = await ours.commit([await staying.keyPackage(), await leaving.keyPackage()]);
    if (welcome === null) throw new Error("no Welcome");
    await staying.joinByWelcome(welcome);
    await leaving.joinByWelcome(welcome);
    const remove = encodeExternalRemove(department.roster.privateKey, groupId, 1, 2);
    await ours.accept(remove);
    expect((await staying.receive(groupId, remove)).tag).toBe("Proposal");
    const bundle = await staying.commitPending(groupId);
    await ours.process(bundle.commit);
    expect(await staying.members(groupId)).toBe(2);
    await talk(ours, staying, groupId);
    const secret = await ours.encrypt("not for the one who left");
    await expect(leaving.receive(groupId, secret)).rejects.toThrow();
  });
});

/**
 * Writes spec/mls_messages.json and spec/external_remove.json with the client's own MLS code:
 *
 *   npx tsx client/test/make-mls-vectors.ts
 *
 * Keys are fresh at each run, so the files change; the Python readers (src/copconnect/delivery/mls)
 * are tested against the files as they are. The roster authority's Remove is encoded and signed by
 * ts-mls itself and accepted by two members through the client's checks; Python must produce the
 * identical bytes.
 */
import { writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { encodeMlsMessage, getCiphersuiteFromName, getCiphersuiteImpl } from "ts-mls";
import { signFramedContentApplicationOrProposal } from "ts-mls/framedContent.js";
import type { CellGroup, ClientIdentity, PendingCommit } from "../src/mls/types.ts";
import { toHex, utf8 } from "../src/octets.ts";
import { CellWorld, welcomeOf } from "./cell-world.ts";

const world = new CellWorld();
const { roster, conversationId, cellId } = world;
const authority = world.department.roster;
const messages: { name: string; bytes: string; header: Record<string, unknown> }[] = [];
const groupInfos: {
  name: string;
  bytes: string;
  epoch: number;
  leaves: { index: number; certificate: string }[];
}[] = [];

/** Keep a commit and its group info; `sender` is null for an external commit. */
function keep(name: string, pending: PendingCommit, sender: number | null): CellGroup {
  const epoch = pending.next.epoch;
  messages.push({
    name,
    bytes: toHex(pending.commit),
    header: {
      wire: "public",
      epoch: epoch - 1,
      senderType: sender === null ? 4 : 1,
      senderIndex: sender,
      contentType: 3,
    },
  });
  groupInfos.push({
    name: `after ${name}`,
    bytes: toHex(pending.groupInfo),
    epoch,
    leaves: pending.next
      .members()
      .map((one) => ({ index: one.leafIndex, certificate: toHex(one.certificate) })),
  });
  return pending.next;
}

async function keepMessage(name: string, from: CellGroup, text: string): Promise<void> {
  const { message } = await from.encrypt(utf8(text));
  messages.push({
    name,
    bytes: toHex(message),
    header: { wire: "private", epoch: from.epoch, contentType: 1 },
  });
}

/** The Remove of a leaf as ts-mls encodes and signs it. */
async function removeByLibrary(epoch: number, removed: number): Promise<Uint8Array> {
  const suite = await getCiphersuiteImpl(
    getCiphersuiteFromName("MLS_128_DHKEMX25519_AES128GCM_SHA256_Ed25519"),
  );
  const content = {
    groupId: world.groupId,
    epoch: BigInt(epoch),
    sender: { senderType: "external" as const, senderIndex: 0 },
    authenticatedData: new Uint8Array(),
    contentType: "proposal" as const,
    proposal: { proposalType: "remove" as const, remove: { removed } },
  };
  const auth = await signFramedContentApplicationOrProposal(
    authority.privateKey,
    {
      protocolVersion: "mls10",
      wireformat: "mls_public_message",
      content,
      senderType: "external",
    },
    suite,
  );
  return encodeMlsMessage({
    version: "mls10",
    wireformat: "mls_public_message",
    publicMessage: { content, auth, senderType: "external" },
  });
}

const alice = await world.officer();
const bob = await world.officer();
const carol = await world.officer();
const unfounded = await alice.mls.found(conversationId, cellId);
let aliceGroup = keep("founding commit", await unfounded.commit([], roster), 0);
const bundle = await bob.mls.generateKeyPackage(false);
const adding = await aliceGroup.commit([bundle.keyPackage], roster);
aliceGroup = keep("commit that adds bob", adding, 0);
let bobGroup = (await bob.mls.joinByWelcome(welcomeOf(adding), [bundle], roster)).group;
const joining = await carol.mls.joinByExternalCommit(adding.groupInfo, roster);
const removedLeaf = keep("external commit of carol", joining, null).ownLeafIndex;
aliceGroup = (await aliceGroup.processHandshake(joining.commit, roster)).next;
bobGroup = (await bobGroup.processHandshake(joining.commit, roster)).next;
await keepMessage("message of bob", bobGroup, "all units");

world.unname(carol.device);
const before = { epoch: aliceGroup.epoch, state: toHex(aliceGroup.encode()) };
const proposal = await removeByLibrary(before.epoch, removedLeaf);
messages.push({
  name: "roster authority removes carol",
  bytes: toHex(proposal),
  header: { wire: "public", epoch: before.epoch, senderType: 2, senderIndex: 0, contentType: 2 },
});
aliceGroup = (await aliceGroup.processHandshake(proposal, roster)).next;
bobGroup = (await bobGroup.processHandshake(proposal, roster)).next;
if (aliceGroup.pendingRemovals.length !== 1 || bobGroup.pendingRemovals.length !== 1)
  throw new Error("the client refused the Remove");
const removing = await aliceGroup.commit([], roster);
keep("commit that removes carol", removing, 0);
bobGroup = (await bobGroup.processHandshake(removing.commit, roster)).next;
await keepMessage("message after the Remove", bobGroup, "all units again");

function described(one: ClientIdentity): Record<string, string> {
  return {
    personId: one.personId,
    clientId: one.clientId,
    certificate: toHex(one.certificate),
  };
}

function write(name: string, value: object): void {
  const made = "npx tsx client/test/make-mls-vectors.ts";
  const text = JSON.stringify({ made, ...value }, null, 2);
  writeFileSync(fileURLToPath(new URL(`../../spec/${name}`, import.meta.url)), `${text}\n`);
}

write("mls_messages.json", {
  conversationId,
  cellId,
  suite: 1,
  authority: {
    publicKey: toHex(authority.publicKey),
    certificate: toHex(world.department.rosterCertificate),
  },
  clients: {
    alice: described(alice.device),
    bob: described(bob.device),
    carol: described(carol.device),
  },
  welcome: toHex(welcomeOf(adding)),
  keyPackage: toHex(bundle.keyPackage),
  messages,
  groupInfos,
});
write("external_remove.json", {
  conversationId,
  cellId,
  epoch: before.epoch,
  leafIndex: removedLeaf,
  authority: {
    privateKey: toHex(authority.privateKey),
    publicKey: toHex(authority.publicKey),
    certificate: toHex(world.department.rosterCertificate),
  },
  member: {
    ...described(alice.device),
    signaturePrivateKey: toHex(alice.device.signaturePrivateKey),
    state: before.state,
  },
  others: [described(bob.device), described(carol.device)],
  removedCertificate: toHex(carol.device.certificate),
  proposal: toHex(proposal),
});

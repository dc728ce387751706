/** The server's external Remove, as spec/external_remove.json holds it and Python writes it. */
import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { ed25519 } from "@noble/curves/ed25519.js";
import { expect, test } from "vitest";
import { credentialOf, identify } from "../src/mls/credential.ts";
import { encodeGroupId } from "../src/mls/group-id.ts";
import { createMls } from "../src/mls/mls.ts";
import { fromHex, toHex } from "../src/octets.ts";
import { encodeExternalRemove } from "./certificates.ts";

interface Vector {
  readonly conversationId: string;
  readonly cellId: string;
  readonly epoch: number;
  readonly leafIndex: number;
  readonly authority: Readonly<Record<"privateKey" | "publicKey" | "certificate", string>>;
  readonly member: Readonly<Record<"certificate" | "signaturePrivateKey" | "state", string>>;
  readonly removedCertificate: string;
  readonly proposal: string;
}

const vector = JSON.parse(
  readFileSync(fileURLToPath(new URL("../../spec/external_remove.json", import.meta.url)), "utf8"),
) as Vector;

test("M5: is accepted by a member of that cell, byte for byte as the server writes it", async () => {
  const { conversationId, cellId, authority, member } = vector;
  const identity = identify(credentialOf(fromHex(member.certificate)));
  const removed = identify(credentialOf(fromHex(vector.removedCertificate)));
  const signaturePrivateKey = fromHex(member.signaturePrivateKey);
  const mls = await createMls({
    identity: {
      ...identity,
      signaturePrivateKey,
      signaturePublicKey: ed25519.getPublicKey(signaturePrivateKey),
    },
    // The vector has no issuing CA; only the roster authority is judged here.
    checker: {
      checkClient: (certificate) => Promise.resolve(identify(credentialOf(certificate))),
      rosterAuthority: () => ({
        certificate: fromHex(authority.certificate),
        publicKey: fromHex(authority.publicKey),
      }),
    },
    suite: 1,
    now: Date.now,
  });
  const group = await mls.decode(fromHex(member.state));
  expect([group.epoch, group.conversationId, group.cellId]).toEqual([
    vector.epoch,
    conversationId,
    cellId,
  ]);
  const roster = {
    names: (_: string, hash: string): boolean => hash !== removed.certificateHash,
  };
  const seen = await group.processHandshake(fromHex(vector.proposal), roster);
  expect(seen.next.pendingRemovals.map(({ leafIndex, clientId }) => [leafIndex, clientId])).toEqual(
    [[vector.leafIndex, removed.clientId]],
  );
  const { commit } = await seen.next.commit([], roster);
  expect(commit.length).toBeGreaterThan(0);
  const ours = encodeExternalRemove(
    fromHex(authority.privateKey),
    encodeGroupId({ conversationId, cellId }),
    vector.epoch,
    vector.leafIndex,
  );
  expect(toHex(ours)).toBe(vector.proposal);
});

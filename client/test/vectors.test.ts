/**
 * The MLS working group's passive-client vectors, through ts-mls with the primitives as we load them
 * (provider.ts). They are not part of this project: the test reads them from ../shared/vectors/mls
 * beside the repository, or from $COPCONNECT_VECTORS/mls, and is skipped where they are absent.
 */
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import type { ClientState, PskIndex } from "ts-mls";
import { bytesToBase64, decodeMlsMessage, joinGroup, makePskIndex, processMessage } from "ts-mls";
import { defaultClientConfig } from "ts-mls/clientConfig.js";
import { decodeRatchetTree } from "ts-mls/ratchetTree.js";
import { describe, expect, test } from "vitest";
import { decodeKeyPackage, decodeWelcome } from "../src/mls/messages.ts";
import { implementationOf, suiteOf } from "../src/mls/suites.ts";
import { fromHex, toHex } from "../src/octets.ts";

interface PassiveClient {
  readonly cipher_suite: number;
  readonly external_psks: readonly { readonly psk_id: string; readonly psk: string }[];
  readonly key_package: string;
  readonly signature_priv: string;
  readonly encryption_priv: string;
  readonly init_priv: string;
  readonly welcome: string;
  readonly ratchet_tree: string | null;
  readonly initial_epoch_authenticator: string;
  readonly epochs: readonly {
    readonly proposals: readonly string[];
    readonly commit: string;
    readonly epoch_authenticator: string;
  }[];
}

const repository = fileURLToPath(new URL("../../", import.meta.url));
const candidates = [
  process.env["COPCONNECT_VECTORS"],
  join(repository, "../shared/vectors"),
].filter((path): path is string => path !== undefined);
const folder = candidates.map((path) => join(path, "mls")).find((path) => existsSync(path));

const FILES = [
  "passive-client-welcome.json",
  "passive-client-handling-commit.json",
  "passive-client-random.json",
];

async function step(state: ClientState, hex: string, psks: PskIndex): Promise<ClientState> {
  const message = decodeMlsMessage(fromHex(hex), 0)?.[0];
  if (message?.wireformat !== "mls_public_message" && message?.wireformat !== "mls_private_message")
    throw new Error("not a handshake message");
  const cs = await implementationOf(suiteOf(1));
  const result = await processMessage(message, state, psks, () => "accept", cs);
  return result.newState;
}

async function run(vector: PassiveClient): Promise<void> {
  const cs = await implementationOf(suiteOf(vector.cipher_suite));
  const external = Object.fromEntries(
    vector.external_psks.map(({ psk_id, psk }) => [bytesToBase64(fromHex(psk_id)), fromHex(psk)]),
  );
  const tree =
    vector.ratchet_tree === null
      ? undefined
      : decodeRatchetTree(fromHex(vector.ratchet_tree), 0)?.[0];
  let state = await joinGroup(
    decodeWelcome(fromHex(vector.welcome)),
    decodeKeyPackage(fromHex(vector.key_package)),
    {
      initPrivateKey: fromHex(vector.init_priv),
      hpkePrivateKey: fromHex(vector.encryption_priv),
      signaturePrivateKey: fromHex(vector.signature_priv),
    },
    makePskIndex(undefined, external),
    cs,
    tree,
    undefined,
    defaultClientConfig,
  );
  expect(toHex(state.keySchedule.epochAuthenticator)).toBe(vector.initial_epoch_authenticator);
  for (const epoch of vector.epochs) {
    const psks = makePskIndex(state, external);
    for (const proposal of epoch.proposals) state = await step(state, proposal, psks);
    state = await step(state, epoch.commit, makePskIndex(state, external));
    expect(toHex(state.keySchedule.epochAuthenticator)).toBe(epoch.epoch_authenticator);
  }
}

describe.skipIf(folder === undefined)(
  `working group vectors (${folder === undefined ? "skipped: ../shared/vectors/mls is absent" : "found"})`,
  () => {
    for (const file of FILES)
      test(file, async () => {
        const vectors = JSON.parse(
          readFileSync(join(folder as string, file), "utf8"),
        ) as PassiveClient[];
        expect(vectors.length).toBeGreaterThan(0);
        for (const vector of vectors) await run(vector);
      });
  },
);

/**
 * Whole clients for the load simulator: the real core under Node, several in one process, each on a
 * device that the force has registered already. They enter their cells by themselves, commit what is
 * due, send what they are told. Whenever one of them has committed, the cell's new seed is told, for
 * the simulated devices of the cell, which hold no MLS state.
 *
 * Run: npx tsx client/bench/full-clients.ts <devices.msgpack> <origin>…
 * Lines of JSON in: {command: "start" | "send" | "close", …}; out: answers with `command`, and
 * {seed: …} whenever there is one, {posted: …} for every message, as clients send some by themselves. Times are CLOCK_MONOTONIC in ns, as Python's.
 */
import "fake-indexeddb/auto";
import { readFile } from "node:fs/promises";
import { createInterface } from "node:readline";
import { ed25519 } from "@noble/curves/ed25519.js";
import { decode } from "@msgpack/msgpack";
import { WebSocket } from "ws";
import { keyIdOf } from "../src/cells/record.ts";
import { createCore } from "../src/create.ts";
import type { LocalCore } from "../src/create.ts";
import { createMls } from "../src/mls/mls.ts";
import type { DeviceIdentity } from "../src/mls/types.ts";
import { toHex } from "../src/octets.ts";
import { STORES } from "../src/records.ts";
import type { AccountRecord, GroupRecord, TreeRecord } from "../src/records.ts";
import { seedOf } from "../src/several_cells/own_key.ts";
import type { Fetch } from "../src/transport/http.ts";
import type { WebSocketMaker } from "../src/transport/socket.ts";
import { TrustStore } from "../src/trust/checker.ts";
import { Vault } from "../src/vault/vault.ts";
import type { Accepted, Me, Trust, UploadCommit } from "../src/wire.ts";

const SUITE = 1;
const SIGNATURE_BYTES = 64;
const POLL_MS = 20;
const LIMIT_MS = 120_000;
const COMMIT = /\/conversations\/([0-9a-f]+)\/cells\/([0-9a-f]+)\/commits$/;
const MESSAGE = /\/conversations\/[0-9a-f]+\/(sealed|messages)$/;

interface PlannedClient {
  readonly personId: string;
  readonly clientId: string;
  readonly certificate: Uint8Array;
  readonly certificateHash: string;
  readonly privateKey: Uint8Array;
  readonly token: string;
}

interface Plan {
  readonly trust: Trust;
  readonly conversationId: string;
  readonly clients: readonly PlannedClient[];
}

interface Command {
  readonly command: "start" | "send" | "close";
  readonly client?: number;
  readonly text?: string;
}

/** What the client's last message weighed and when it went. */
interface Posted {
  entryId: string;
  bytes: number;
  postedNs: bigint;
  acceptedNs: bigint;
  seq: number;
}

function say(value: object): void {
  const text = JSON.stringify(value, (_, one: unknown) =>
    typeof one === "bigint" ? Number(one) : one,
  );
  process.stdout.write(`${text}\n`);
}

function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}

class FullClient {
  readonly #plan: Plan;
  readonly #device: PlannedClient;
  readonly #vaultName: string;
  readonly #origin: string;
  #core: LocalCore | null = null;
  #posted: Posted | null = null;

  constructor(plan: Plan, device: PlannedClient, origin: string) {
    this.#plan = plan;
    this.#device = device;
    this.#origin = origin;
    this.#vaultName = `full-${device.clientId}`;
  }

  get #identity(): DeviceIdentity {
    const { personId, clientId, certificate, certificateHash, privateKey } = this.#device;
    return {
      personId,
      clientId,
      certificate,
      certificateHash,
      signaturePrivateKey: privateKey,
      signaturePublicKey: ed25519.getPublicKey(privateKey),
    };
  }

  /** Put the account where registration would have, and start; the core does the rest. */
  async start(): Promise<void> {
    const vault = await this.#vault();
    const { trust } = this.#plan;
    const headers = {
      authorization: `Bearer ${this.#device.token}`,
      accept: "application/msgpack",
    };
    const answer = await fetch(`${this.#origin}/v1/me`, { headers });
    const me = decode(new Uint8Array(await answer.arrayBuffer())) as Me;
    const account: AccountRecord = {
      ...this.#identity,
      accessToken: this.#device.token,
      pinnedRoot: trust.root,
      trust,
      me,
    };
    await vault.write([{ op: "put", store: STORES.meta, key: "account", value: account }], true);
    this.#core = createCore({
      origin: this.#origin,
      vaultName: this.#vaultName,
      WebSocket: WebSocket as unknown as WebSocketMaker,
      fetch: this.#fetch,
    });
    await this.#core.start();
    await this.#until("its cell", async () => {
      const all = (await this.#core?.conversations()) ?? [];
      const found = all.find((item) => item.conversationId === this.#plan.conversationId);
      return found?.state === "ready";
    });
  }

  async send(text: string): Promise<object> {
    const calledNs = process.hrtime.bigint();
    this.#posted = null;
    await this.#core?.send(this.#plan.conversationId, { kind: "text", text, mentions: [] }, null);
    await this.#until("an answer", () => Promise.resolve((this.#posted?.seq ?? 0) > 0));
    return { ...(this.#posted as unknown as Posted), calledNs };
  }

  async close(): Promise<void> {
    await this.#core?.close();
  }

  readonly #fetch: Fetch = async (url, init) => {
    const commit = COMMIT.exec(url);
    const message = init.method === "POST" && MESSAGE.test(url);
    const body = init.body as Uint8Array | undefined;
    if (message) {
      this.#posted = {
        entryId: entryIdOf(body ?? new Uint8Array()),
        bytes: body?.byteLength ?? 0,
        postedNs: process.hrtime.bigint(),
        acceptedNs: 0n,
        seq: 0,
      };
    }
    const response = await fetch(url, init);
    const answeredNs = process.hrtime.bigint();
    if (!response.ok) return response;
    if (message && this.#posted !== null) {
      this.#posted.acceptedNs = answeredNs;
      const accepted = decode(new Uint8Array(await response.clone().arrayBuffer())) as Accepted;
      this.#posted.seq = accepted.seq;
      say({ posted: this.#posted.entryId });
    }
    if (commit !== null && body !== undefined) {
      const [, , cellId = ""] = commit;
      void this.#tellSeed(cellId, decode(body) as UploadCommit);
    }
    return response;
  };

  /** The core stores the group of the new epoch after the DS has accepted: then it has the seed. */
  async #tellSeed(cellId: string, upload: UploadCommit): Promise<void> {
    const record = upload.keyRecord;
    if (record === null || record === undefined) return;
    const epoch = upload.epoch + 1;
    const checker = await TrustStore.open(this.#plan.trust, {
      pinnedRoot: this.#plan.trust.root,
      now: Date.now,
    });
    const mls = await createMls({
      identity: this.#identity,
      checker,
      suite: SUITE,
      now: Date.now,
    });
    const vault = await this.#vault();
    await this.#until(`epoch ${String(epoch)}`, async () => {
      const stored = await vault.get<GroupRecord>(STORES.groups, this.#plan.conversationId);
      if (stored === null) return false;
      const tree = await vault.get<TreeRecord>(STORES.trees, this.#plan.conversationId);
      if (tree === null || tree.id !== stored.tree) return false;
      const group = await mls.decode(stored.state, tree.bytes);
      if (group.cellId !== cellId || group.epoch < epoch) return false;
      if (group.epoch === epoch) {
        const keyId = keyIdOf(record.subarray(0, record.length - SIGNATURE_BYTES));
        say({ seed: toHex(await seedOf(group)), cellId, epoch, keyId });
      }
      return true;
    });
  }

  async #vault(): Promise<Vault> {
    const vault = new Vault({ name: this.#vaultName, now: Date.now });
    await vault.open();
    return vault;
  }

  async #until(what: string, condition: () => Promise<boolean>): Promise<void> {
    const deadline = Date.now() + LIMIT_MS;
    while (!(await condition())) {
      if (Date.now() > deadline) throw new Error(`${this.#device.clientId}: no ${what}`);
      await pause(POLL_MS);
    }
  }
}

/** The message id in an uploaded header, or the entry id of a message of one cell. */
function entryIdOf(body: Uint8Array): string {
  const upload = decode(body) as { readonly sealed?: Uint8Array; readonly entryId?: string };
  return upload.sealed === undefined ? (upload.entryId ?? "") : toHex(upload.sealed.slice(19, 35));
}

async function main(): Promise<void> {
  const [planFile = "", ...origins] = process.argv.slice(2);
  const plan = decode(await readFile(planFile)) as Plan;
  const clients = plan.clients.map((device, i) => {
    return new FullClient(plan, device, origins[i % origins.length] ?? "");
  });
  for await (const line of createInterface({ input: process.stdin })) {
    const asked = JSON.parse(line) as Command;
    const client = clients[asked.client ?? 0];
    try {
      switch (asked.command) {
        case "start":
          for (const one of clients) await one.start();
          say({ command: "start", clients: clients.length });
          break;
        case "send":
          say({ command: "send", ...(await client?.send(asked.text ?? "")) });
          break;
        case "close":
          await Promise.all(clients.map((one) => one.close()));
          say({ command: "close" });
          return;
      }
    } catch (error) {
      say({ command: asked.command, error: String(error) });
    }
  }
}

await main();
process.exit(0);

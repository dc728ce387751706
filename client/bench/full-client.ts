/**
 * A whole client for the load simulator: the real core under Node, on a device that the force has
 * registered already.
 *
 * Whenever it has committed, the cell's new seed is told ({seed: …}; not with `quiet`), for the
 * simulated devices of the cell, which hold no MLS state; so is every message that was accepted
 * ({posted: …}), as clients send some by themselves. Of the clients of a process one joins at a time.
 * Times are CLOCK_MONOTONIC in ns, as Python's.
 */
import "fake-indexeddb/auto";
import { ed25519 } from "@noble/curves/ed25519.js";
import { decode, encode } from "@msgpack/msgpack";
import { openDB } from "idb";
import { keyIdOf } from "../src/cells/record.ts";
import type { ConversationItem } from "../src/core.ts";
import { createCore } from "../src/create.ts";
import type { LocalCore } from "../src/create.ts";
import { createMls } from "../src/mls/mls.ts";
import type { CellGroup, DeviceIdentity } from "../src/mls/types.ts";
import { toHex } from "../src/octets.ts";
import { STORES } from "../src/records.ts";
import type { AccountRecord, ConversationRecord, GroupRecord, TreeRecord } from "../src/records.ts";
import { seedOf } from "../src/several_cells/own_key.ts";
import type { Fetch } from "../src/transport/http.ts";
import { TrustStore } from "../src/trust/checker.ts";
import type { Schema } from "../src/vault/schema.ts";
import { Vault } from "../src/vault/vault.ts";
import type { Accepted, Duty, Me, Trust, UploadCommit } from "../src/wire.ts";
import { Downloads } from "./downloads.ts";
import { JoinTurns } from "./join-turns.ts";

const SIGNATURE_BYTES = 64;
const POLL_MS = 20;
const LIMIT_MS = 120_000;
const MESSAGES = 200;
/** Less than the core's limit for a call; twice a lease. */
const TURN_WAIT_MS = 10_000;
const TURN_MS = 10_000;
const LEASE = /\/leases$/;
const COMMIT = /\/conversations\/([0-9a-f]+)\/cells\/([0-9a-f]+)\/commits$/;
const MESSAGE = /\/conversations\/[0-9a-f]+\/(sealed|messages)$/;

/** Of this process. */
const turns = new JoinTurns();

export interface PlannedClient {
  readonly personId: string;
  readonly clientId: string;
  readonly certificate: Uint8Array;
  readonly certificateHash: string;
  readonly privateKey: Uint8Array;
  readonly token: string;
}

export interface Plan {
  readonly trust: Trust;
  readonly conversationId: string;
  readonly clients: readonly PlannedClient[];
}

/** What the client's last message weighed and when it went. */
interface Posted {
  entryId: string;
  bytes: number;
  postedNs: bigint;
  acceptedNs: bigint;
  seq: number;
  /** The connection was lost before the answer. */
  unanswered: boolean;
}

/** A cell's key that this client holds. */
export interface HeldSeed {
  readonly cellId: string;
  readonly epoch: number;
  readonly seed: string;
}

export function say(value: object): void {
  const text = JSON.stringify(value, (_, one: unknown) =>
    typeof one === "bigint" ? Number(one) : one,
  );
  process.stdout.write(`${text}\n`);
}

export function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}

export class FullClient {
  readonly clientId: string;
  readonly downloads = new Downloads();
  readonly #plan: Plan;
  readonly #device: PlannedClient;
  readonly #vaultName: string;
  readonly #origin: string;
  #core: LocalCore | null = null;
  #posted: Posted | null = null;
  readonly #quiet: boolean;
  #telling: Promise<void> = Promise.resolve();
  #endTurn: () => void = () => undefined;

  constructor(plan: Plan, device: PlannedClient, origin: string, quiet = false) {
    this.#quiet = quiet;
    this.clientId = device.clientId;
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

  /** Start, and wait until it is in its cell and has told the seed; the core does the rest. */
  async start(): Promise<void> {
    await this.open();
    await this.entered(this.#plan.conversationId);
    await this.#telling;
  }

  /** Put the account where registration would have, and start. */
  async open(): Promise<void> {
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
    vault.close();
    this.#core = createCore({
      origin: this.#origin,
      vaultName: this.#vaultName,
      WebSocket: this.downloads.socketMaker(),
      fetch: this.#fetch,
    });
    await this.#core.start();
  }

  /** Wait until it is in its cell of a conversation. */
  entered(conversationId: string, limitMs = LIMIT_MS): Promise<void> {
    const ready = async (): Promise<boolean> =>
      (await this.#found(conversationId))?.state === "ready";
    return this.#changed(`cell of ${conversationId}`, ready, limitMs);
  }

  /** Wait until it shows a text in a conversation; null: any. */
  shows(conversationId: string, text: string | null, limitMs = LIMIT_MS): Promise<void> {
    const shown = async (): Promise<boolean> => {
      const texts = await this.texts(conversationId);
      return text === null ? texts.length > 0 : texts.includes(text);
    };
    return this.#changed(`message in ${conversationId}`, shown, limitMs);
  }

  /** The newest texts that it shows of a conversation. */
  async texts(conversationId: string): Promise<string[]> {
    if ((await this.#found(conversationId)) === null || this.#core === null) return [];
    const { messages } = await this.#core.messages(conversationId, null, MESSAGES);
    return messages.flatMap(({ body }) => (body.kind === "text" ? [body.text] : []));
  }

  async send(text: string): Promise<object> {
    const calledNs = process.hrtime.bigint();
    this.#posted = null;
    const { conversationId } = this.#plan;
    const sent = await this.#core?.send(conversationId, { kind: "text", text, mentions: [] }, null);
    await this.#until("an answer", async () => {
      if ((this.#posted?.seq ?? 0) > 0) return true;
      if (this.#posted?.unanswered !== true) return false;
      // The log has it all the same, if it has come back from there.
      const page = await this.#core?.messages(conversationId, null, MESSAGES);
      const seq = page?.messages.find(({ messageId }) => messageId === sent?.messageId)?.seq ?? 0;
      if (seq > 0) say({ posted: this.#posted.entryId });
      return seq > 0;
    });
    return { ...(this.#posted as unknown as Posted), calledNs };
  }

  /** Give the conversation a name. Clients ask for one whenever they connect and know none. */
  async name(title: string): Promise<void> {
    await this.#core?.setProfile(this.#plan.conversationId, { title, photo: null });
  }

  /** Wait until it knows a name of the conversation. */
  named(): Promise<void> {
    const { conversationId } = this.#plan;
    const known = async (): Promise<boolean> => (await this.#found(conversationId))?.title !== null;
    return this.#changed(`name of ${conversationId}`, known, LIMIT_MS);
  }

  /** It is asked to commit Removes, as the server asks: a member that has no MLS state hands on. */
  asked(duty: Duty): void {
    this.downloads.receive(duty);
  }

  /** The key of its cell as its state stands; null when it has none. */
  async seed(conversationId: string): Promise<HeldSeed | null> {
    const vault = await this.#vault();
    try {
      const group = await this.#group(vault, conversationId);
      if (group === null) return null;
      const seed = toHex(await seedOf(group));
      return { cellId: group.cellId, epoch: group.epoch, seed };
    } finally {
      vault.close();
    }
  }

  /** Bytes of its vault's records, by store. */
  async stored(): Promise<Readonly<Record<string, number>>> {
    const database = await openDB<Schema>(this.#vaultName);
    const sizes: Record<string, number> = {};
    for (const { s, d } of await database.getAll("records"))
      sizes[s] = (sizes[s] ?? 0) + d.byteLength;
    database.close();
    return sizes;
  }

  async close(): Promise<void> {
    this.#endTurn();
    await this.#core?.close();
  }

  /** Close and forget everything: this client is not needed any more. */
  async wipe(): Promise<void> {
    await this.#telling;
    await this.close();
    await (await this.#vault()).wipe();
  }

  readonly #fetch: Fetch = async (url, init) => {
    if (LEASE.test(url)) return this.#lease(url, init);
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
        unanswered: false,
      };
    }
    // It came by no registration: it has no key packages, and nobody lets it in by Welcome here.
    if (url.endsWith("/v1/key-packages")) return new Response(encode({ counts: [] }));
    const response = await fetch(url, init).catch((error: unknown) => {
      if (message && this.#posted !== null) this.#posted.unanswered = true;
      throw error;
    });
    const answeredNs = process.hrtime.bigint();
    this.downloads.answered(url, init.method, response);
    if (commit !== null) this.#endTurn();
    if (!response.ok) return response;
    if (message && this.#posted !== null) {
      this.#posted.acceptedNs = answeredNs;
      const accepted = decode(new Uint8Array(await response.clone().arrayBuffer())) as Accepted;
      this.#posted.seq = accepted.seq;
      say({ posted: this.#posted.entryId });
    }
    if (commit !== null && body !== undefined && !this.#quiet) {
      const [, conversationId = "", cellId = ""] = commit;
      const told = this.#tellSeed(conversationId, cellId, decode(body) as UploadCommit);
      this.#telling = Promise.all([this.#telling, told]).then(() => undefined);
    }
    return response;
  };

  /** Ask for a lease in turn; until then the answer is the server's while another holds it. */
  async #lease(url: string, init: RequestInit): Promise<Response> {
    this.#endTurn();
    const endTurn = await turns.take(TURN_WAIT_MS, TURN_MS);
    if (endTurn === null) {
      const busy = { code: "join_busy", retry: true, retryAfterMs: 500 };
      return new Response(encode(busy), { status: 409 });
    }
    this.#endTurn = endTurn;
    try {
      const response = await fetch(url, init);
      this.downloads.answered(url, init.method, response);
      if (!response.ok) endTurn();
      return response;
    } catch (error) {
      endTurn();
      throw error;
    }
  }

  /** The core stores the group of the new epoch after the DS has accepted: then it has the seed. */
  async #tellSeed(
    conversationId: string,
    cellId: string,
    { keyRecord, ...upload }: UploadCommit,
  ): Promise<void> {
    if (keyRecord === null || keyRecord === undefined) return;
    const epoch = upload.epoch + 1;
    const vault = await this.#vault();
    try {
      await this.#until(`epoch ${String(epoch)}`, async () => {
        const group = await this.#group(vault, conversationId);
        if (group?.cellId !== cellId || group.epoch < epoch) return false;
        if (group.epoch === epoch) {
          const keyId = keyIdOf(keyRecord.subarray(0, keyRecord.length - SIGNATURE_BYTES));
          say({ seed: toHex(await seedOf(group)), cellId, epoch, keyId });
        }
        return true;
      });
    } finally {
      vault.close();
    }
  }

  /** Its group as it is stored. */
  async #group(vault: Vault, conversationId: string): Promise<CellGroup | null> {
    const stored = await vault.get<GroupRecord>(STORES.groups, conversationId);
    const tree = await vault.get<TreeRecord>(STORES.trees, conversationId);
    const record = await vault.get<ConversationRecord>(STORES.conversations, conversationId);
    if (stored === null || tree === null || record === null || tree.id !== stored.tree) return null;
    const { trust } = this.#plan;
    const checker = await TrustStore.open(trust, { pinnedRoot: trust.root, now: Date.now });
    const identity = this.#identity;
    const mls = await createMls({ identity, checker, suite: record.suite, now: Date.now });
    return mls.decode(stored.state, tree.bytes);
  }

  async #found(conversationId: string): Promise<ConversationItem | null> {
    const all = (await this.#core?.conversations()) ?? [];
    return all.find((item) => item.conversationId === conversationId) ?? null;
  }

  async #vault(): Promise<Vault> {
    const vault = new Vault({ name: this.#vaultName, now: Date.now });
    await vault.open();
    return vault;
  }

  /** Wait for what the core's events announce. */
  async #changed(what: string, condition: () => Promise<boolean>, limitMs: number): Promise<void> {
    const deadline = Date.now() + limitMs;
    let told = (): void => undefined;
    const unsubscribe = this.#core?.subscribe(() => told());
    try {
      for (;;) {
        const next = new Promise<void>((resolve) => (told = resolve));
        if (await condition()) return;
        const left = deadline - Date.now();
        if (left <= 0) throw new Error(`${this.clientId}: no ${what}`);
        await Promise.race([next, pause(Math.min(left, 1_000))]);
      }
    } finally {
      unsubscribe?.();
    }
  }

  async #until(what: string, condition: () => Promise<boolean>): Promise<void> {
    const deadline = Date.now() + LIMIT_MS;
    while (!(await condition())) {
      if (Date.now() > deadline) throw new Error(`${this.clientId}: no ${what}`);
      await pause(POLL_MS);
    }
  }
}

/** The message id in an uploaded header, or the entry id of a message of one cell. */
function entryIdOf(body: Uint8Array): string {
  const upload = decode(body) as { readonly sealed?: Uint8Array; readonly entryId?: string };
  return upload.sealed === undefined ? (upload.entryId ?? "") : toHex(upload.sealed.slice(19, 35));
}

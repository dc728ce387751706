/**
 * Asking for secrets that this device is entitled to and lacks (D4, H6): S of conversation
 * keys, C of its cell's keys, k of the newest state.
 *
 * The server keeps a request until the asker says that its key opened, and counts messages under the
 * key as not delivered so long (R9). So each thing is asked for once on a connection and, because
 * holders may miss it, again after a while, ever more seldom; many in one request. Everything that comes is compared with its record
 * before it is kept. Each start reads from the vault what is missing; nothing here is stored.
 *
 * S9: a key that is to be sealed to this device's cell later is *held*: nobody is asked for it before a
 * time by this device's own clock, and its conversation's cursor waits (`underWay`).
 */
import type { OnEvent } from "../device-events.ts";
import type { Conversation } from "../conversation/conversation.ts";
import type { DeviceContext } from "../context.ts";
import { hasCode } from "../failure.ts";
import { keyReference } from "../keys/conversation-key.ts";
import { sealKeyId } from "../keys/device-key.ts";
import { idOf, type ConversationId, type KeyId, type SealKeyId } from "../ids.ts";
import {
  KIND_BODY_KEY,
  KIND_CELL_KEY,
  KIND_CONVERSATION_KEY,
  keepMatching,
  openKeyShare,
  parseKeyShare,
} from "../keys/key-share.ts";
import type { KeyShare, Shareable, SharedSecret } from "../keys/key-share.ts";
import type { Header } from "../keys/message.ts";
import { Refused } from "../keys/format/refused.ts";
import { AWAITED_MS } from "../limits.ts";
import { toHex } from "../octets.ts";
import { delayMs, pause } from "../transport/backoff.ts";
import { SHARE_SECRETS, type ShareReference, type Start } from "../wire.ts";

/** Secrets found missing within this time share one request. */
const TOGETHER_MS = 30;
/** So often it looks whether the time of what is held is over. */
const HELD_LOOK_MS = 250;
/** S9: a device that has been connected for so long waits for late seals. */
const SETTLED_MS = 5_000;
const AGAIN = { firstMs: 2_000, maxMs: 60_000 };
/** So long nobody is asked again for the same. */
const PATIENCE = { firstMs: 20_000, maxMs: 900_000 };
/** Shares that wait for the beginning of one conversation, at most. */
const MOST_EARLY = 8;
/** The place of the recipient's key id in a KeyShare: after version and conversation. */
const RECIPIENT = [17, 33] as const;

/** Something that is missing, with the record that its secret must match. */
type MissingSecret =
  | { readonly kind: typeof KIND_CONVERSATION_KEY; readonly keyId: KeyId }
  | { readonly kind: typeof KIND_CELL_KEY; readonly keyId: SealKeyId }
  | { readonly kind: typeof KIND_BODY_KEY; readonly header: Header };

/** One conversation's secrets (S, C, k) that this device does not have yet. Each has the name that {@link nameOf} gives. */
class Lacking {
  readonly wanted = new Map<string, MissingSecret>();
  /** The secrets asked for on this connection, and since this run began. */
  readonly asked = new Set<string>();
  readonly everAsked = new Set<string>();
  /** Everything that was missing since this run began. */
  readonly known = new Set<string>();
  /** Until when nobody is asked for a secret that may come unasked. */
  readonly held = new Map<string, number>();
  /** A request that is under way: until it was sent once, or in vain. */
  flushing: Promise<void> | null = null;
  /** A time to ask again is set; and how often it was. */
  waiting = false;
  rounds = 0;
  /** Shares that came before this device knew what it lacks; null: it knows. */
  early: Uint8Array[] | null = null;
}

export class SecretRequests {
  readonly #context: DeviceContext;
  readonly #onEvent: OnEvent;
  readonly #lacking = new Map<ConversationId, Lacking>();
  #connectedMs = 0;

  constructor(context: DeviceContext, onEvent: OnEvent) {
    this.#context = context;
    this.#onEvent = onEvent;
  }

  conversationKeys(conversation: Conversation, keyIds: readonly KeyId[]): void {
    this.#want(
      conversation,
      keyIds.map((keyId) => ({ kind: KIND_CONVERSATION_KEY, keyId })),
    );
  }

  cellKey(conversation: Conversation, keyId: SealKeyId): void {
    this.#want(conversation, [{ kind: KIND_CELL_KEY, keyId }]);
  }

  bodyKey(conversation: Conversation, header: Header): void {
    this.#want(conversation, [{ kind: KIND_BODY_KEY, header }]);
  }

  /**
   * This device begins to follow a conversation. The server has asked others for shares of some secrets,
   * and holders for seals of other keys (S9). Shares that come before {@link begun} wait, because this
   * device knows only then what it lacks.
   */
  begins(conversation: Conversation, { asked, awaited }: Pick<Start, "asked" | "awaited">): void {
    const lacking = this.#of(conversation);
    lacking.early = [];
    for (const one of asked) noteAsked(lacking, nameIn(one));
    const forMs = AWAITED_MS * (1 + this.#context.random());
    for (const keyId of awaited) this.hold(conversation, keyId, forMs);
  }

  /** The device has judged what it began with: it tells the server which of these it does not lack. */
  async begun(conversation: Conversation, asked: readonly ShareReference[]): Promise<void> {
    const lacking = this.#of(conversation);
    const early = lacking.early ?? [];
    lacking.early = null;
    this.#tellDone(
      conversation,
      asked.filter((one) => !lacking.wanted.has(nameIn(one))),
    );
    for (const share of early) await this.receive(conversation, share);
  }

  /** A new connection: missing secrets are asked for again. */
  reconnected(conversations: Iterable<Conversation>): void {
    this.#connectedMs = this.#context.now();
    for (const conversation of conversations) this.again(conversation);
  }

  /** Ask once more, now, for the secrets that a conversation lacks. */
  again(conversation: Conversation): void {
    const lacking = this.#lacking.get(conversation.id);
    lacking?.asked.clear();
    if (lacking !== undefined && lacking.wanted.size > 0) this.#flushSoon(conversation, lacking);
  }

  /** A membership has ended: where none has begun meanwhile, nobody shares a secret any more. */
  left({ id, record }: Conversation): void {
    if (record.state === "left") this.#lacking.get(id)?.wanted.clear();
  }

  /**
   * S9: a member seals the key to this device's cell yet: nobody is asked for it so long. A device that
   * has connected just now may be one that a push woke, and that sleeps again before the time is over.
   */
  hold(conversation: Conversation, keyId: KeyId, forMs: number): void {
    if (this.#context.now() - this.#connectedMs < SETTLED_MS) return;
    const { held } = this.#of(conversation);
    held.set(nameOf({ kind: KIND_CONVERSATION_KEY, keyId }), this.#context.now() + forMs);
  }

  release(conversation: Conversation, keyId: KeyId): void {
    this.#of(conversation).held.delete(nameOf({ kind: KIND_CONVERSATION_KEY, keyId }));
  }

  /** Whether a member is to seal the key to this device's cell yet. */
  isHeld(conversation: Conversation, keyId: KeyId): boolean {
    const { held } = this.#of(conversation);
    const until = held.get(nameOf({ kind: KIND_CONVERSATION_KEY, keyId }));
    return until !== undefined && until > this.#context.now();
  }

  #of({ id }: Conversation): Lacking {
    const lacking = this.#lacking.get(id) ?? new Lacking();
    this.#lacking.set(id, lacking);
    return lacking;
  }

  #want(conversation: Conversation, wanted: readonly MissingSecret[]): void {
    if (conversation.record.state === "left") return;
    const lacking = this.#of(conversation);
    for (const one of wanted) {
      lacking.wanted.set(nameOf(one), one);
      lacking.known.add(nameOf(one));
    }
    this.#flushSoon(conversation, lacking);
  }

  #flushSoon(conversation: Conversation, lacking: Lacking): void {
    lacking.flushing ??= new Promise<void>((onTried) => {
      void this.#flush(conversation, lacking, onTried)
        .catch(() => undefined)
        .finally(() => {
          lacking.flushing = null;
          onTried();
        });
    });
  }

  /** Resolves once the server has been asked for what is missing here; null: it has. */
  underWay({ id }: Conversation): Promise<void> | null {
    return this.#lacking.get(id)?.flushing ?? null;
  }

  async #flush(conversation: Conversation, lacking: Lacking, onTried: () => void): Promise<void> {
    const { signal, random } = this.#context;
    await pause(TOGETHER_MS, signal);
    for (let failures = 0; !signal.aborted;) {
      const due = this.#due(lacking);
      if (due.length === 0) {
        // Somebody may share unasked what is missing.
        if (![...lacking.wanted.keys()].some((name) => lacking.held.has(name))) break;
        await pause(HELD_LOOK_MS, signal);
        continue;
      }
      try {
        const references = referencesOf(due.map(([, one]) => one));
        await this.#context.api.requestShares(conversation.id, { references });
        for (const [name] of due) noteAsked(lacking, name);
        failures = 0;
      } catch (error) {
        onTried();
        // Offline: the next connection asks again. Refused: the next occasion does.
        if (!hasCode(error, "rate_limited", "overloaded") || failures > 5) break;
        await pause(error.retryAfterMs ?? delayMs(AGAIN, failures++, random), signal);
      }
    }
    this.#againLater(conversation, lacking);
  }

  #due({ wanted, asked, held }: Lacking): readonly (readonly [string, MissingSecret])[] {
    const now = this.#context.now();
    for (const [name, until] of held) if (until <= now) held.delete(name);
    const free = [...wanted].filter(([name]) => !asked.has(name) && !held.has(name));
    return free.slice(0, SHARE_SECRETS);
  }

  /** Holders whom the server asked may have missed it: after a while it is asked again. */
  #againLater(conversation: Conversation, lacking: Lacking): void {
    const { signal, random } = this.#context;
    if (lacking.waiting || lacking.wanted.size === 0 || signal.aborted) return;
    lacking.waiting = true;
    void pause(delayMs(PATIENCE, lacking.rounds++, random), signal).then(() => {
      lacking.waiting = false;
      if (lacking.wanted.size === 0) lacking.rounds = 0;
      else if (!signal.aborted) {
        lacking.asked.clear();
        this.#flushSoon(conversation, lacking);
      }
    });
  }

  /** Shares that the server holds for this device. */
  async fetch(conversation: Conversation): Promise<void> {
    const { shares } = await this.#context.api.shares(conversation.id);
    for (const share of shares) await this.receive(conversation, share);
  }

  /** H6: keep the secrets that match what they belong to, and say that they came. */
  async receive(conversation: Conversation, bytes: Uint8Array): Promise<void> {
    const { ownKeys } = this.#context;
    const { early } = this.#of(conversation);
    if (early !== null) {
      if (early.length < MOST_EARLY) early.push(bytes);
      return;
    }
    try {
      const opener = await ownKeys.opener(idOf(bytes.subarray(...RECIPIENT)));
      if (opener === null) return;
      const share = parseKeyShare(opener.kem, bytes);
      if (idOf(share.conversation) !== conversation.id) return;
      await this.#repeatDone(conversation, share);
      const secrets = await openKeyShare(share, opener);
      const { kept } = await keepMatching(secrets, await this.#records(conversation));
      if (kept.length > 0) await this.#keep(conversation, kept);
    } catch (error) {
      // Rubbish from a holder: another one is asked by the server.
      if (!(error instanceof Refused)) throw error;
    }
  }

  /**
   * A share of what this device holds already: the server did not hear that the key opened, as a crash
   * or the network had it, and holds back the ticks of what the key opens.
   */
  async #repeatDone(conversation: Conversation, { names }: KeyShare): Promise<void> {
    const references: ShareReference[] = [];
    for (const name of names) {
      const kind = name[0] as ShareReference["kind"];
      const reference = toHex(name.subarray(1));
      const wanted = this.#of(conversation).wanted.has(nameIn({ kind, reference }));
      if (!wanted && (await isHeld(conversation, kind, reference)))
        references.push({ kind, reference });
    }
    this.#tellDone(conversation, references);
  }

  /** The records of everything that is missing. */
  async #records(conversation: Conversation): Promise<readonly Shareable[]> {
    const records: Shareable[] = [];
    for (const one of this.#of(conversation).wanted.values()) {
      if (one.kind === KIND_BODY_KEY) {
        records.push({ kind: one.kind, record: one.header });
      } else if (one.kind === KIND_CELL_KEY) {
        const found = await conversation.cellKeys.find(null, one.keyId);
        if (found !== null) records.push({ kind: one.kind, record: found.record });
      } else {
        const found = await conversation.keys.find(null, one.keyId);
        if (found !== null) records.push({ kind: one.kind, record: found.record });
      }
    }
    return records;
  }

  async #keep(conversation: Conversation, kept: readonly SharedSecret[]): Promise<void> {
    const { wanted } = this.#of(conversation);
    const done: MissingSecret[] = [];
    await conversation.change(async (work) => {
      for (const { of, secret } of kept) {
        for (const one of wanted.values()) {
          if (one.kind === KIND_CONVERSATION_KEY && of.kind === one.kind) {
            if (idOf(of.record.hash) !== one.keyId) continue;
            await conversation.keys.takeSecret(work, one.keyId, secret);
          } else if (one.kind === KIND_CELL_KEY && of.kind === one.kind) {
            if (sealKeyId(of.record) !== one.keyId) continue;
            await conversation.cellKeys.takeSecret(work, one.keyId, secret);
          } else if (one.kind !== KIND_BODY_KEY || of.record !== one.header) continue;
          done.push(one);
        }
      }
    });
    for (const { of, secret } of kept)
      if (of.kind === KIND_BODY_KEY)
        await this.#onEvent({ type: "state_shared", conversation, k: secret });
    const kinds = new Set(done.map(({ kind }) => kind));
    // The messages open before this device withdraws its requests at the server.
    if (kinds.has(KIND_CELL_KEY)) await this.#onEvent({ type: "cell_keys_shared", conversation });
    else if (kinds.has(KIND_CONVERSATION_KEY))
      await this.#onEvent({ type: "keys_shared", conversation });
    this.#done(
      conversation,
      done.filter((one) => wanted.has(nameOf(one))),
    );
  }

  /**
   * They are here, in whatever way they came. `waited`: messages waited for them, perhaps since an
   * earlier run, whose requests the server keeps.
   */
  forget(conversation: Conversation, keyIds: readonly KeyId[], waited: boolean): void {
    const { wanted, known } = this.#of(conversation);
    const isOpen = (name: string): boolean => wanted.has(name) || (waited && !known.has(name));
    const done = keyIds
      .map((keyId) => ({ kind: KIND_CONVERSATION_KEY, keyId }) as const)
      .filter((one) => isOpen(nameOf(one)));
    if (done.length > 0) this.#done(conversation, done);
  }

  #done(conversation: Conversation, done: readonly MissingSecret[]): void {
    const { wanted, everAsked, held } = this.#of(conversation);
    // The server was not asked for what came while it was held.
    const told = done.filter((one) => !held.has(nameOf(one)) || everAsked.has(nameOf(one)));
    for (const one of done) {
      wanted.delete(nameOf(one));
      held.delete(nameOf(one));
    }
    this.#tellDone(conversation, referencesOf(told));
  }

  /** S9: the first device of its cell to get a late seal says that it opened. */
  opened(conversation: Conversation, keyId: KeyId): void {
    this.#tellDone(conversation, referencesOf([{ kind: KIND_CONVERSATION_KEY, keyId }]));
  }

  #tellDone(conversation: Conversation, references: readonly ShareReference[]): void {
    if (references.length === 0) return;
    // Lost on its way: the server has holders share again, and it is said again (#repeatDone).
    const body = { references: [...references] };
    this.#context.api.sharesDone(conversation.id, body).catch(() => undefined);
  }
}

function noteAsked({ asked, everAsked }: Lacking, name: string): void {
  asked.add(name);
  everAsked.add(name);
}

/** Whether this device holds a secret by the name that a share gives it. */
async function isHeld(
  { keys, cellKeys, record }: Conversation,
  kind: ShareReference["kind"],
  reference: string,
): Promise<boolean> {
  if (kind === KIND_BODY_KEY) return record.profile?.messageId === reference;
  const found =
    kind === KIND_CELL_KEY
      ? await cellKeys.find(null, reference as SealKeyId)
      : (await keys.referred(new Set([reference])))[0];
  return found !== null && found !== undefined && found.secret !== null;
}

function referenceOf(one: MissingSecret): string {
  if (one.kind === KIND_BODY_KEY) return toHex(one.header.message);
  return one.kind === KIND_CELL_KEY ? one.keyId : keyReference(one.keyId);
}

function nameOf(one: MissingSecret): string {
  return nameIn({ kind: one.kind, reference: referenceOf(one) });
}

function nameIn({ kind, reference }: ShareReference): string {
  return `${String(kind)}/${reference}`;
}

function referencesOf(wanted: readonly MissingSecret[]): ShareReference[] {
  return wanted.map((one) => ({ kind: one.kind, reference: referenceOf(one) }));
}

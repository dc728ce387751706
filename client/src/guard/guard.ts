/**
 * The guard on this device: keeps the weights, the policy and the list of known pictures that the
 * department signed, and says what they make of a message. Neither text nor picture leaves the device.
 *
 * Invariants: weights, a policy or pictures that are older, unsigned, truncated or malformed change
 * nothing, and the former ones stay in force; without any, every message is fine, because a guard that is
 * missing must not hold duty talk. The weights are a third of all that a phone fetches on its first day:
 * the guard fetches them when the screen shows a conversation in which the policy acts ({@link Guard.prepare}),
 * or when such a policy arrives while the conversation is on screen. A verdict waits at most
 * {@link PATIENCE_MS} for the weights. The guard refreshes its records one after another.
 */
import type { Context } from "../context.ts";
import { hasCode } from "../failure.ts";
import { copy, equalBytes, type Bytes } from "../octets.ts";
import { hash } from "../keys/format/hashing.ts";
import { Refused, refuseUnless } from "../keys/format/refused.ts";
import { HOUR_MS } from "../keys/format/times.ts";
import type { GuardMistake, GuardPolicy, GuardVerdict, GuardView } from "../seam/guard.ts";
import type { DeviceTrust } from "../trust/ports.ts";
import { META, putMeta } from "../vault/changes.ts";
import { FINE, Model } from "./model.ts";
import { FORWARDING_BEFORE_POLICY, type ForwardingPolicy } from "./forwarding.ts";
import { actOf, placeOf, readPolicy, type ConversationFacts } from "./policy.ts";
import { Pictures } from "./pictures.ts";
import { GuardFormat, checkGuard, type GuardRecord } from "./record.ts";

/** The server is asked so often at most. */
const ASK_MS = 6 * HOUR_MS;
/** The newest mistakes are kept, so many. */
const MOST_MISTAKES = 50;
/** So much of a text is kept with a mistake. */
const MOST_TEXT = 2_000;
/**
 * Messages wait so long for the first weights of a phone, where they are on their way. A greeting to a large
 * group interrupts hundreds, and no order waits as a message there does.
 */
const PATIENCE_MS = { usual: 1_500, large: 15_000 };

const KEPT = "guard";
const MISTAKES = "guard_mistakes";

/** `meta/guard`. */
interface StoredGuard {
  readonly record: Bytes;
  /** Null: this device has needed none. */
  readonly weights: Bytes | null;
  readonly pictures: Bytes;
}

interface InForce {
  readonly record: GuardRecord;
  readonly policy: GuardPolicy;
  readonly weights: Bytes | null;
  readonly pictures: Pictures;
}

export interface GuardOptions {
  readonly context: Pick<Context, "vault" | "now" | "emit"> & {
    readonly api: Pick<Context["api"], "guard" | "guardWeights" | "guardPictures">;
  };
  readonly trust: Pick<DeviceTrust, "department">;
  /** The code of this person's rank; null: unknown. */
  readonly rank: () => string | null;
}

export class Guard {
  readonly #options: GuardOptions;
  #inForce: InForce | null = null;
  #loading: Promise<void> | null = null;
  #refreshing: Promise<void> | null = null;
  #askedMs: number | null = null;
  /** Somebody writes where the policy acts. */
  #wanted = false;
  #fetching: Promise<void> | null = null;
  #patience: Partial<Record<keyof typeof PATIENCE_MS, Promise<void>>> = {};
  /** The conversation that came on screen last. */
  #shown: ConversationFacts | null = null;
  /** The weights in force, expanded with the first text. */
  #model: { readonly weights: Bytes; readonly read: Promise<Model> } | null = null;

  constructor(options: GuardOptions) {
    this.#options = options;
  }

  /** Forget what is in memory: the app was locked, or the account is another. */
  reset(): void {
    this.#inForce = null;
    this.#loading = null;
    this.#askedMs = null;
    this.#wanted = false;
    this.#patience = {};
    this.#shown = null;
    this.#model = null;
  }

  /**
   * Ask for newer weights, policy and pictures if it is time, or if the policy or the pictures in
   * force are not the newest. Rejects with `network`, Refused, Malformed.
   */
  async refresh(newestPolicy = 0, newestPictures = 0): Promise<void> {
    const now = this.#options.context.now();
    await this.#loaded();
    const record = this.#inForce?.record;
    const behind =
      newestPolicy > (record?.policyNumber ?? 0) || newestPictures > (record?.picturesNumber ?? 0);
    if (!behind && this.#askedMs !== null && Math.abs(now - this.#askedMs) < ASK_MS) return;
    this.#refreshing ??= this.#refresh().finally(() => {
      this.#refreshing = null;
    });
    await this.#refreshing;
    this.#askedMs = now;
  }

  /** A conversation is on screen: have the weights where the policy acts on what is written there. */
  async prepare(conversation: ConversationFacts): Promise<void> {
    this.#shown = conversation;
    await this.#loaded();
    if (this.#actsIn(conversation)) await this.#want();
  }

  /** The class that claims a text, wherever it is written; null without weights. */
  async claims(text: string): Promise<string | null> {
    await this.#want().catch(() => undefined);
    return this.#classify(text);
  }

  /** `pressing`: an order, which waits for weights no longer than words to a few people. */
  async verdict(
    text: string,
    conversation: ConversationFacts,
    pressing = false,
  ): Promise<GuardVerdict> {
    await this.#loaded();
    if (!this.#actsIn(conversation)) return this.#act(FINE, conversation);
    if (this.#inForce?.weights === null) {
      const place = placeOf(this.#inForce.policy, conversation);
      const waits = place === "large" && !pressing ? "large" : "usual";
      // Once: messages after it are not held up by a network that brings no weights.
      this.#patience[waits] ??= new Promise((resolve) => setTimeout(resolve, PATIENCE_MS[waits]));
      await Promise.race([this.#want().catch(() => undefined), this.#patience[waits]]);
    }
    return this.#act((await this.#classify(text)) ?? FINE, conversation);
  }

  #actsIn(conversation: ConversationFacts): boolean {
    if (this.#inForce === null) return false;
    const { policy } = this.#inForce;
    const { nudge, insist } = policy.places[placeOf(policy, conversation)];
    return nudge.length > 0 || insist.length > 0;
  }

  async #classify(text: string): Promise<string | null> {
    const weights = this.#inForce?.weights ?? null;
    if (weights === null) return null;
    if (this.#model?.weights !== weights) this.#model = { weights, read: Model.read(weights) };
    return (await this.#model.read).classify(text);
  }

  /** The verdict on a picture, by its perceptual hash, 32 bytes: as on a text of its class. */
  async pictureVerdict(hash: Uint8Array, conversation: ConversationFacts): Promise<GuardVerdict> {
    await this.#loaded();
    return this.#act(this.#inForce?.pictures.claimed(hash) ?? FINE, conversation);
  }

  #act(claimed: string, conversation: ConversationFacts): GuardVerdict {
    const others = Math.max(0, conversation.members - 1);
    if (this.#inForce === null) return { act: "fine", claimed: FINE, others };
    const { policy } = this.#inForce;
    const hour = new Date(this.#options.context.now()).getHours();
    const place = placeOf(policy, conversation);
    return { act: actOf(policy, claimed, place, this.#options.rank(), hour), claimed, others };
  }

  /** The limits of forwarding, and from how many members a group is large. */
  async forwarding(): Promise<ForwardingPolicy> {
    await this.#loaded();
    return this.#inForce?.policy ?? FORWARDING_BEFORE_POLICY;
  }

  /** The policy and the mistakes, for the screens. */
  async view(): Promise<GuardView> {
    await this.#loaded();
    return {
      policy: this.#inForce?.policy ?? null,
      weights: this.#inForce?.record.number ?? null,
      pictures: this.#inForce?.pictures.size ?? 0,
      mistakes: await this.#mistakes(),
    };
  }

  /** Keep that a verdict was wrong, on this device alone. */
  async wasWrong(claimed: string, text: string): Promise<void> {
    const { vault, now } = this.#options.context;
    const mistake = { atMs: now(), claimed, text: text.slice(0, MOST_TEXT) };
    const all = [mistake, ...(await this.#mistakes())].slice(0, MOST_MISTAKES);
    await vault.write([putMeta(MISTAKES, all)]);
  }

  async forgetMistakes(): Promise<void> {
    await this.#options.context.vault.write([putMeta(MISTAKES, [])]);
  }

  async #mistakes(): Promise<readonly GuardMistake[]> {
    const kept = await this.#options.context.vault.get<readonly GuardMistake[]>(META, MISTAKES);
    return kept ?? [];
  }

  #loaded(): Promise<void> {
    this.#loading ??= this.#load().catch((error: unknown) => {
      // Work that was under way at the lock asks here too, and the next unlock reads again.
      this.#loading = null;
      throw error;
    });
    return this.#loading;
  }

  /** The vault holds only what was judged before, by the roster authority of then. */
  async #load(): Promise<void> {
    const kept = await this.#options.context.vault.get<StoredGuard>(META, KEPT);
    if (kept === null) return;
    const record = GuardFormat.parse(kept.record);
    try {
      await checkGuard(record, this.#options.trust.department.authority, null);
    } catch (error) {
      if (error instanceof Refused) return;
      throw error;
    }
    this.#inForce = {
      record,
      policy: readPolicy(record.policy),
      weights: kept.weights,
      pictures: Pictures.read(kept.pictures),
    };
  }

  async #refresh(): Promise<void> {
    await this.#loaded();
    const { api } = this.#options.context;
    const former = this.#inForce;
    const served = await api.guard().catch((error: unknown) => {
      if (!hasCode(error, "not_found")) throw error;
      return null;
    });
    if (served === null) return; // This department has no guard.
    const record = GuardFormat.parse(served.record);
    if (former !== null && equalBytes(record.bytes, former.record.bytes)) return;
    const { authority } = this.#options.trust.department;
    await checkGuard(record, authority, former?.record ?? null);
    const policy = readPolicy(record.policy);
    refuseUnless(policy.number === record.policyNumber, "G1", "the policy has another number");
    const held = former?.weights ?? null;
    const same = former !== null && equalBytes(former.record.weights, record.weights);
    const fetches = (this.#wanted || held !== null) && !(same && held !== null);
    const weights = fetches ? await this.#served(record) : held;
    const pictures = await this.#pictures(record);
    await this.#take({ record, policy, weights, pictures });
  }

  /** Fetch the weights in force if this device has none, once for all who want them. Rejects with `network`. */
  async #want(): Promise<void> {
    this.#wanted = true;
    await this.#loaded();
    await this.#refreshing?.catch(() => undefined);
    if (this.#inForce === null || this.#inForce.weights !== null) return;
    const { record } = this.#inForce;
    this.#fetching ??= this.#served(record)
      .then(async (weights) => {
        const now = this.#inForce;
        if (now?.record === record) await this.#take({ ...now, weights });
      })
      .finally(() => {
        this.#fetching = null;
      });
    await this.#fetching;
  }

  /** The weights that a record names. */
  async #served(record: GuardRecord): Promise<Bytes> {
    const weights = copy((await this.#options.context.api.guardWeights()).weights);
    const whole = weights.length === record.size && equalBytes(hash(weights), record.weights);
    refuseUnless(whole, "G1", "these are other weights");
    const { number } = await Model.read(weights);
    refuseUnless(number === record.number, "G1", "the weights have another number");
    return weights;
  }

  async #take(next: InForce): Promise<void> {
    const { record, weights, pictures } = next;
    const kept: StoredGuard = { record: record.bytes, weights, pictures: pictures.bytes };
    await this.#options.context.vault.write([putMeta(KEPT, kept)]);
    this.#inForce = next;
    this.#options.context.emit({ type: "guard" });
    // The conversation on screen may be one in which the former policy did not act.
    if (weights === null && this.#shown !== null)
      void this.prepare(this.#shown).catch(() => undefined);
  }

  /** The list that a record names: by its changes since the list in force, else whole. */
  async #pictures({ picturesNumber, pictures }: GuardRecord): Promise<Pictures> {
    const former = this.#inForce;
    const named = (list: Pictures): boolean => equalBytes(hash(list.bytes), pictures);
    const from = async (list: Pictures, after: number): Promise<Pictures> =>
      list.changed(await this.#options.context.api.guardPictures({ after, to: picturesNumber }));
    const known = former?.pictures ?? Pictures.NONE;
    if (named(known)) return known;
    if (former !== null && former.record.picturesNumber > 0) {
      const found = await from(known, former.record.picturesNumber).catch(() => null);
      if (found !== null && named(found)) return found;
    }
    const whole = await from(Pictures.NONE, 0);
    refuseUnless(named(whole), "G1", "these are other pictures");
    return whole;
  }
}

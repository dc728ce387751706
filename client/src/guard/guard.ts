/**
 * The guard on this device: keeps the weights, the policy and the list of known pictures that the
 * department signed, and says what they make of a message. Neither text nor picture leaves the device.
 *
 * Invariants: weights, a policy or pictures that are older, unsigned, truncated or malformed change
 * nothing, and the former ones stay in force; without any, every message is fine, because a guard that is
 * missing must not hold duty talk; a verdict never waits for the network. One refresh at a time.
 */
import type { Context } from "../context.ts";
import { hasCode } from "../failure.ts";
import type { Bytes } from "../octets.ts";
import { copy, equalBytes } from "../octets.ts";
import { hash } from "../keys/format/hashing.ts";
import { Refused, refuseUnless } from "../keys/format/refused.ts";
import { HOUR_MS } from "../keys/format/times.ts";
import type { GuardMistake, GuardPolicy, GuardVerdict, GuardView } from "../seam/guard.ts";
import type { DeviceTrust } from "../trust/ports.ts";
import { META, putMeta } from "../vault/changes.ts";
import { FINE, Model } from "./model.ts";
import { FORWARDING_BEFORE_POLICY } from "./forwarding.ts";
import type { ForwardingPolicy } from "./forwarding.ts";
import { actOf, placeOf, readPolicy } from "./policy.ts";
import type { ConversationFacts } from "./policy.ts";
import { Pictures } from "./pictures.ts";
import { GuardFormat, checkGuard, type GuardRecord } from "./record.ts";

/** The server is asked so often at most. */
const ASK_MS = 6 * HOUR_MS;
/** The newest mistakes are kept, so many. */
const MOST_MISTAKES = 50;
/** So much of a text is kept with a mistake. */
const MOST_TEXT = 2_000;

const KEPT = "guard";
const MISTAKES = "guard_mistakes";

/** `meta/guard`. */
interface StoredGuard {
  readonly record: Bytes;
  readonly weights: Bytes;
  readonly pictures: Bytes;
}

interface InForce {
  readonly record: GuardRecord;
  readonly model: Model;
  readonly policy: GuardPolicy;
  readonly weights: Bytes;
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

  constructor(options: GuardOptions) {
    this.#options = options;
  }

  /** Forget what is in memory: the app was locked, or the account is another. */
  reset(): void {
    this.#inForce = null;
    this.#loading = null;
    this.#askedMs = null;
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

  /** The class that claims a text, wherever it is written; null without weights. */
  async claims(text: string): Promise<string | null> {
    await this.#loaded();
    return this.#inForce?.model.classify(text) ?? null;
  }

  async verdict(text: string, conversation: ConversationFacts): Promise<GuardVerdict> {
    await this.#loaded();
    return this.#act(this.#inForce?.model.classify(text) ?? FINE, conversation);
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
      weights: this.#inForce?.model.number ?? null,
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
    this.#loading ??= this.#load();
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
      model: await Model.read(kept.weights),
      policy: readPolicy(record.policy),
      weights: kept.weights,
      pictures: Pictures.read(kept.pictures),
    };
  }

  async #refresh(): Promise<void> {
    await this.#loaded();
    const { api, vault } = this.#options.context;
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
    const same = former !== null && equalBytes(former.record.weights, record.weights);
    const weights = same ? former.weights : copy((await api.guardWeights()).weights);
    const whole = weights.length === record.size && equalBytes(hash(weights), record.weights);
    refuseUnless(whole, "G1", "these are other weights");
    const model = await Model.read(weights);
    refuseUnless(model.number === record.number, "G1", "the weights have another number");
    const pictures = await this.#pictures(record);
    const kept: StoredGuard = { record: record.bytes, weights, pictures: pictures.bytes };
    await vault.write([putMeta(KEPT, kept)]);
    this.#inForce = { record, model, policy, weights, pictures };
    this.#options.context.emit({ type: "guard" });
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

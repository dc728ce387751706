/**
 * This person's sanctions from the server's newest answer, kept for a start without a network.
 *
 * A sanction in force closes conversations here by the department's time, before the server refuses
 * anything, and opens them at its end. The leaf in the roster says the same (R2): if it lacks the
 * right to send, and the server has not said why since, the conversation is closed without an end.
 * If the server has said since that nothing is in force, the leaf is behind: the person may try,
 * and the server signs the leaf again.
 */
import type { Context } from "../context.ts";
import { failure, type CoreFailure } from "../failure.ts";
import type { ConversationRecord } from "../records.ts";
import type { Barred } from "../seam/conversations.ts";
import { META, putMeta } from "../vault/changes.ts";
import type { Ready, Sanction } from "../wire.ts";

const KEPT = "sanctions";
/** A device that slept notices the end of a sanction within so long. */
const LOOK_MS = 60_000;

/** `meta/sanctions`. */
interface StoredSanctions {
  readonly sanctions: readonly Sanction[];
  /** When the server was asked, by the department's time; null: never. */
  readonly heardMs: number | null;
}

const NOTHING: StoredSanctions = { sanctions: [], heardMs: null };

export type SanctionTarget = Pick<
  ConversationRecord,
  "kind" | "whoMaySend" | "members" | "admin" | "sendLostMs"
>;

export interface OwnSanctionsOptions {
  readonly context: Pick<Context, "vault"> & {
    readonly api: Pick<Context["api"], "ownSanctions">;
  };
  readonly now: () => number;
  /** From how many members on a group is large. */
  readonly largeFrom: () => Promise<number>;
  /** Other conversations are closed now. */
  readonly onClosed: () => void;
}

export class OwnSanctions {
  readonly #options: OwnSanctionsOptions;
  #kept: StoredSanctions = NOTHING;
  #largeFrom = Infinity;
  #fresh = false;
  #asking: Promise<void> = Promise.resolve();
  #later: ReturnType<typeof setTimeout> | undefined;

  constructor(options: OwnSanctionsOptions) {
    this.#options = options;
  }

  /** Forget what is in memory: the app was locked, or the account is another. */
  reset(): void {
    this.#kept = NOTHING;
    this.#fresh = false;
    clearTimeout(this.#later);
  }

  async load(): Promise<void> {
    const kept = await this.#options.context.vault.get<StoredSanctions>(META, KEPT);
    await this.#adopt(kept ?? NOTHING);
  }

  /** All sanctions in the server's newest answer, newest first. */
  get all(): readonly Sanction[] {
    return this.#kept.sanctions;
  }

  /** Connected: the server is asked only if it, or this device, knows of a sanction. */
  async onReady({ sanctioned, serverTimeMs }: Pick<Ready, "sanctioned" | "serverTimeMs">) {
    this.outdated();
    const now = this.#options.now();
    if (sanctioned || this.all.some((one) => inForce(one, now))) {
      await this.current();
      return;
    }
    const kept: StoredSanctions = { ...this.#kept, heardMs: serverTimeMs };
    await this.#options.context.vault.write([putMeta(KEPT, kept)]);
    this.#kept = kept;
  }

  /** There may be others now: the server is asked again. */
  outdated(): void {
    this.#fresh = false;
  }

  /** The sanctions, asked for once after each {@link outdated}. Rejects with `network`. */
  current(): Promise<readonly Sanction[]> {
    if (!this.#fresh) {
      this.#fresh = true;
      // One after another: an older answer replaces no newer one.
      this.#asking = this.#asking.catch(() => undefined).then(() => this.#ask());
    }
    return this.#asking.then(() => this.all);
  }

  async #ask(): Promise<void> {
    const { context, now, onClosed } = this.#options;
    try {
      const heardMs = now();
      const { sanctions } = await context.api.ownSanctions();
      const kept: StoredSanctions = { sanctions, heardMs };
      const news = JSON.stringify(sanctions) !== JSON.stringify(this.all);
      await context.vault.write([putMeta(KEPT, kept)]);
      await this.#adopt(kept);
      if (news) onClosed();
    } catch (error) {
      this.#fresh = false;
      throw error;
    }
  }

  async #adopt(kept: StoredSanctions): Promise<void> {
    if (kept.sanctions.some(({ kind }) => kind === "muted"))
      this.#largeFrom = await this.#options.largeFrom();
    this.#kept = kept;
    this.#awaitEnd();
  }

  /** Tell when the next sanction ends. */
  #awaitEnd(): void {
    clearTimeout(this.#later);
    const now = this.#options.now();
    const ends = this.all.filter((one) => inForce(one, now)).map(({ untilMs }) => untilMs);
    if (ends.length === 0) return;
    const next = Math.min(...ends);
    this.#later = setTimeout(
      () => {
        if (this.#options.now() >= next) this.#options.onClosed();
        this.#awaitEnd();
      },
      Math.min(next - now, LOOK_MS),
    );
  }

  /** Why this person may not send where they otherwise could; null: they may. */
  barred(place: SanctionTarget): Barred | null {
    if (place.whoMaySend === "admins" && !place.admin) return null;
    const now = this.#options.now();
    const bar = barOf(this.all, place, this.#largeFrom, now);
    if (bar !== null) {
      const { reportId: id, kind, untilMs } = bar;
      return { id, kind, untilMs, mayAppeal: bar.appeal === "none" };
    }
    const { sendLostMs } = place;
    const { heardMs } = this.#kept;
    if (sendLostMs === null || (heardMs !== null && heardMs >= sendLostMs)) return null;
    return { id: null, kind: "unknown", untilMs: null, mayAppeal: false };
  }
}

type Barring = Sanction & { readonly kind: "muted" | "suspended" };

function inForce(one: Sanction, nowMs: number): one is Barring {
  return one.kind !== "warning" && one.endedMs === null && one.untilMs > nowMs;
}

/** The sanction that closes a conversation for longest, as the server judges it; null: there is none. */
export function barOf(
  sanctions: readonly Sanction[],
  { kind, whoMaySend, members }: Pick<SanctionTarget, "kind" | "whoMaySend" | "members">,
  largeFrom: number,
  nowMs: number,
): Barring | null {
  if (kind === "direct") return null;
  const large = kind === "announcement" || whoMaySend === "admins" || members >= largeFrom;
  return sanctions
    .filter((one) => inForce(one, nowMs))
    .filter((one) => large || one.kind === "suspended")
    .reduce<Barring | null>((a, b) => (a === null || b.untilMs > a.untilMs ? b : a), null);
}

/** The failure of a call that would send there, as the server would refuse it. */
export function sanctioned({ kind, untilMs }: Barred): CoreFailure {
  const details: CoreFailure["details"] = untilMs === null ? { kind } : { kind, until_ms: untilMs };
  return failure("sanctioned", { details });
}

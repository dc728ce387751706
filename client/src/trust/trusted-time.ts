/**
 * T1: the department's time on this device, and S1's question whether a head is still the newest.
 *
 * The roster authority signs a time for a nonce that this device chose; from then on the device
 * counts by itself. Its monotonic clock may stop while the device sleeps, and its wall clock may be
 * set by hand, so what has passed is the longer of both: a stamp is never taken for younger than it
 * is. The time of the answer counts from when the question was asked, for the same reason: an answer
 * that is held back for a minute makes stamps a minute older.
 *
 * Invariants: signed times never go back, also across restarts (`meta/time`), nor below what the
 * monotonic clock has counted since the last; a stamp of another head is never older than the last
 * one accepted for its conversation. Time that the wall clock alone counted may go back to a signed
 * time: a person who sets a wrong clock right, as the app asks, must be able to go on. That an
 * authority whose clock stands still can use this after a sleep gives it nothing: whoever has its
 * key signs stamps of any age.
 * Concurrency: one question at a time serves all who wait. A crash loses the anchor; the next start
 * asks again.
 */
import { idOf } from "../ids.ts";
import type { ConversationId } from "../ids.ts";
import { failure } from "../failure.ts";
import { fromHex, randomBytes, toHex } from "../octets.ts";
import { Refused, refuseUnless } from "../keys/format/refused.ts";
import { HOUR_MS, MINUTE_MS } from "../keys/format/times.ts";
import type { RosterHead } from "../keys/roster/head.ts";
import {
  HeadStampFormat,
  checkStamp,
  requireFreshStamp,
  type HeadStamp,
} from "../keys/roster/stamp.ts";
import type { Api } from "../transport/api.ts";
import { META, putMeta } from "../vault/meta.ts";
import type { Vault } from "../vault/vault.ts";
import type { TimeAnchor } from "./ports.ts";
import { TimeFormat, checkTime } from "../keys/trust/time.ts";

/** So long one anchor serves while both clocks agree. */
const ANCHOR_MS = 6 * HOUR_MS;
/** Clocks that differ by more have seen sleep or were set: the anchor is renewed. */
const DOUBT_MS = 30_000;
/** A server's clock may be corrected by so much. */
const CORRECTION_MS = MINUTE_MS;

/** An answer that took longer says too little about the time: it is asked for once more. */
const LONGEST_TRIP_MS = 15_000;

export interface Clocks {
  /** The device's clock, as its person may set it. */
  readonly now: () => number;
  /** Never set; may stop while the device sleeps. */
  readonly monotonic: () => number;
}

export interface TrustedTimeOptions extends Clocks {
  readonly api: Pick<Api, "time">;
  readonly vault: Pick<Vault, "get" | "write">;
  /** The roster authority's raw public key. */
  readonly authority: () => Uint8Array;
}

interface Anchor {
  readonly timeMs: number;
  readonly wallMs: number;
  readonly monotonicMs: number;
}

/** `meta/time`. */
interface TimeRecord {
  readonly highestMs: number;
}

export class TrustedTime implements TimeAnchor {
  readonly #options: TrustedTimeOptions;
  #anchor: Anchor | null = null;
  #asking: Promise<void> | null = null;
  /** The last stamp accepted for each conversation. */
  readonly #stamps = new Map<ConversationId, HeadStamp>();

  constructor(options: TrustedTimeOptions) {
    this.#options = options;
  }

  now(): number | null {
    const anchor = this.#anchor;
    if (anchor === null) return null;
    const { wall, monotonic } = this.#passed(anchor);
    return Math.round(anchor.timeMs + Math.max(wall, monotonic));
  }

  requireNow(): number {
    const now = this.now();
    if (now === null) throw new Refused("T1", "the time is not known yet");
    return now;
  }

  async anchor(): Promise<void> {
    if (this.#anchor !== null && !this.#isDoubtful(this.#anchor)) return;
    this.#asking ??= this.#ask().finally(() => {
      this.#asking = null;
    });
    await this.#asking;
  }

  /** Forget the anchor: the account is another, or the app was locked. */
  reset(): void {
    this.#anchor = null;
    this.#stamps.clear();
  }

  async requireNewest(bytes: Uint8Array, head: RosterHead, named: number): Promise<void> {
    await this.anchor();
    const stamp = HeadStampFormat.parse(bytes);
    await checkStamp(stamp, head, this.#options.authority(), this.requireNow(), named);
    const conversation = idOf<ConversationId>(head.conversation);
    const last = this.#stamps.get(conversation);
    if (last !== undefined && stamp.time < last.time) {
      // Two answers that overtook each other; of the same head either serves.
      const same = toHex(last.head) === toHex(stamp.head);
      refuseUnless(same, "S1", "another head has a later stamp");
      return;
    }
    this.#stamps.set(conversation, stamp);
  }

  requireStillNewest(head: RosterHead, named: number): void {
    const stamp = this.#stamps.get(idOf<ConversationId>(head.conversation));
    const known = stamp !== undefined && toHex(stamp.head) === toHex(head.hash);
    refuseUnless(known, "S1", "no stamp of this head");
    requireFreshStamp(stamp, head, this.requireNow(), named);
  }

  async #ask(): Promise<void> {
    const { vault } = this.#options;
    const { timeMs, ...asked } = (await this.#answer()) ?? (await this.#answer()) ?? tooSlow();
    const former = this.#anchor;
    // The monotonic clock alone never counts too much: below it, the server's time went back.
    const counted = former === null ? 0 : former.timeMs + this.#passed(former).monotonic;
    const stored = await vault.get<TimeRecord>(META, "time");
    const highestMs = Math.max(counted, stored?.highestMs ?? 0);
    refuseUnless(timeMs >= highestMs - CORRECTION_MS, "T1", "the department's time went back");
    if (timeMs > (stored?.highestMs ?? 0)) {
      const value: TimeRecord = { highestMs: timeMs };
      await vault.write([putMeta("time", value)]);
    }
    this.#anchor = { timeMs, ...asked };
  }

  /** A signed time and when it was asked for; null: a device slept, or a clock was set, meanwhile. */
  async #answer(): Promise<Anchor | null> {
    const { api, now, monotonic, authority } = this.#options;
    const nonce = toHex(randomBytes(16));
    const asked = { wallMs: now(), monotonicMs: monotonic() };
    const { time } = await api.time({ nonce });
    const { wall, monotonic: counted } = this.#passed(asked);
    if (Math.max(Math.abs(wall), counted) > LONGEST_TRIP_MS) return null;
    const timeMs = await checkTime(TimeFormat.parse(time), fromHex(nonce), authority());
    return { timeMs, ...asked };
  }

  #passed(anchor: Omit<Anchor, "timeMs">): { readonly wall: number; readonly monotonic: number } {
    const { now, monotonic } = this.#options;
    return {
      wall: now() - anchor.wallMs,
      monotonic: Math.max(0, monotonic() - anchor.monotonicMs),
    };
  }

  #isDoubtful(anchor: Anchor): boolean {
    const { wall, monotonic } = this.#passed(anchor);
    return Math.abs(wall - monotonic) > DOUBT_MS || monotonic > ANCHOR_MS;
  }
}

function tooSlow(): never {
  throw failure("network", { retry: true, details: { reason: "time took too long" } });
}

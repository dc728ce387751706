/**
 * T1: the department's time on this device, and S1's question whether a head is still the newest.
 *
 * The roster authority signs a time for a nonce that this device chose; from then on the device
 * counts on its own. Its monotonic clock may stop while the device sleeps, and its wall clock may
 * be set by hand, so the time passed is the longer of both: a stamp is never taken for younger than
 * it is. The time of the answer counts from when the question was asked, for the same reason: an
 * answer that is held back for a minute makes stamps a minute older.
 *
 * Invariants: the time below which nothing is taken at once is the highest signed one
 * (`meta/time`) and what the monotonic clock has counted since; the time that is taken at once is at
 * most an hour above what the device counts. A time beyond either waits for a second one, ten minutes
 * later by the device's own clock, that is later by as much: a clock of the server that once ran
 * ahead neither becomes the device's time by one answer nor keeps the right time out for ever, and
 * a time that does not advance is never taken. Time that the wall clock alone counted may go back to a signed
 * time: a person who sets a wrong clock right, as the app asks, must be able to continue. An authority
 * that signs earlier stamps gains nothing by it: a thief of its key can sign stamps of any age
 * already. Heads do not go back with the time (S1).
 * Concurrency: one question at a time serves all who wait. A crash loses the anchor; the next start
 * asks again.
 */
import { idOf, type ConversationId } from "../ids.ts";
import { failure } from "../failure.ts";
import { fromHex, randomBytes, toHex } from "../octets.ts";
import { Refused, refuseUnless } from "../keys/format/refused.ts";
import { CLOCKS_MS, HOUR_MS, MINUTE_MS } from "../keys/format/times.ts";
import type { RosterHead } from "../keys/roster/head.ts";
import {
  HeadStampFormat,
  checkStamp,
  requireFreshStamp,
  type HeadStamp,
} from "../keys/roster/stamp.ts";
import type { Api } from "../transport/api.ts";
import { META, putMeta } from "../vault/changes.ts";
import type { Vault } from "../vault/vault.ts";
import type { TimeAnchor } from "./ports.ts";
import { authorityNumberOf, type Department } from "../keys/trust/department.ts";
import type { LogHead } from "./audit-head.ts";
import { TimeFormat, checkTime } from "../keys/trust/time.ts";

/** So long one anchor serves while both clocks agree. */
const ANCHOR_MS = 6 * HOUR_MS;
/** Clocks that differ by more have seen sleep or were set: the anchor is renewed. */
const DOUBT_MS = 30_000;
/** A server's clock may be corrected by so much, and two answers agree within it. */
const CORRECTION_MS = MINUTE_MS;
const AHEAD_MS = HOUR_MS;
const APART_MS = 10 * MINUTE_MS;

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
  /** The newest department record. */
  readonly department: () => Pick<Department, "authority" | "authorityNumber">;
  /** {@link TrustedTime.waiting} is another now. */
  readonly onWaiting: () => void;
  /** The department's time goes back by so much: dates taken from it are as much earlier. */
  readonly onBack: (byMs: number) => Promise<void>;
  /** The head of the audit log that came with a signed time. */
  readonly onLog: (head: LogHead) => void;
}

interface Anchor {
  /** The number of the roster authority that signed it. */
  readonly authorityNumber: number;
  readonly timeMs: number;
  readonly wallMs: number;
  readonly monotonicMs: number;
}

/** `meta/time`. */
interface TimeRecord {
  /** The last signed time that was taken, and the device's clock then. */
  readonly timeMs: number;
  readonly wallMs: number;
  /** The number of the roster authority that signed it. */
  readonly authorityNumber: number;
  /** The first of two answers beyond what is taken at once. */
  readonly doubted: Doubted | null;
}

interface Doubted {
  readonly kind: "ahead" | "behind";
  readonly timeMs: number;
  readonly wallMs: number;
}

/** The department's time is not what this device expects. `untilMs`: by the device's clock. */
export interface TimeWait {
  readonly kind: "ahead" | "behind";
  readonly untilMs: number;
}

const WORDS = {
  ahead: "the department's time is far ahead",
  behind: "the department's time went back",
} as const;

export class TrustedTime implements TimeAnchor {
  readonly #options: TrustedTimeOptions;
  #anchor: Anchor | null = null;
  #asking: Promise<void> | null = null;
  #doubted: Doubted | null = null;
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

  earliest(): number | null {
    const anchor = this.#anchor;
    return anchor === null ? null : Math.round(anchor.timeMs + this.#passed(anchor).monotonic);
  }

  async anchor(): Promise<void> {
    if (this.#anchor === null || this.#isDoubtful(this.#anchor)) await this.#renew();
  }

  renew(): Promise<boolean> {
    return this.#renew().then(
      () => true,
      () => false,
    );
  }

  async #renew(): Promise<void> {
    this.#asking ??= this.#ask().finally(() => {
      this.#asking = null;
    });
    await this.#asking;
  }

  /** Null: the department's time is taken. */
  get waiting(): TimeWait | null {
    if (this.#doubted === null) return null;
    const { kind, wallMs } = this.#doubted;
    return { kind, untilMs: wallMs + APART_MS };
  }

  /** Forget the anchor: the account is another, or the app was locked. */
  reset(): void {
    this.#anchor = null;
    this.#doubted = null;
    this.#stamps.clear();
  }

  async requireNewest(bytes: Uint8Array, head: RosterHead, named: number): Promise<void> {
    await this.anchor();
    this.#requirePresent(head);
    const stamp = HeadStampFormat.parse(bytes);
    const { authority } = this.#options.department();
    await checkStamp(stamp, head, authority, this.requireNow(), named);
    const conversation = idOf<ConversationId>(head.conversation);
    const last = this.#stamps.get(conversation);
    // Two answers that overtook each other: the later stamp serves longer, if it is of this time.
    const same = last !== undefined && toHex(last.head) === toHex(stamp.head);
    if (!same || last.time < stamp.time || !isFresh(last, this.requireNow()))
      this.#stamps.set(conversation, stamp);
  }

  requireStillNewest(head: RosterHead, named: number): void {
    this.#requirePresent(head);
    const stamp = this.#stamps.get(idOf<ConversationId>(head.conversation));
    const known = stamp !== undefined && toHex(stamp.head) === toHex(head.hash);
    refuseUnless(known, "S1", "no stamp of this head");
    requireFreshStamp(stamp, head, this.requireNow(), named);
  }

  /** Heads of a former roster authority are the newest no more. */
  #requirePresent(head: RosterHead): void {
    const present = authorityNumberOf(head.epoch) === this.#options.department().authorityNumber;
    refuseUnless(present, "S1", "a former roster authority's head");
  }

  async #ask(): Promise<void> {
    const { vault } = this.#options;
    const { timeMs, ...asked } = (await this.#answer()) ?? (await this.#answer()) ?? tooSlow();
    const { wallMs, authorityNumber } = asked;
    const stored = await vault.get<TimeRecord>(META, "time");
    // A former roster authority's times count no more: a thief may have dated them far ahead.
    const taken = stored?.authorityNumber === authorityNumber ? stored : null;
    const answer = { timeMs, ...asked };
    const { lowest, expected } = this.#counted(answer, taken);
    const kind = beyond(timeMs, lowest, taken === null ? null : expected);
    const doubted = this.#judge(answer, kind, taken);
    if (kind === "behind" && doubted === null) await this.#options.onBack(expected - timeMs);
    // A time that waits changes nothing but the wait.
    const value: TimeRecord =
      doubted === null || taken === null
        ? { timeMs, wallMs, authorityNumber, doubted: null }
        : { ...taken, doubted };
    await vault.write([putMeta("time", value)]);
    const changed = doubted?.wallMs !== this.#doubted?.wallMs;
    this.#doubted = doubted;
    if (doubted === null) this.#anchor = { timeMs, ...asked };
    if (changed) this.#options.onWaiting();
    if (doubted !== null) throw new Refused("T1", WORDS[doubted.kind]);
  }

  /** Null: the time is to be taken. Otherwise the first of the two answers that it takes. */
  #judge(
    { timeMs, wallMs }: Anchor,
    kind: Doubted["kind"] | null,
    taken: TimeRecord | null,
  ): Doubted | null {
    const first = taken?.doubted ?? null;
    if (kind === null) return null;
    const gained = first === null ? 0 : timeMs - first.timeMs;
    const agrees = first !== null && Math.abs(gained - (wallMs - first.wallMs)) <= CORRECTION_MS;
    if (!agrees || first.kind !== kind) return { kind, timeMs, wallMs };
    return gained >= APART_MS ? null : first;
  }

  /** The lowest time that is right, and the one that both of this device's clocks make likely. */
  #counted({ wallMs, authorityNumber }: Anchor, taken: TimeRecord | null) {
    const former = this.#anchor;
    // The monotonic clock alone never counts too much: below it, the server's time went back.
    const same = former?.authorityNumber === authorityNumber;
    const counted = !same ? 0 : former.timeMs + this.#passed(former).monotonic;
    const lowest = Math.max(counted, taken?.timeMs ?? 0);
    const passed = taken === null ? 0 : Math.max(0, wallMs - taken.wallMs);
    return { lowest, expected: Math.max(counted, (taken?.timeMs ?? 0) + passed) };
  }

  /** A signed time and when it was asked for; null: a device slept, or a clock was set, meanwhile. */
  async #answer(): Promise<Anchor | null> {
    const { api, now, monotonic, department } = this.#options;
    const nonce = toHex(randomBytes(16));
    const asked = { wallMs: now(), monotonicMs: monotonic() };
    const { time } = await api.time({ nonce });
    const { wall, monotonic: counted } = this.#passed(asked);
    if (Math.max(Math.abs(wall), counted) > LONGEST_TRIP_MS) return null;
    const { authority, authorityNumber } = department();
    const record = TimeFormat.parse(time);
    const timeMs = await checkTime(record, fromHex(nonce), authority);
    this.#options.onLog({ size: record.logSize, root: record.logRoot, authorityNumber });
    return { timeMs, authorityNumber, ...asked };
  }

  #passed(anchor: Pick<Anchor, "wallMs" | "monotonicMs">): {
    readonly wall: number;
    readonly monotonic: number;
  } {
    const { now, monotonic } = this.#options;
    return {
      wall: now() - anchor.wallMs,
      monotonic: Math.max(0, monotonic() - anchor.monotonicMs),
    };
  }

  #isDoubtful(anchor: Anchor): boolean {
    const { wall, monotonic } = this.#passed(anchor);
    const { authorityNumber } = this.#options.department();
    const former = anchor.authorityNumber !== authorityNumber;
    return former || Math.abs(wall - monotonic) > DOUBT_MS || monotonic > ANCHOR_MS;
  }
}

/** How a time is beyond what is taken at once. */
function beyond(timeMs: number, lowest: number, expected: number | null): Doubted["kind"] | null {
  if (timeMs < lowest - CORRECTION_MS) return "behind";
  return expected !== null && timeMs > expected + AHEAD_MS ? "ahead" : null;
}

function isFresh(stamp: HeadStamp, nowMs: number): boolean {
  return Math.abs(nowMs - stamp.time) <= CLOCKS_MS;
}

function tooSlow(): never {
  throw failure("network", { retry: true, details: { reason: "time took too long" } });
}

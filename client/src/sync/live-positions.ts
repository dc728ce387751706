/**
 * Live positions. A share begins with a message (kinds/live.ts) and ends by its time, by a mark, by
 * leaving or being removed, and with this device's account. Between them this device sends records that
 * the server passes to connected devices and stores nowhere; here, too, the newest of each share is
 * kept in memory alone.
 *
 * L1: a record is of its conversation, parses and opens. L2: its device began the share, is listed with
 * the right to send under the newest roster known here, and is confirmed. L3: the device signed it. L4: it
 * is newer than the last one and within ten minutes of now; the share runs. One that fails shows nothing.
 */
import type { Conversation, ConversationIndex } from "../conversation/conversation.ts";
import type { LivePlace, LiveShare } from "../seam.ts";
import type { DeviceContext } from "../context.ts";
import { idOf, type ConversationId, type DeviceId, type KeyId, type MessageId } from "../ids.ts";
import { Refused } from "../keys/format/refused.ts";
import { CLOCKS_MS } from "../keys/format/times.ts";
import { PositionFormat, isOf, openPosition, sealPosition } from "../keys/position.ts";
import type { GeoPosition, PositionRecord } from "../keys/position.ts";
import { maySend } from "../keys/roster/leaf.ts";
import { decodedOf, loadMessage } from "../conversation/messages.ts";
import { liveUntil } from "../messages/live-state.ts";
import type { Outbox } from "../outbox/outbox.ts";
import { usableKey } from "../outbox/key-choice.ts";
import type { PeopleDirectory } from "../people/people.ts";
import { fromHex } from "../octets.ts";
import { STORES, type MessageRecord } from "../records.ts";
import type { MarksRecord } from "../mark-records.ts";
import { requireNewest } from "../roster/newest.ts";
import { knownRoster } from "../roster/roster.ts";
import { pause } from "../transport/backoff.ts";
import type { PositionFrame, SendPosition, WatchPositions } from "../wire.ts";

/** At most so often a position of this device goes out, whatever the screen hands in. */
const APART_MS = 5_000;
const SHARES = "live_shares";

/** `meta/live_shares`. */
interface SharesRecord {
  readonly shares: readonly LiveShare[];
}

export interface LiveParts {
  readonly context: DeviceContext;
  readonly book: ConversationIndex;
  readonly people: PeopleDirectory;
  readonly outbox: Pick<Outbox, "keyWanted">;
  /** False: there is no connection. */
  readonly send: (frame: SendPosition | WatchPositions) => boolean;
}

export class LivePositions {
  readonly #parts: LiveParts;
  #shares: readonly LiveShare[] = [];
  readonly #sentMs = new Map<MessageId, number>();
  /** The newest position of each share that has not gone out: it came too soon, or could not be sent. */
  readonly #held = new Map<MessageId, GeoPosition>();
  /** The newest record of each share that was taken, by message. */
  readonly #heard = new Map<MessageId, { readonly sent: number; readonly place: GeoPosition }>();

  constructor(parts: LiveParts) {
    this.#parts = parts;
  }

  async open(): Promise<void> {
    const { vault } = this.#parts.context;
    this.#shares = (await vault.get<SharesRecord>(STORES.meta, SHARES))?.shares ?? [];
  }

  /** Those of this device that run. */
  shares(): readonly LiveShare[] {
    const { book } = this.#parts;
    const now = this.#now();
    return this.#shares.filter(({ conversationId, untilMs }) => {
      return untilMs > now && book.find(conversationId)?.record.state === "ready";
    });
  }

  /** A share of this device has begun: one at a time in a conversation. */
  async begin(share: LiveShare): Promise<void> {
    const others = this.shares().filter((one) => one.conversationId !== share.conversationId);
    await this.#keep([...others, share]);
  }

  /** A share ends with its person's membership, also where the person returns. */
  async left(conversationId: ConversationId): Promise<void> {
    const others = this.#shares.filter((one) => one.conversationId !== conversationId);
    if (others.length < this.#shares.length) await this.#keep(others);
  }

  async end(conversationId: ConversationId): Promise<void> {
    await this.left(conversationId);
    this.#parts.send({ t: "send_position", conversationId, data: new Uint8Array() });
  }

  async #keep(shares: readonly LiveShare[]): Promise<void> {
    const { vault, emit } = this.#parts.context;
    this.#shares = shares;
    const value: SharesRecord = { shares };
    await vault.write([{ op: "put", store: STORES.meta, key: SHARES, value }]);
    emit({ type: "live", shares: this.shares() });
  }

  #now(): number {
    const { time, now } = this.#parts.context;
    return time.now() ?? now();
  }

  // --- Sending ---------------------------------------------------------------------------------

  /** This device is here: tell every conversation that it shares with. */
  async move(place: GeoPosition): Promise<readonly LiveShare[]> {
    const running = this.shares();
    for (const share of running) await this.#tell(share, place);
    return running;
  }

  async #tell(share: LiveShare, place: GeoPosition): Promise<void> {
    const { conversationId, messageId } = share;
    const now = this.#now();
    const waitMs = (this.#sentMs.get(messageId) ?? 0) + APART_MS - now;
    if (waitMs > 0) return this.#hold(share, place, waitMs);
    const conversation = this.#parts.book.find(conversationId);
    if (conversation === null) return;
    this.#held.delete(messageId);
    let sent = false;
    try {
      const data = await this.#sealed(conversation, share, place);
      // Nothing goes out after the person stopped.
      if (data === null || !this.#runs(messageId)) return;
      sent = this.#parts.send({ t: "send_position", conversationId, data });
    } finally {
      // A device that stays here has no newer place for long.
      if (!sent && this.#runs(messageId) && !this.#held.has(messageId))
        this.#hold(share, place, APART_MS);
    }
    if (sent) this.#sentMs.set(messageId, now);
    this.#heard.set(messageId, { sent: now, place });
    this.#parts.context.emit({ type: "positions", conversationId });
  }

  /** The device may stay here for long: the place goes out once it may, unless a newer one does. */
  #hold(share: LiveShare, place: GeoPosition, waitMs: number): void {
    const { messageId } = share;
    const waits = this.#held.has(messageId);
    this.#held.set(messageId, place);
    if (waits) return;
    const { signal } = this.#parts.context;
    void pause(waitMs, signal)
      .then(() => {
        const newest = this.#held.get(messageId);
        this.#held.delete(messageId);
        return newest === undefined || !this.#runs(messageId) || signal.aborted
          ? undefined
          : this.#tell(share, newest);
      })
      .catch(() => undefined); // It is held, and tried again.
  }

  #runs(messageId: MessageId): boolean {
    return this.shares().some((one) => one.messageId === messageId);
  }

  /** Null: there is no key that serves now; one is made, and the next position goes under it. */
  async #sealed(
    conversation: Conversation,
    share: LiveShare,
    place: GeoPosition,
  ): Promise<Uint8Array<ArrayBuffer> | null> {
    const { context, outbox } = this.#parts;
    const newest = await requireNewest(context, conversation);
    const key = await usableKey(context, conversation, newest, new Set());
    if (key === null || key.secret === null) {
      outbox.keyWanted(conversation);
      return null;
    }
    const { deviceBytes, privateKey } = context.identity();
    const opening = {
      conversation: fromHex(conversation.id),
      share: fromHex(share.messageId),
      sender: deviceBytes,
      key: fromHex(key.keyId),
      sent: context.time.requireNow(),
    };
    return sealPosition(opening, place, key.secret, privateKey);
  }

  // --- Receiving -------------------------------------------------------------------------------

  async onFrame({ conversationId, data }: PositionFrame): Promise<void> {
    const conversation = this.#parts.book.find(conversationId);
    if (conversation?.record.state !== "ready") return;
    try {
      const record = PositionFormat.parse(data, "L1");
      const share = idOf<MessageId>(record.share);
      const last = this.#heard.get(share)?.sent ?? 0;
      const age = Math.abs(this.#now() - record.sent);
      if (record.sent <= last || age > CLOCKS_MS) return;
      const place = await this.#opened(conversation, share, record);
      if (place === null || (this.#heard.get(share)?.sent ?? 0) >= record.sent) return;
      this.#heard.set(share, { sent: record.sent, place });
      this.#parts.context.emit({ type: "positions", conversationId });
    } catch (error) {
      if (!(error instanceof Refused)) throw error;
    }
  }

  /** L1 to L4. */
  async #opened(
    conversation: Conversation,
    messageId: MessageId,
    record: PositionRecord,
  ): Promise<GeoPosition | null> {
    const { trust } = this.#parts.context;
    const marks = await conversation.marks.get(null, messageId);
    const device = marks?.device ?? null;
    if (marks === null || device === null) return null;
    const place = { conversation: fromHex(conversation.id), sender: fromHex(device) };
    const running = await this.#running(conversation, marks);
    if (!isOf(record, place) || running === null || running.senderId === null) return null;
    const certificate = await trust.confirmedCertificate(
      running.senderId,
      device,
      record.sent,
      "L2",
    );
    await PositionFormat.verify(record, certificate.publicKey);
    const key = await conversation.keys.find(null, idOf<KeyId>(record.key));
    if (key === null || key.secret === null) return null;
    return openPosition(record, key.secret);
  }

  /** The message of a share that runs, by a device that is listed and may send; else null. */
  async #running(conversation: Conversation, marks: MarksRecord): Promise<MessageRecord | null> {
    const { context } = this.#parts;
    const message = await loadMessage(context.vault, conversation.id, marks.messageId);
    const content = message === null ? null : decodedOf(message);
    if (message === null || content?.kind !== "live" || marks.device === null) return null;
    if (liveUntil(content, message, marks) <= this.#now()) return null;
    return (await this.#isListed(conversation, marks.device)) ? message : null;
  }

  async #isListed(conversation: Conversation, device: DeviceId): Promise<boolean> {
    const leaves = (await knownRoster(this.#parts.context, conversation)) ?? [];
    return leaves.some((leaf) => leaf.device === device && maySend(leaf));
  }

  /** The places of everybody who shares in a conversation now. Asks for the newest that others know. */
  async places(conversation: Conversation, ask: boolean): Promise<readonly LivePlace[]> {
    const { people, send } = this.#parts;
    if (ask) send({ t: "watch_positions", conversationId: conversation.id });
    const found: LivePlace[] = [];
    for (const marks of await conversation.marks.all()) {
      const message = marks.device === null ? null : await this.#running(conversation, marks);
      const content = message === null ? null : decodedOf(message);
      if (message === null || content?.kind !== "live") continue;
      const { latitude, longitude, accuracyM, takenMs } =
        this.#heard.get(marks.messageId)?.place ?? content;
      found.push({
        messageId: marks.messageId,
        sender: await people.plate(message.senderId),
        mine: message.mine,
        untilMs: liveUntil(content, message, marks),
        ...{ latitude, longitude, accuracyM, takenMs },
      });
    }
    return found;
  }
}

/**
 * Passing secrets on to devices that are entitled to them (H1 to H4).
 *
 * One answer at a time (answer-queue.ts), for at most 60 devices a minute, outside the queues that send and
 * receive: reading the vault is all that it shares with them. This device sends nothing to an asker that
 * fails a check; the other askers of the same question get their shares.
 */
import type { Conversation, ConversationIndex } from "../conversation/conversation.ts";
import type { DeviceContext } from "../context.ts";
import type { DeviceKey } from "../keys/device-key.ts";
import type { MessageId, SealKeyId } from "../ids.ts";
import {
  KIND_BODY_KEY,
  KIND_CELL_KEY,
  KIND_CONVERSATION_KEY,
  makeKeyShare,
} from "../keys/key-share.ts";
import type { Shareable, SharedSecret } from "../keys/key-share.ts";
import { HeaderFormat } from "../keys/message.ts";
import { Refused, refuseUnless } from "../keys/format/refused.ts";
import { requireShareable } from "../keys/share-rules.ts";
import { MINUTE_MS } from "../keys/format/times.ts";
import { fromHex } from "../octets.ts";
import { requireSealingKem, type RosterHead } from "../keys/roster/head.ts";
import type { Leaf } from "../keys/roster/leaf.ts";
import { requireUpdated, takeNewest } from "../roster/newest.ts";
import type { DeviceShare, ShareAsker, ShareReference, ShareWanted, Working } from "../wire.ts";
import { AnswerQueue } from "./answer-queue.ts";

const MOST_A_MINUTE = 60;
const MOST_WAITING = 200;

export class Answering {
  readonly #context: DeviceContext;
  readonly #index: ConversationIndex;
  readonly #send: (frame: Working) => boolean;
  readonly #queue: AnswerQueue<ShareWanted>;
  /** When the last answers were given, by this device's clock. */
  #answeredMs: number[] = [];

  /** `send`: false: there is no connection. */
  constructor(context: DeviceContext, index: ConversationIndex, send: (frame: Working) => boolean) {
    this.#context = context;
    this.#index = index;
    this.#send = send;
    this.#queue = new AnswerQueue(context.signal, MOST_WAITING, (request) => this.#answer(request));
  }

  asked(request: ShareWanted): void {
    this.#queue.add(request);
  }

  /** H4: how many more devices may get a share now. */
  #room(): number {
    const now = this.#context.now();
    this.#answeredMs = this.#answeredMs.filter((at) => Math.abs(now - at) < MINUTE_MS);
    return MOST_A_MINUTE - this.#answeredMs.length;
  }

  async #answer(request: ShareWanted): Promise<void> {
    const { api, trust } = this.#context;
    const conversation = this.#index.find(request.conversationId);
    const askers = request.askers.slice(0, this.#room());
    if (conversation?.record.state !== "ready" || askers.length === 0) return;
    this.#answeredMs.push(...askers.map(() => this.#context.now()));
    requireUpdated(this.#context);
    const held = await this.#held(conversation, request.references);
    if (held.length === 0) return;
    this.#send({ t: "working", conversationId: conversation.id });
    const head = await conversation.change((work) =>
      takeNewest(this.#context, conversation, work, request),
    );
    requireSealingKem(head, trust.department);
    const people = new Set(askers.map(({ personId }) => personId));
    await trust.ensure([...people], { fresh: true });
    const shares: DeviceShare[] = [];
    for (const asker of askers) {
      const share = await this.#share(conversation, held, head, asker).catch(() => null);
      if (share !== null) shares.push({ device: asker.device, share });
    }
    if (shares.length > 0) await api.submitShares(conversation.id, { shares });
  }

  /** The share for one device; null: it may have none of these. */
  async #share(
    conversation: Conversation,
    held: readonly SharedSecret[],
    head: RosterHead,
    asker: ShareAsker,
  ): Promise<Uint8Array | null> {
    const { leaf, key } = await this.#entitled(conversation, head, asker);
    const newestState = conversation.record.profile?.messageId ?? null;
    const secrets = held.filter(({ of }) => isShareable(of, head, leaf, newestState));
    if (secrets.length === 0) return null;
    return makeKeyShare(fromHex(conversation.id), key, secrets);
  }

  /** H1 and H2: listed under the newest head, confirmed, and the key is its own. */
  async #entitled(
    conversation: Conversation,
    head: RosterHead,
    { device, personId, proof, keys }: ShareAsker,
  ): Promise<{ readonly leaf: Leaf; readonly key: DeviceKey }> {
    const { trust, time } = this.#context;
    const { leaf } = conversation.heads.prove(head, device, proof);
    refuseUnless(leaf.person === personId, "H1", "another person's device");
    await trust.confirmedCertificate(personId, device, time.requireNow(), "H1");
    await trust.learnKeys(personId, keys);
    return { leaf, key: await trust.deviceKey(personId, device, head.kem) };
  }

  /** The asked secrets that this device holds. */
  async #held(
    conversation: Conversation,
    references: readonly ShareReference[],
  ): Promise<readonly SharedSecret[]> {
    const { profile } = conversation.record;
    const asked = (kind: ShareReference["kind"]): ReadonlySet<string> =>
      new Set(references.filter((one) => one.kind === kind).map(({ reference }) => reference));
    const held: SharedSecret[] = [];
    if (profile !== null && asked(KIND_BODY_KEY).has(profile.messageId)) {
      const record = HeaderFormat.parse(profile.header);
      held.push({ of: { kind: KIND_BODY_KEY, record }, secret: profile.key });
    }
    const wanted = asked(KIND_CONVERSATION_KEY);
    for (const { record, secret } of await conversation.keys.referred(wanted))
      if (secret !== null) held.push({ of: { kind: KIND_CONVERSATION_KEY, record }, secret });
    for (const keyId of asked(KIND_CELL_KEY)) {
      const found = await conversation.cellKeys.find(null, keyId as SealKeyId);
      if (found === null || found.secret === null) continue;
      held.push({ of: { kind: KIND_CELL_KEY, record: found.record }, secret: found.secret });
    }
    return held;
  }
}

/** H3. */
function isShareable(
  of: Shareable,
  head: RosterHead,
  leaf: Leaf,
  newestState: MessageId | null,
): boolean {
  try {
    requireShareable(of, head, leaf, newestState);
    return true;
  } catch (error) {
    if (error instanceof Refused) return false;
    throw error;
  }
}

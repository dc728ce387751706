/**
 * Passing secrets on to devices that are entitled to them (H1 to H4).
 *
 * One answer at a time (answer-queue.ts), at most 60 a minute, outside the queues that send and receive:
 * reading the vault is all that it shares with them. A request that checks refuse gets nothing, and
 * nobody is told.
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
import type { ShareReference, ShareWanted } from "../wire.ts";
import { AnswerQueue } from "./answer-queue.ts";

const MOST_A_MINUTE = 60;
const MOST_WAITING = 200;

export class Answering {
  readonly #context: DeviceContext;
  readonly #index: ConversationIndex;
  readonly #queue: AnswerQueue<ShareWanted>;
  /** When the last answers were given, by this device's clock. */
  #answeredMs: number[] = [];

  constructor(context: DeviceContext, index: ConversationIndex) {
    this.#context = context;
    this.#index = index;
    this.#queue = new AnswerQueue(context.signal, MOST_WAITING, async (request) => {
      if (this.#mayAnswer()) await this.#answer(request);
    });
  }

  asked(request: ShareWanted): void {
    this.#queue.add(request);
  }

  /** H4. */
  #mayAnswer(): boolean {
    const now = this.#context.now();
    this.#answeredMs = this.#answeredMs.filter((at) => Math.abs(now - at) < MINUTE_MS);
    if (this.#answeredMs.length >= MOST_A_MINUTE) return false;
    this.#answeredMs.push(now);
    return true;
  }

  async #answer(request: ShareWanted): Promise<void> {
    const { api, trust } = this.#context;
    const conversation = this.#index.find(request.conversationId);
    if (conversation?.record.state !== "ready") return;
    const { head, leaf, key } = await this.#entitled(conversation, request);
    const secrets = await this.#secrets(conversation, request.references, head, leaf);
    if (secrets.length === 0) return;
    requireSealingKem(head, trust.department);
    const share = await makeKeyShare(fromHex(conversation.id), key, secrets);
    await api.postShare(conversation.id, { device: request.device, share });
  }

  /** H1 and H2: listed under the newest head, confirmed, and the key is its own. */
  async #entitled(
    conversation: Conversation,
    request: ShareWanted,
  ): Promise<{ readonly head: RosterHead; readonly leaf: Leaf; readonly key: DeviceKey }> {
    const { trust, time } = this.#context;
    requireUpdated(this.#context);
    const head = await conversation.change((work) =>
      takeNewest(this.#context, conversation, work, request),
    );
    const device = request.device;
    const { leaf } = conversation.heads.prove(head, device, request.proof);
    refuseUnless(leaf.person === request.personId, "H1", "another person's device");
    await trust.ensure([leaf.person], { fresh: true });
    await trust.confirmedCertificate(leaf.person, device, time.requireNow(), "H1");
    await trust.learnKeys(leaf.person, request.keys);
    return { head, leaf, key: await trust.deviceKey(leaf.person, device, head.kem) };
  }

  /** H3: what this device holds and the other may have. */
  async #secrets(
    conversation: Conversation,
    references: readonly ShareReference[],
    head: RosterHead,
    leaf: Leaf,
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
    const newestState = profile?.messageId ?? null;
    return held.filter(({ of }) => isShareable(of, head, leaf, newestState));
  }
}

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

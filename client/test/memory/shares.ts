/** Key shares of the server in memory (D4): requests are kept until the asker says that they are done. */
import { toHex } from "../../src/octets.ts";
import type { DeviceId } from "../../src/ids.ts";
import { CellKeyFormat } from "../../src/keys/cell-key.ts";
import { ConversationKeyFormat } from "../../src/keys/conversation-key.ts";
import { sealKeyIdBytes } from "../../src/keys/device-key.ts";
import { KIND_CONVERSATION_KEY, parseKeyShare } from "../../src/keys/key-share.ts";
import { MINUTE_MS } from "../../src/keys/format/times.ts";
import type * as wire from "../../src/wire.ts";
import { Refusal, checked } from "./refusal.ts";
import { leafOf, newest } from "./rosters.ts";
import type { ServerPorts } from "./ports.ts";
import type { ClientState, ConversationState } from "./state.ts";

const REQUESTS_A_MINUTE = 600;

function nameOf({ kind, reference }: wire.ShareReference): string {
  return `${String(kind)}/${reference}`;
}

export class Shares {
  readonly #server: ServerPorts;
  /** When each device asked, of the last minute. */
  readonly #times = new Map<DeviceId, number[]>();

  constructor(server: ServerPorts) {
    this.#server = server;
  }

  async request(
    conversation: ConversationState,
    caller: ClientState,
    { references }: wire.ShareRequest,
  ): Promise<void> {
    this.#requireListed(conversation, caller);
    this.#server.judge.requireConfirmed(caller);
    this.#limit(caller.device);
    const known = conversation.shareAsks.get(caller.device);
    const ask = known ?? { references: new Map(), asked: new Set<DeviceId>(), askedMs: 0 };
    const news = references.filter((one) => !ask.references.has(nameOf(one)));
    for (const one of news) ask.references.set(nameOf(one), one);
    // The devices that were asked were not asked for these.
    if (news.length > 0) ask.asked.clear();
    conversation.shareAsks.set(caller.device, ask);
    this.#tell(conversation, caller, news);
    void this.#server.inTurn(() => this.#server.asking.shares(conversation));
  }

  #limit(device: DeviceId): void {
    const now = this.#server.now();
    const times = (this.#times.get(device) ?? []).filter((one) => one > now - MINUTE_MS);
    this.#times.set(device, times);
    if (times.length >= REQUESTS_A_MINUTE)
      throw new Refusal("rate_limited", { limit: "share_requests" }, MINUTE_MS);
    times.push(now);
  }

  /** Secrets that a device lacks to open a page, by the seals that come with the page. */
  lacking({ keys }: wire.LogPage, own: readonly wire.CellKeyItem[]): wire.ShareReference[] {
    const closed = own
      .filter(({ seal }) => seal === null)
      .map(({ record }) => toHex(sealKeyIdBytes(CellKeyFormat.parse(record))));
    const found = keys
      .filter(({ seal }) => seal === null || closed.includes(toHex(seal.subarray(0, 16))))
      .map(({ record }) => toHex(ConversationKeyFormat.parse(record, "R6").hash).slice(0, 32));
    return [
      ...found.map((reference) => ({ kind: 1 as const, reference })),
      ...closed.map((reference) => ({ kind: 2 as const, reference })),
    ];
  }

  done(
    conversation: ConversationState,
    caller: ClientState,
    { references }: wire.ShareRequest,
  ): void {
    const ask = conversation.shareAsks.get(caller.device);
    const gone = references.filter((one) => ask?.references.delete(nameOf(one)) === true);
    this.#tell(conversation, caller, gone);
    if (ask === undefined || ask.references.size > 0) return;
    conversation.shareAsks.delete(caller.device);
    conversation.shares.delete(caller.device);
  }

  /** Messages under these keys are delivered to the caller's person no more, or now (R9). */
  #tell(
    conversation: ConversationState,
    { personId }: ClientState,
    references: readonly wire.ShareReference[],
  ): void {
    if (references.some(({ kind }) => kind === KIND_CONVERSATION_KEY))
      this.#server.receipts.askedOtherwise(conversation, personId);
  }

  async submit(
    conversation: ConversationState,
    caller: ClientState,
    { shares }: wire.SubmitShares,
  ): Promise<void> {
    this.#requireListed(conversation, caller);
    this.#server.judge.requireConfirmed(caller);
    const refusals: Refusal[] = [];
    for (const one of shares)
      await this.#take(conversation, one).catch((error: unknown) => {
        if (!(error instanceof Refusal)) throw error;
        refusals.push(error);
      });
    if (refusals[0] !== undefined && refusals.length === shares.length) throw refusals[0];
  }

  async #take(conversation: ConversationState, body: wire.DeviceShare): Promise<void> {
    const recipient = body.device;
    const client = this.#server.people.clientOf(recipient);
    if (client === null || leafOf(conversation, recipient) === null)
      throw new Refusal("not_member");
    const { kem } = newest(conversation).head;
    const share = await checked("record_invalid", () => parseKeyShare(kem, body.share));
    const own = client.keys.some(({ keyId }) => keyId === toHex(share.recipient));
    if (!own || toHex(share.conversation) !== conversation.id)
      throw new Refusal("record_invalid", { rule: "H1" });
    if (!conversation.shareAsks.has(recipient)) throw new Refusal("not_asked");
    const kept = conversation.shares.get(recipient) ?? [];
    conversation.shares.set(recipient, [...kept, body.share]);
    const frame = { t: "share", conversationId: conversation.id, share: body.share } as const;
    this.#server.live.push(recipient, frame);
  }

  waiting(conversation: ConversationState, caller: ClientState): wire.Shares {
    return { shares: [...(conversation.shares.get(caller.device) ?? [])] };
  }

  #requireListed(conversation: ConversationState, caller: ClientState): void {
    if (leafOf(conversation, caller.device) === null) throw new Refusal("not_member");
  }
}

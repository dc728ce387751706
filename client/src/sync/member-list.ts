/**
 * The members of a conversation with their cursors, as far as screens and ticks need them. A
 * conversation too large for receipts has a few names, fetched once, and counts.
 */
import type { ConversationId, PersonId } from "../ids.ts";
import type { DeviceContext } from "../context.ts";
import { putMembers } from "../messages/reading.ts";
import { askCounts } from "../messages/receipt-counts.ts";
import { ticksMayMove, withFetched } from "../messages/receipts.ts";
import type { PeopleDirectory } from "../people/people.ts";
import { pause } from "../transport/backoff.ts";
import { RECEIPT_PEOPLE, type Member } from "../wire.ts";
import type { Conversation } from "../conversation/conversation.ts";

const SOME = 4;
/** In a conversation of at most so many people the names of all are fetched before a screen asks. */
const NAMED = 32;
/** Within this time all members of a large conversation ask what became of it. */
export const SPREAD_MS = 60_000;

export class MemberList {
  readonly #context: DeviceContext;
  readonly #people: PeopleDirectory;
  /** Conversations with missed receipts that could change no tick of what was known then. */
  readonly #missed = new Set<ConversationId>();

  constructor(context: DeviceContext, people: PeopleDirectory) {
    this.#context = context;
    this.#people = people;
  }

  /** The server has receipts of this version; null: not said. */
  async follow(conversation: Conversation, receiptsVersion: number | null): Promise<void> {
    await conversation.loadMembers();
    const { record, members } = conversation;
    if (this.#isDue(conversation, receiptsVersion)) await this.refresh(conversation);
    else if (receiptsVersion !== members.receiptsVersion) this.#missed.add(conversation.id);
    const { personId } = this.#context.identity();
    if (record.members > RECEIPT_PEOPLE && ticksMayMove(members, personId, record.own))
      this.#askCountsLater(conversation);
  }

  /** Whether the stored members or cursors are outdated, and a screen or a tick needs newer ones. */
  #isDue({ record, members }: Conversation, receiptsVersion: number | null): boolean {
    const named = record.some.length > 0 && members.members.length === 0;
    if (record.members > RECEIPT_PEOPLE && named) return false;
    if (receiptsVersion === null || members.infoVersion === null) return true;
    if (members.infoVersion !== record.infoVersion) return true;
    const moved = receiptsVersion !== members.receiptsVersion;
    return moved && ticksMayMove(members, this.#context.identity().personId, record.own);
  }

  /**
   * A message of mine that this device had not heard of may have been read before the connection
   * came back: then the receipts that did not matter do.
   */
  makeUp(conversation: Conversation): void {
    const { record, members, id } = conversation;
    if (!this.#missed.has(id) || record.members > RECEIPT_PEOPLE) return;
    if (!ticksMayMove(members, this.#context.identity().personId, record.own)) return;
    this.#missed.delete(id);
    // Without network the next connection sees that they are still missing.
    void this.refresh(conversation).catch(() => undefined);
  }

  async refresh(conversation: Conversation): Promise<void> {
    const many = conversation.record.members > RECEIPT_PEOPLE;
    const found: Member[] = [];
    // The answers are at least as new as the versions that are read first.
    const { infoVersion } = conversation.record;
    let receiptsVersion: number | null = null;
    let after: PersonId | null = null;
    do {
      const page = await this.#context.api.members(conversation.id, { after });
      receiptsVersion ??= page.receiptsVersion;
      found.push(...page.members);
      after = page.next;
    } while (after !== null && !many);
    const members = many ? [] : found;
    const me = this.#context.identity().personId;
    const others = found.map(({ personId }) => personId).filter((id) => id !== me);
    await this.#people.prefetch(others.length > NAMED ? others.slice(0, SOME) : others);
    await conversation.change(async (work) => {
      const versions = { infoVersion, receiptsVersion: receiptsVersion ?? 0 };
      const news = withFetched(work.members, members, versions);
      if (news !== work.members) await putMembers(this.#context, work, news);
      const some = others.slice(0, SOME);
      if (JSON.stringify(some) !== JSON.stringify(work.record.some)) work.set({ some });
      else if (work.record.last?.mine === true) work.set({});
    });
  }

  #askCountsLater(conversation: Conversation): void {
    const { random, signal } = this.#context;
    void pause(SPREAD_MS * random(), signal)
      .then(async () => {
        if (!signal.aborted) await askCounts(this.#context, conversation, null);
      })
      // The server sends the next count that changes, and a screen that shows the message asks.
      .catch(() => undefined);
  }
}

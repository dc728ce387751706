/** The calls of core.ts about members and their devices. */
import type { Core, MemberDevice, MemberItem } from "../core.ts";
import type { Conversation } from "../conversation/conversation.ts";
import { hasCode } from "../failure.ts";
import { newId } from "../ids.ts";
import type { ConversationId, PersonId } from "../ids.ts";
import { Refused } from "../keys/format/refused.ts";
import { knownRoster } from "../roster/roster.ts";
import type { Leaf } from "../keys/roster/leaf.ts";
import { clientNamedBy, parseCertificate } from "../keys/trust/certificate.ts";
import type { Member } from "../wire.ts";
import type { Device } from "./device.ts";
import { rejectUnlessOffline } from "./reach.ts";
import type { Reach } from "./reach.ts";

export class MemberCalls {
  readonly #reach: Reach;

  constructor(reach: Reach) {
    this.#reach = reach;
  }

  async members(conversationId: ConversationId): Promise<readonly MemberItem[]> {
    const device = await this.#reach.device();
    const conversation = device.find(conversationId);
    const { members } = await conversation.loadMembers();
    return this.#items(members, await this.#devices(device, conversation));
  }

  async memberPage(
    conversationId: ConversationId,
    after: string | null,
    text?: string,
  ): ReturnType<Core["memberPage"]> {
    const device = await this.#reach.device();
    const { id } = device.find(conversationId);
    const { members, next } = await device.context.api.members(id, after, text);
    return { members: await this.#items(members, new Map()), next };
  }

  async changeMembers(
    conversationId: ConversationId,
    change: Parameters<Core["changeMembers"]>[1],
  ): Promise<void> {
    const device = await this.#reach.device();
    device.find(conversationId);
    const info = await device.context.api.changeMembers(conversationId, {
      changeId: newId(),
      add: [...(change.add ?? [])],
      remove: [...(change.remove ?? [])],
      makeAdmin: [...(change.makeAdmin ?? [])],
      revokeAdmin: [...(change.revokeAdmin ?? [])],
    });
    await device.book.adopt(info);
    await device.sync.refresh(conversationId).catch(rejectUnlessOffline);
  }

  /** Devices of the signed roster, by person, in conversations of one cell. */
  async #devices(
    device: Device,
    conversation: Conversation,
  ): Promise<ReadonlyMap<PersonId, readonly MemberDevice[]>> {
    const found = new Map<PersonId, MemberDevice[]>();
    const leaves = await knownRoster(device.context, conversation);
    if (leaves === null) return found;
    const { trust, time } = device.context;
    try {
      await time.anchor();
      await trust.ensure(leaves.map(({ person }) => person));
    } catch (error) {
      if (!hasCode(error, "network", "overloaded") && !(error instanceof Refused)) throw error;
    }
    for (const leaf of leaves) {
      const own = found.get(leaf.person) ?? [];
      const shown = await this.#shown(device, leaf);
      if (shown !== null) own.push(shown);
      found.set(leaf.person, own);
    }
    return found;
  }

  async #shown(device: Device, { person, device: id }: Leaf): Promise<MemberDevice | null> {
    const { trust, time, now, identity } = device.context;
    const certificate = await trust.certificateOf(person, id);
    if (certificate === null) return null;
    const { clientId } = clientNamedBy(parseCertificate(certificate.der));
    const { confirmed, by } = await trust.verdict(person, id, time.now() ?? now());
    const label = person === identity().personId ? this.#reach.labelOf(clientId) : null;
    return {
      device: id,
      clientId,
      label,
      confirmed,
      by: await this.#reach.people.plate(by),
      expiresMs: certificate.notAfter,
    };
  }

  async #items(
    members: readonly Member[],
    devices: ReadonlyMap<PersonId, readonly MemberDevice[]>,
  ): Promise<readonly MemberItem[]> {
    const { people } = this.#reach;
    const { personId: ownId } = (await this.#reach.device()).context.identity();
    await people.prefetch(members.map(({ personId }) => personId));
    const items = await Promise.all(
      members.map(async (member): Promise<MemberItem | null> => {
        const { personId, admin, deliveredSeq, readSeq, registered, historyFromMs } = member;
        const plate = await people.plate(personId);
        if (plate === null) return null;
        return {
          plate,
          admin,
          me: personId === ownId,
          deliveredSeq,
          readSeq,
          registered,
          historyFromMs: historyFromMs === 0 ? null : historyFromMs,
          devices: devices.get(personId) ?? [],
        };
      }),
    );
    return items.filter((item) => item !== null);
  }
}

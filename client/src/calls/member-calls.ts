/** `core.members`: the members of a conversation and their devices. */
import type { MemberDevice, MemberItem, MemberPage } from "../seam.ts";
import { hasCode, rejectUnlessOffline } from "../failure.ts";
import { newId, type ConversationId, type PersonId } from "../ids.ts";
import { Refused } from "../keys/format/refused.ts";
import { knownRoster, ownCellLeaves } from "../roster/roster.ts";
import { mayAdminister, type Leaf } from "../keys/roster/leaf.ts";
import { clientNamedBy, parseCertificate } from "../keys/trust/certificate.ts";
import type { Member } from "../wire.ts";
import type { Device } from "./device.ts";
import type { DeviceAccess } from "./reach.ts";

export class MemberCalls {
  readonly #reach: DeviceAccess;

  constructor(reach: DeviceAccess) {
    this.#reach = reach;
  }

  /** All members, of conversations of up to 256 people; nobody of larger ones. */
  async list(conversationId: ConversationId): Promise<readonly MemberItem[]> {
    const device = await this.#reach.device();
    const conversation = device.find(conversationId);
    const { members } = await conversation.loadMembers();
    const leaves = await knownRoster(device.context, conversation);
    return this.#items(device, members, leaves ?? [], leaves !== null);
  }

  /** The members of any conversation whom a text finds, part by part, seniors first. */
  async page(
    conversationId: ConversationId,
    after: string | null,
    text?: string,
  ): Promise<MemberPage> {
    const device = await this.#reach.device();
    const conversation = device.find(conversationId);
    const { api } = device.context;
    const asked = { after: after as PersonId | null };
    const { members, next } = await (text
      ? api.findMembers(conversation.id, { ...asked, text })
      : api.members(conversation.id, asked));
    const known = await knownRoster(device.context, conversation);
    // Too many devices to know them all: those of this device's own cell are.
    const leaves = known ?? (await ownCellLeaves(device.context, conversation));
    const people = new Set(leaves.map(({ person }) => person));
    // The first page begins with everybody whom the roster lists, whatever the server's pages say.
    const begins = known !== null && after === null && (text ?? "") === "";
    const follows = known !== null && after !== null && (text ?? "") === "";
    const shown = members.filter(({ personId }) => !follows || !people.has(personId));
    const own = leaves.filter(
      ({ person }) => begins || shown.some(({ personId }) => personId === person),
    );
    return { members: await this.#items(device, shown, own, known !== null, begins), next };
  }

  async change(
    conversationId: ConversationId,
    change: {
      readonly add?: readonly PersonId[];
      readonly remove?: readonly PersonId[];
      readonly makeAdmin?: readonly PersonId[];
      readonly revokeAdmin?: readonly PersonId[];
      /** Add only people whose requests to join are open; rejects with `not_found` else. */
      readonly asked?: boolean;
    },
  ): Promise<void> {
    const device = await this.#reach.device();
    device.find(conversationId);
    const info = await device.context.api.changeMembers(conversationId, {
      changeId: newId(),
      add: [...(change.add ?? [])],
      remove: [...(change.remove ?? [])],
      makeAdmin: [...(change.makeAdmin ?? [])],
      revokeAdmin: [...(change.revokeAdmin ?? [])],
      asked: change.asked ?? false,
    });
    await device.book.adopt(info);
    await device.sync.refresh(conversationId).catch(rejectUnlessOffline);
  }

  /** Devices of these leaves, by person. */
  async #devices(
    device: Device,
    leaves: readonly Leaf[],
  ): Promise<ReadonlyMap<PersonId, readonly MemberDevice[]>> {
    const found = new Map<PersonId, MemberDevice[]>();
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

  /**
   * Members as screens show them: a leaf decides whether a person reads and administers, and from
   * when. `whole`: these leaves are all that concern these people; `inParts`: the server's list has
   * more pages, so nobody is missing from it yet.
   */
  async #items(
    device: Device,
    members: readonly Member[],
    leaves: readonly Leaf[],
    whole: boolean,
    inParts = false,
  ): Promise<readonly MemberItem[]> {
    const { people } = this.#reach;
    const { personId: ownId } = device.context.identity();
    const listed = new Map(members.map((one) => [one.personId, one]));
    const signed = new Map(leaves.map((leaf) => [leaf.person, leaf]));
    const everybody = [...new Set([...listed.keys(), ...signed.keys()])];
    const devices = await this.#devices(device, leaves);
    await people.prefetch(everybody);
    const items = await Promise.all(
      everybody.map(async (personId): Promise<MemberItem | null> => {
        const [member, leaf] = [listed.get(personId), signed.get(personId)];
        const plate = await people.plate(personId);
        if (plate === null) return null;
        const from = leaf?.historyFrom ?? member?.historyFromMs ?? 0;
        return {
          plate,
          admin: leaf === undefined ? member?.admin === true : mayAdminister(leaf),
          me: personId === ownId,
          deliveredSeq: member?.deliveredSeq ?? 0,
          readSeq: member?.readSeq ?? 0,
          registered: leaf !== undefined || member?.registered === true,
          reads: leaf !== undefined ? "yes" : whole ? "no" : "unknown",
          listed: member !== undefined || inParts,
          historyFromMs: from === 0 ? null : from,
          devices: devices.get(personId) ?? [],
        };
      }),
    );
    return items.filter((item) => item !== null);
  }
}

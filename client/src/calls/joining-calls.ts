/** `core.joining`: groups that one may ask to join. Its code is fetched with the first call. */
import { failure } from "../failure.ts";
import type { ConversationId, PersonId, UnitId } from "../ids.ts";
import { Refused } from "../keys/format/refused.ts";
import { JOIN, joinPlace } from "../keys/join-reason.ts";
import { openEnvelope, parseEnvelope, sealEnvelope } from "../keys/sealed-envelope.ts";
import { JOIN_REASON_BYTES, LISTING_PURPOSE, LISTING_TITLE, REPORT_SEALS } from "../limits.ts";
import { randomBytes, utf8 } from "../octets.ts";
import type { JoinableGroup, JoiningView, JoinRequestView, Plate } from "../seam.ts";
import { keysOfPeople, takenInTurn } from "../secrets/people-keys.ts";
import type { JoinRequest, ListedGroup } from "../wire.ts";
import type { Device } from "./device.ts";
import type { DeviceAccess } from "./reach.ts";

const DAY_MS = 86_400_000;

export class JoiningCalls {
  readonly #reach: DeviceAccess;
  readonly #device: Device;

  constructor(reach: DeviceAccess, device: Device) {
    this.#reach = reach;
    this.#device = device;
  }

  /** Groups that this person may ask to join or has listed, and the requests that this person decides. */
  async current(): Promise<JoiningView> {
    const { groups, requests } = await this.#device.context.api.joining();
    await this.#reach.people.prefetch(requests.map(({ personId }) => personId));
    return {
      groups: groups.map((one) => this.#group(one)),
      requests: (await Promise.all(requests.map((one) => this.#request(one)))).flat(),
    };
  }

  /**
   * List a group to the people of a unit, so that they may ask to join; null takes it off the list. The
   * server reads title and purpose. Rejects with `message_invalid`, `not_admin`, `not_found`.
   */
  async list(
    conversationId: ConversationId,
    listing: {
      readonly title: string;
      readonly purpose: string;
      readonly unitId: UnitId;
    } | null,
  ): Promise<void> {
    const said = listing && {
      ...listing,
      title: listing.title.trim(),
      purpose: listing.purpose.trim(),
    };
    if (said !== null && (said.title === "" || said.title.length > LISTING_TITLE))
      throw failure("message_invalid", { details: { limit: LISTING_TITLE } });
    if (said !== null && said.purpose.length > LISTING_PURPOSE)
      throw failure("message_invalid", { details: { limit: LISTING_PURPOSE } });
    await this.#device.context.api.setListing(conversationId, { listing: said });
  }

  /** The admins of a group whose cards this device knows: only of one group, as lists of names are few. */
  async readers({ adminIds }: Pick<JoinableGroup, "adminIds">): Promise<readonly Plate[]> {
    await this.#reach.people.prefetch(adminIds);
    return this.#reach.people.plates(adminIds);
  }

  /**
   * Ask to join a group. The reason is sealed to the devices of these admins alone, whom the screen named
   * (F4). Rejects with `message_invalid`, `not_found`, `join_refused`, `rate_limited`, `admins_unreachable`.
   */
  async ask(
    conversationId: ConversationId,
    reason: string,
    readers: readonly PersonId[],
  ): Promise<void> {
    const { context } = this.#device;
    const content = utf8(reason.trim());
    if (content.length === 0 || content.length > JOIN_REASON_BYTES)
      throw failure("message_invalid", { details: { limit: JOIN_REASON_BYTES } });
    const targets = takenInTurn(await keysOfPeople(context, readers), REPORT_SEALS);
    if (targets.length === 0) throw failure("admins_unreachable", { retry: true });
    const place = joinPlace(conversationId, context.identity().personId);
    const sealed = await sealEnvelope(JOIN, place, content, targets, randomBytes(32));
    await context.api.askToJoin(conversationId, { sealed });
  }

  async withdraw(conversationId: ConversationId): Promise<void> {
    await this.#device.context.api.withdrawRequest(conversationId);
  }

  /** Refuse a request; an admin who accepts one adds the person. */
  async refuse(conversationId: ConversationId, personId: PersonId): Promise<void> {
    await this.#device.context.api.refuseToJoin(conversationId, { personId });
  }

  /** A listed group for the screen, with the time from which a refused person may ask again. */
  #group({ listing, admins, refusedMs, ...group }: ListedGroup): JoinableGroup {
    const { time, now } = this.#device.context;
    const againMs = refusedMs === null ? null : refusedMs + DAY_MS;
    const wait = againMs !== null && againMs > (time.now() ?? now());
    return { ...group, ...listing, adminIds: admins, againMs: wait ? againMs : null };
  }

  /** None where this device cannot say who asks. */
  async #request(request: JoinRequest): Promise<readonly JoinRequestView[]> {
    const { conversationId, personId, askedMs } = request;
    const person = await this.#reach.people.plate(personId);
    if (person === null) return [];
    return [{ conversationId, person, askedMs, reason: await this.#reason(request) }];
  }

  async #reason({ conversationId, personId, sealed }: JoinRequest): Promise<string | null> {
    try {
      const envelope = parseEnvelope(JOIN, sealed);
      for (const keyId of envelope.keyIds) {
        const opener = await this.#device.context.ownKeys.opener(keyId);
        if (opener === null) continue;
        const place = joinPlace(conversationId, personId);
        return new TextDecoder().decode(await openEnvelope(JOIN, envelope, place, opener));
      }
    } catch (error) {
      if (!(error instanceof Refused)) throw error;
    }
    return null;
  }
}

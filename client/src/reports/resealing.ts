/**
 * F3: a moderator's device seals the proofs that it opened to the devices of people who moderate now, and
 * whose devices cannot open them: they moderate since a later day, or have a new phone.
 *
 * The server names devices that lack a proof. This device believes only what it can verify: the proof holds,
 * the device is confirmed (E0), and its person is a root admin or has a grant in force over the unit
 * on the reported person's card, and is not the reported person. The server takes each seal once.
 */
import type { DeviceContext } from "../context.ts";
import { asFailure } from "../failure.ts";
import { idOf, type DeviceId, type PersonId, type ReportId } from "../ids.ts";
import { sealKeyIdBytes, type DeviceKey } from "../keys/device-key.ts";
import { Refused } from "../keys/format/refused.ts";
import { X25519, XWING } from "../keys/hpke.ts";
import { REPORT, reportPlace } from "../keys/proof.ts";
import { addSeal, type EnvelopePlace } from "../keys/sealed-envelope.ts";
import { copy } from "../octets.ts";
import { fetchKeys } from "../secrets/people-keys.ts";
import type { AddedSeal, Case, WantingCase } from "../wire.ts";
import { judgeContent, keptKey, placeOf } from "./judging.ts";
import { REPORT_STORES, type OpenedRecord } from "./record.ts";

/** Pages that are read in one run, whatever a server says. */
const MOST_PAGES = 100;
/** The server takes so many in one request. */
const MOST_SEALS = 64;

type ResealingContext = Pick<DeviceContext, "api" | "vault" | "trust" | "time">;

interface Secret {
  readonly place: EnvelopePlace;
  readonly secret: Uint8Array;
  /** The sender of the reported message, as the proof shows. */
  readonly reported: PersonId;
}

export class Resealing {
  readonly #context: ResealingContext;

  constructor(context: ResealingContext) {
    this.#context = context;
  }

  /** Seal what is missing of these cases. A case that fails is left for the next run. */
  async run(open: readonly Case[]): Promise<void> {
    const known = new Map(open.map((one) => [one.reportId, one]));
    let after: string | null = null;
    for (let pages = 0; pages < MOST_PAGES; pages++) {
      const page = await this.#context.api.reports.wanting(after);
      for (const wanting of page.cases) {
        const given = known.get(wanting.reportId);
        if (given !== undefined) await this.#reseal(given, wanting).catch(passOver);
      }
      after = page.next;
      if (after === null) return;
    }
  }

  async #reseal(given: Case, { devices }: WantingCase): Promise<void> {
    const opened = await this.#secretOf(given);
    if (opened === null) return;
    const people = [...new Set(devices.map(({ personId }) => personId))];
    await fetchKeys(this.#context, [...people, opened.reported]);
    const seals: AddedSeal[] = [];
    for (const { personId, device } of devices.slice(0, MOST_SEALS)) {
      if (personId === opened.reported || !(await this.#moderates(personId, opened.reported)))
        continue;
      const target = await this.#keyOf(personId, idOf<DeviceId>(device));
      if (target === null) continue;
      const seal = await addSeal(REPORT, opened.place, opened.secret, target);
      seals.push({ keyId: copy(sealKeyIdBytes(target)), kem: target.kem, seal });
    }
    if (seals.length > 0) await this.#context.api.reports.seal(given.reportId, { seals });
  }

  /** Null: this device has not opened the proof, or it does not hold. */
  async #secretOf(given: Case): Promise<Secret | null> {
    const opened = await this.#kept(given.reportId);
    if (opened === null) return null;
    const at = placeOf(given);
    const { failed, messages } = await judgeContent(this.#context, opened.content, at);
    const [first] = messages;
    if (failed !== null || first === undefined || first.failed !== null) return null;
    return { place: reportPlace(at), secret: opened.secret, reported: first.personId };
  }

  #kept(id: ReportId): Promise<OpenedRecord | null> {
    return this.#context.vault.get<OpenedRecord>(REPORT_STORES.proofs, keptKey(REPORT, id));
  }

  async #moderates(personId: PersonId, reported: PersonId): Promise<boolean> {
    const { trust, time } = this.#context;
    const now = time.requireNow();
    const card = await trust.card(reported);
    if (card !== null && trust.judge.isGranted(personId, card.path, now)) return true;
    for (const device of await trust.devicesOf(personId))
      if ((await trust.verdict(personId, device, now)).confirmed === "root_admin") return true;
    return false;
  }

  async #keyOf(personId: PersonId, device: DeviceId): Promise<DeviceKey | null> {
    const { trust, time } = this.#context;
    const { confirmed } = await trust.verdict(personId, device, time.requireNow());
    if (confirmed === "no" || !(await trust.devicesOf(personId)).includes(device)) return null;
    for (const kem of [XWING, X25519] as const) {
      if (kem < trust.department.lowestKem) continue;
      try {
        return await trust.deviceKey(personId, device, kem);
      } catch (error) {
        if (!(error instanceof Refused)) throw error;
      }
    }
    return null;
  }
}

/** The network ends the run; anything else is this case's alone. */
function passOver(error: unknown): void {
  if (asFailure(error).retry) throw error;
}

/**
 * F3: a moderator's device seals the proofs and appeals that it opened to the devices of people who moderate now, and
 * whose devices cannot open them: they moderate since a later day, or have a new phone.
 *
 * The server names devices that lack one. This device believes only what it can verify: the proof holds, or
 * the appeal's envelope opens as that person's; the device is confirmed (E0), and its person is a root admin
 * or has a grant in force over the unit on the reported person's card, and is not the reported person. The
 * server takes each seal once.
 */
import type { DeviceContext } from "../context.ts";
import { asFailure } from "../as-failure.ts";
import { idOf, type DeviceId, type PersonId, type ReportId } from "../ids.ts";
import { sealKeyIdBytes, type DeviceKey } from "../keys/device-key.ts";
import { Refused } from "../keys/format/refused.ts";
import { X25519, XWING } from "../keys/hpke.ts";
import { APPEAL, REPORT, appealPlace, reportPlace } from "../keys/proof.ts";
import {
  addSeal,
  openBody,
  parseEnvelope,
  type EnvelopeKind,
  type EnvelopePlace,
} from "../keys/sealed-envelope.ts";
import { copy, fromHex } from "../octets.ts";
import { fetchKeys } from "../secrets/people-keys.ts";
import type { AddedSeal, Case, CaseEnvelope, WantingCase } from "../wire.ts";
import { judgeContent, keptKey, placeOf } from "./judging.ts";
import { REPORT_STORES, type OpenedRecord } from "./record.ts";

/** Pages that are read in one run, whatever a server says. */
const MOST_PAGES = 100;
/** The server takes so many in one request. */
const MOST_SEALS = 64;

type ResealingContext = Pick<DeviceContext, "api" | "vault" | "trust" | "time">;

interface Secret {
  readonly kind: EnvelopeKind;
  readonly place: EnvelopePlace;
  readonly secret: Uint8Array;
  /** The sender of the reported message, as the proof shows; whose appeal it is. */
  readonly reported: PersonId;
}

export class Resealing {
  readonly #context: ResealingContext;

  constructor(context: ResealingContext) {
    this.#context = context;
  }

  /** Seal what is missing of these cases and appeals. One that fails is left for the next run. */
  async run(open: readonly Case[], appealed: readonly Case[]): Promise<void> {
    await this.#all("report", [...open, ...appealed], (given) => this.#proofOf(given));
    await this.#all("appeal", appealed, (given) => this.#appealOf(given));
  }

  async #all(
    envelope: CaseEnvelope,
    cases: readonly Case[],
    secretOf: (given: Case) => Promise<Secret | null>,
  ): Promise<void> {
    const known = new Map(cases.map((one) => [one.reportId, one]));
    let after: string | null = null;
    for (let pages = 0; pages < MOST_PAGES; pages++) {
      const page = await this.#context.api.wantingCases({ envelope, after });
      for (const { reportId, devices } of page.cases) {
        const given = known.get(reportId);
        if (given === undefined) continue;
        const sealing = secretOf(given).then((opened) => this.#reseal(opened, given, devices));
        await sealing.catch(passOver);
      }
      after = page.next;
      if (after === null) return;
    }
  }

  async #reseal(
    opened: Secret | null,
    { reportId }: Case,
    devices: WantingCase["devices"],
  ): Promise<void> {
    if (opened === null) return;
    const people = [...new Set(devices.map(({ personId }) => personId))];
    await fetchKeys(this.#context, [...people, opened.reported]);
    const seals: AddedSeal[] = [];
    for (const { personId, device } of devices.slice(0, MOST_SEALS)) {
      if (personId === opened.reported || !(await this.#moderates(personId, opened.reported)))
        continue;
      const target = await this.#keyOf(personId, idOf<DeviceId>(device));
      if (target === null) continue;
      const seal = await addSeal(opened.kind, opened.place, opened.secret, target);
      seals.push({ keyId: copy(sealKeyIdBytes(target)), kem: target.kem, seal });
    }
    if (seals.length === 0) return;
    const envelope = opened.kind === REPORT ? "report" : "appeal";
    await this.#context.api.addSeals(reportId, { envelope, seals });
  }

  /** Null: this device has not opened the proof, or it does not hold. */
  async #proofOf(given: Case): Promise<Secret | null> {
    const opened = await this.#kept(REPORT, given.reportId);
    if (opened === null) return null;
    const at = placeOf(given);
    const { failed, messages } = await judgeContent(this.#context, opened.content, at);
    const [first] = messages;
    if (failed !== null || first === undefined || first.failed !== null) return null;
    const place = reportPlace(at);
    return { kind: REPORT, place, secret: opened.secret, reported: first.personId };
  }

  /** Null: this device has not opened the appeal. Throws Refused for one that is another person's. */
  async #appealOf({ reportId, reportedId }: Case): Promise<Secret | null> {
    const opened = await this.#kept(APPEAL, reportId);
    if (opened === null) return null;
    const { appeal } = await this.#context.api.case(reportId);
    if (appeal === null) return null;
    const place = appealPlace(fromHex(reportId), fromHex(reportedId));
    const { secret } = opened;
    await openBody(APPEAL, parseEnvelope(APPEAL, appeal.sealed), place, secret);
    return { kind: APPEAL, place, secret, reported: reportedId };
  }

  #kept(kind: EnvelopeKind, id: ReportId): Promise<OpenedRecord | null> {
    return this.#context.vault.get<OpenedRecord>(REPORT_STORES.proofs, keptKey(kind, id));
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

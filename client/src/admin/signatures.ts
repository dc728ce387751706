/**
 * Signatures in the audit log: an entry says what somebody's device signed. The same rules as the
 * server's (`copconnect.audit.signatures`), checked by keys that this device has verified. Pure.
 */
import { CLOCK_LEEWAY_MS } from "../limits.ts";
import { equalBytes, toHex } from "../octets.ts";
import { idOf, type ActId, type DeviceId, type PersonId } from "../ids.ts";
import { Refused } from "../keys/format/refused.ts";
import { ActFormat, type SignedAct } from "../keys/trust/admin-act.ts";
import { EndorsementFormat, type Endorsement } from "../keys/trust/endorsement.ts";
import type { Act, AuditContent, AuditEntry } from "../wire.ts";
import { Broken } from "./log.ts";

/** The outcome of each act: the tag that the server writes. */
export const OUTCOMES: Readonly<Record<Act["act"], string>> = {
  suspend_person: "person_suspended",
  restore_person: "person_restored",
  transfer_person: "person_transferred",
  plan_transfer: "transfer_planned",
  cancel_transfer: "planned_transfer_cancelled",
  abolish_post: "post_abolished",
  restore_post: "post_restored",
  give_charge: "charge_given",
  end_charge: "charge_ended",
  reorganise_units: "units_reorganised",
  undo_reorganisation: "reorganisation_undone",
  make_enrolment_codes: "enrolment_codes_made",
  revoke_device: "device_revoked",
  give_grant: "grant_given",
  withdraw_grant: "grant_withdrawn",
  set_rights: "rights_set",
  apply_import: "data_bank_imported",
  undo_import: "import_undone",
  create_group: "audience_conversation_created",
  change_group: "audience_conversation_changed",
  end_group: "audience_conversation_ended",
  set_group_policy: "group_policy_set",
  assign_report: "report_assigned",
  decide_report: "report_decided",
  decide_appeal: "appeal_decided",
  publish_lesson: "lesson_published",
  publish_conduct: "conduct_published",
  set_guard_policy: "guard_policy_set",
  mark_picture: "picture_marked",
  unmark_picture: "picture_unmarked",
  approve_act: "act_approved",
  refuse_act: "act_refused",
};

type Fields = Readonly<Record<string, unknown>>;

interface SignedBy {
  readonly device: DeviceId;
  readonly created: number;
  readonly act: SignedAct | null;
  readonly endorsement: Endorsement | null;
}

/** The person and the device that an entry names; null for an operator. */
export function signerOf(
  by: string,
): { readonly personId: PersonId; readonly device: DeviceId } | null {
  const match = /^person ([0-9a-f]{32}) device ([0-9a-f]{64})$/u.exec(by);
  return match === null ? null : { personId: match[1] as PersonId, device: match[2] as DeviceId };
}

/** Checks entries in their order. */
export class Signatures {
  signed = 0;
  unsigned = 0;
  readonly #waiting = new Map<ActId, Uint8Array>();
  readonly #done = new Set<ActId>();
  #approving: { readonly actId: ActId; readonly personId: PersonId } | null = null;

  /** An entry whose content this person may not read. */
  skip(): void {
    this.#approving = null;
  }

  /** `publicKey`: of the device that the entry names; null: unknown. Throws Broken. */
  async follow(entry: AuditEntry, publicKey: Uint8Array | null): Promise<void> {
    const { content, number } = entry;
    if (content === null) return this.skip();
    this.#requireApproved(entry, content);
    if (content.signedAs === "") {
      if (content.signed.length > 0) throw new Broken(number, "malformed");
      this.unsigned += 1;
      return;
    }
    const record = parsed(number, content);
    const named = signerOf(content.by);
    if (named?.device !== record.device) throw new Broken(number, "other_device");
    if (publicKey === null) throw new Broken(number, "unknown_device");
    await verify(number, record, publicKey);
    if (record.created > entry.madeMs + CLOCK_LEEWAY_MS) throw new Broken(number, "signed_later");
    const done = fields(number, content.act);
    if (record.act !== null) this.#checkAct(entry, content, record.act, done, named.personId);
    else if (
      done["act"] !== "device_confirmed" ||
      done["device"] !== toHex(record.endorsement?.endorsed ?? new Uint8Array())
    )
      throw new Broken(number, "says_otherwise");
    this.signed += 1;
  }

  /** Check that nothing is missing after the last entry. Throws Broken. */
  end(newest: number): void {
    if (this.#approving !== null) throw new Broken(newest + 1, "not_approved");
  }

  #requireApproved({ number }: AuditEntry, content: AuditContent): void {
    const approving = this.#approving;
    if (approving === null) return;
    this.#approving = null;
    const done = fields(number, content.act);
    const by = signerOf(content.by);
    const fits = done["act"] === "act_approved" && done["act_id"] === approving.actId;
    if (!fits || content.signedAs !== "act" || by?.personId === approving.personId)
      throw new Broken(number, "not_approved");
  }

  #checkAct(
    { number }: AuditEntry,
    { signed: bytes }: AuditContent,
    record: SignedAct,
    done: Fields,
    personId: PersonId,
  ): void {
    const signed = fields(number, new TextDecoder().decode(record.body));
    const actId = idOf<ActId>(record.actId);
    const waiting = this.#waiting.get(actId);
    this.#waiting.delete(actId);
    const proposed = done["act"] === "act_proposed";
    const again =
      this.#done.has(actId) || (waiting !== undefined && (proposed || !equalBytes(waiting, bytes)));
    const same = proposed
      ? done["act_id"] === actId && done["asked"] === signed["act"]
      : done["act"] === OUTCOMES[signed["act"] as Act["act"]] && agree(signed, done);
    if (!same) throw new Broken(number, "says_otherwise");
    if (again) throw new Broken(number, "repeated");
    if (proposed) this.#waiting.set(actId, bytes);
    else {
      this.#done.add(actId);
      if (waiting !== undefined) this.#approving = { actId, personId };
    }
  }
}

function parsed(number: number, { signedAs, signed }: AuditContent): SignedBy {
  try {
    if (signedAs === "act") {
      const act = ActFormat.parse(signed);
      return { device: idOf<DeviceId>(act.device), created: act.created, act, endorsement: null };
    }
    const endorsement = EndorsementFormat.parse(signed);
    const { created, endorser } = endorsement;
    return { device: idOf<DeviceId>(endorser), created, act: null, endorsement };
  } catch (error) {
    if (error instanceof Refused) throw new Broken(number, "malformed");
    throw error;
  }
}

async function verify(number: number, record: SignedBy, publicKey: Uint8Array): Promise<void> {
  try {
    if (record.act !== null) await ActFormat.verify(record.act, publicKey);
    if (record.endorsement !== null) await EndorsementFormat.verify(record.endorsement, publicKey);
  } catch (error) {
    if (error instanceof Refused) throw new Broken(number, "bad_signature");
    throw error;
  }
}

function fields(number: number, text: string): Fields {
  try {
    const value: unknown = JSON.parse(text);
    if (typeof value === "object" && value !== null && !Array.isArray(value))
      return value as Fields;
  } catch {
    // Not JSON.
  }
  throw new Broken(number, "malformed");
}

/** Whether fields of the same name have the same value in both. */
function agree(signed: Fields, done: Fields): boolean {
  return Object.entries(signed).every(([name, value]) => {
    const other = name.replace(/[A-Z]/gu, (one) => `_${one.toLowerCase()}`);
    return (
      name === "act" || !(other in done) || JSON.stringify(done[other]) === JSON.stringify(value)
    );
  });
}

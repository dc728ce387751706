/**
 * Signatures in the audit log: an entry says what somebody's device signed. The same rules as the
 * server's (`copconnect.audit.signatures`), checked by keys that this device has verified. Pure.
 */
import { CLOCK_LEEWAY_MS } from "../limits.ts";
import { concat, equalBytes, fromBase64, toHex } from "../octets.ts";
import { idOf, type ActId, type DeviceId, type PersonId } from "../ids.ts";
import { Refused } from "../keys/format/refused.ts";
import { ActFormat, type SignedAct } from "../keys/trust/admin-act.ts";
import { EndorsementFormat, type Endorsement } from "../keys/trust/endorsement.ts";
import {
  AuthenticatorFormat,
  keyOfAuthenticator,
  type Authenticator,
} from "../keys/trust/presence.ts";
import type { Act, AuditContent, AuditEntry } from "../wire.ts";
import { Broken } from "./log.ts";
import { ALWAYS_SECOND, OUTCOMES } from "./outcomes.ts";
import { PresenceVerifier } from "./presences.ts";

type EntryFields = Readonly<Record<string, unknown>>;

/** The signed record beside an entry. */
type SignedBy =
  | { readonly kind: "act"; readonly device: DeviceId; readonly record: SignedAct }
  | { readonly kind: "endorsement"; readonly device: DeviceId; readonly record: Endorsement }
  | { readonly kind: "authenticator"; readonly device: DeviceId; readonly record: Authenticator };

/** An act just done, which the next entry may approve. */
interface Done {
  readonly actId: ActId;
  readonly hash: string;
  readonly personId: PersonId;
  /** The next entry has to. */
  readonly must: boolean;
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
  /** Proposals: their record and proof of presence, joined. */
  readonly #waiting = new Map<ActId, Uint8Array>();
  readonly #done = new Set<ActId>();
  readonly #presences = new PresenceVerifier();
  #before: Done | null = null;

  /**
   * An entry whose content this person may not read: it is no approval of the act before it, which
   * touches the same units and could be read too. Throws Broken.
   */
  hidden(number: number): void {
    this.#requireNone(number);
    this.#before = null;
    this.#presences.hidden();
  }

  /** `publicKey`: of the device that the entry names; null: unknown. Throws Broken. */
  async follow(entry: AuditEntry, publicKey: Uint8Array | null): Promise<void> {
    const { content, number } = entry;
    if (content === null) return this.hidden(number);
    const done = fields(number, content.act);
    this.#requireApproved(entry, content, done);
    if (content.signedAs === "") {
      if (content.signed.length > 0 || content.presence.length > 0)
        throw new Broken(number, "malformed");
      this.unsigned += 1;
      return;
    }
    const signed = parsed(number, content);
    const named = signerOf(content.by);
    if (named?.device !== signed.device) throw new Broken(number, "other_device");
    if (publicKey === null) throw new Broken(number, "unknown_device");
    await verify(number, signed, publicKey);
    if (signed.record.created > entry.madeMs + CLOCK_LEEWAY_MS)
      throw new Broken(number, "signed_later");
    if (signed.kind === "act") await this.#checkAct(entry, content, signed.record, done, named);
    else if (content.presence.length > 0) throw new Broken(number, "says_otherwise");
    else if (signed.kind === "endorsement") this.#checkEndorsed(number, signed.record, done);
    else {
      requireSame(number, enrols(done, signed.record));
      this.#presences.enrolOwn(number, named.personId, named.device, signed.record);
    }
    this.signed += 1;
  }

  /** Check that nothing is missing after the last entry. Throws Broken. */
  end(newest: number): void {
    this.#requireNone(newest + 1);
  }

  #requireNone(number: number): void {
    if (this.#before?.must === true) throw new Broken(number, "not_approved");
  }

  /** An approval follows the very act that it approves; an act that needs one has it. */
  #requireApproved({ number }: AuditEntry, content: AuditContent, done: EntryFields): void {
    const before = this.#before;
    if (done["act"] !== OUTCOMES.approve_act) {
      this.#requireNone(number);
      this.#before = null;
      return;
    }
    this.#before = null;
    const fits = before !== null && done["act_id"] === before.actId && done["hash"] === before.hash;
    const own = signerOf(content.by)?.personId === before?.personId;
    if (!fits || own || content.signedAs !== "act") throw new Broken(number, "not_approved");
  }

  #checkEndorsed(number: number, { endorsed }: Endorsement, done: EntryFields): void {
    const device = toHex(endorsed);
    requireSame(number, done["act"] === "device_confirmed" && done["device"] === device);
    this.#presences.confirmed(idOf<DeviceId>(endorsed));
  }

  async #checkAct(
    { number }: AuditEntry,
    { signed: bytes, presence }: AuditContent,
    record: SignedAct,
    done: EntryFields,
    signer: { readonly personId: PersonId; readonly device: DeviceId },
  ): Promise<void> {
    const signed = fields(number, new TextDecoder().decode(record.body));
    const asked = String(signed["act"]);
    const actId = idOf<ActId>(record.actId);
    const waiting = this.#waiting.get(actId);
    const given = concat(bytes, presence);
    this.#waiting.delete(actId);
    const proposed = done["act"] === "act_proposed";
    const again =
      this.#done.has(actId) || (waiting !== undefined && (proposed || !equalBytes(waiting, given)));
    const same = proposed
      ? done["act_id"] === actId && done["asked"] === asked
      : done["act"] === OUTCOMES[asked as Act["act"]] && agree(signed, done);
    requireSame(number, same);
    if (again) throw new Broken(number, "repeated");
    if (waiting === undefined) await this.#presences.check(number, signer, asked, record, presence);
    if (proposed) {
      this.#waiting.set(actId, given);
      return;
    }
    this.#done.add(actId);
    const must = waiting !== undefined || ALWAYS_SECOND.has(asked);
    this.#before = { actId, hash: toHex(record.hash), personId: signer.personId, must };
    if (asked !== "enrol_authenticator") return;
    const enrolled = authenticatorOf(number, signed);
    requireSame(number, enrols(done, enrolled));
    const person = String(done["person_id"]) as PersonId;
    this.#presences.enrol(number, signer.personId, person, enrolled);
  }
}

function requireSame(number: number, same: boolean): void {
  if (!same) throw new Broken(number, "says_otherwise");
}

/** Whether an outcome is the enrolment of this authenticator. */
function enrols(done: EntryFields, record: Authenticator): boolean {
  const same = done["act"] === OUTCOMES.enrol_authenticator;
  const key = toHex(keyOfAuthenticator(record));
  return same && done["device"] === toHex(record.device) && done["key"] === key;
}

function authenticatorOf(number: number, signed: EntryFields): Authenticator {
  try {
    return AuthenticatorFormat.parse(fromBase64(String(signed["authenticator"])));
  } catch (error) {
    if (error instanceof Refused || error instanceof DOMException)
      throw new Broken(number, "malformed");
    throw error;
  }
}

function parsed(number: number, { signedAs, signed }: AuditContent): SignedBy {
  try {
    if (signedAs === "act") {
      const record = ActFormat.parse(signed);
      return { kind: signedAs, device: idOf<DeviceId>(record.device), record };
    }
    if (signedAs === "authenticator") {
      const record = AuthenticatorFormat.parse(signed);
      return { kind: signedAs, device: idOf<DeviceId>(record.device), record };
    }
    const record = EndorsementFormat.parse(signed);
    return { kind: "endorsement", device: idOf<DeviceId>(record.endorser), record };
  } catch (error) {
    if (error instanceof Refused) throw new Broken(number, "malformed");
    throw error;
  }
}

async function verify(number: number, signed: SignedBy, publicKey: Uint8Array): Promise<void> {
  try {
    if (signed.kind === "act") await ActFormat.verify(signed.record, publicKey);
    else if (signed.kind === "endorsement")
      await EndorsementFormat.verify(signed.record, publicKey);
    else await AuthenticatorFormat.verify(signed.record, publicKey);
  } catch (error) {
    if (error instanceof Refused) throw new Broken(number, "bad_signature");
    throw error;
  }
}

function fields(number: number, text: string): EntryFields {
  try {
    const value: unknown = JSON.parse(text);
    if (typeof value === "object" && value !== null && !Array.isArray(value))
      return value as EntryFields;
  } catch {
    // Not JSON.
  }
  throw new Broken(number, "malformed");
}

/** Whether fields of the same name have the same value in both. */
function agree(signed: EntryFields, done: EntryFields): boolean {
  return Object.entries(signed).every(([name, value]) => {
    const other = name.replace(/[A-Z]/gu, (one) => `_${one.toLowerCase()}`);
    return (
      name === "act" || !(other in done) || JSON.stringify(done[other]) === JSON.stringify(value)
    );
  });
}

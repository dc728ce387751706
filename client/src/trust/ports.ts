/**
 * The questions of conversations to trust: who is confirmed, which key a device has, what time it
 * is, and this device's own keys. `PeopleTrust`, `TrustedTime` and `OwnKeys` implement these; tests
 * of conversations may give their own.
 *
 * Everything here judges by verified records alone and fails closed with `Refused` (keys/refused.ts).
 */
import type { DeviceKey } from "../keys/device-key.ts";
import type { Kem } from "../keys/hpke.ts";
import type { DeviceId, PersonId, SealKeyId } from "../ids.ts";
import type { SealOpener } from "../keys/committed.ts";
import type { RosterHead } from "../keys/roster/head.ts";
import type { Confirmed, PersonTrust as PersonBundle } from "../wire.ts";
import type { Department } from "../keys/trust/department.ts";
import type { Certificate } from "../keys/trust/device-certificate.ts";
import type { PersonCard } from "../keys/trust/person-card.ts";
import type { PersonTrustRow } from "./person-row.ts";

/** E0's answer about one device, and who made it so. */
export interface Verdict {
  readonly device: DeviceId;
  readonly personId: PersonId;
  /** "no": not confirmed, and `refusal` says why. */
  readonly confirmed: Confirmed;
  /** The person whose device endorsed it; null for "root_admin", "first" and "no". */
  readonly by: PersonId | null;
  readonly byDevice: DeviceId | null;
  /** When the endorsement was made; null where there is none. */
  readonly sinceMs: number | null;
  readonly refusal: string | null;
}

/** A card that the roster authority signed and that E4 refuses. */
export interface RefusedCard {
  readonly personId: PersonId;
  readonly card: PersonCard;
}

export interface EnsureOptions {
  /** DeviceKeys too: a sender needs them, a receiver does not. */
  readonly keys?: boolean;
  /** Ask the server for newer records also of people who are known. Before sealing, say true. */
  readonly fresh?: boolean;
}

export interface DeviceTrust {
  /**
   * Have the records of these people, and of everybody whose devices endorsed or granted: read from
   * the vault, and missing ones asked of the server, in batches, once for all callers that ask
   * meanwhile. Rejects with `network` when the server is needed and cannot be reached. People whom
   * the server does not know stay unknown.
   */
  ensure(personIds: Iterable<PersonId>, options?: EnsureOptions): Promise<void>;
  /** Take in records that came beside something else (wire.Supplement); leave out wrong ones. */
  learn(bundles: readonly PersonBundle[]): Promise<void>;

  /** E0 and E4 of one device of a person at a time. Never rejects for a device: see `confirmed`. */
  verdict(personId: PersonId, device: DeviceId, atMs: number): Promise<Verdict>;
  /** The certificate of a confirmed device at a time. Rejects with Refused, naming `rule`. */
  confirmedCertificate(
    personId: PersonId,
    device: DeviceId,
    atMs: number,
    rule: string,
  ): Promise<Certificate>;
  /** The devices of the newest PersonDevices, in the order of registration, revoked ones too. */
  devicesOf(personId: PersonId): Promise<readonly DeviceId[]>;
  /** A device's newest certificate that this department issued, valid now or not; null: unknown. */
  certificateOf(personId: PersonId, device: DeviceId): Promise<Certificate | null>;
  /**
   * The newest DeviceKey of a device (H2, S3): verified, its generation never back, under 14 days
   * old by T1's clock. Rejects with Refused.
   */
  deviceKey(personId: PersonId, device: DeviceId, kem: Kem): Promise<DeviceKey>;
  /** Take in DeviceKeys that came beside something else (wire.ShareAsker). */
  learnKeys(personId: PersonId, keys: readonly Uint8Array[]): Promise<void>;
  /** The newest verified card; null: unknown. Plates show nothing else. */
  card(personId: PersonId): Promise<PersonCard | null>;
  /** All verified cards, the newest last. */
  cardsOf(personId: PersonId): Promise<readonly PersonCard[]>;

  /** All that is held of these people and of everybody whose word about them may count. */
  recordsOf(people: Iterable<PersonId>): Promise<readonly PersonTrustRow[]>;
  /** The person of a device that was seen before; null: unknown. */
  personOf(device: DeviceId): Promise<PersonId | null>;

  /** The newest department record. */
  readonly department: Department;
  /** Raw public key of the roster authority that may sign a head of this epoch. Refuses (R4). */
  authorityOf(epoch: number): Uint8Array;
  /** Records of these people are others now: an entry refused for them may be judged again. */
  onChanged(listener: (personIds: readonly PersonId[]) => void): () => void;
  /** Cards that are dated back, or do not follow the one before (E4); once each while the app runs. */
  onRefusedCards(listener: (refused: RefusedCard) => void): () => void;
}

/** T1 and S1. */
export interface TimeAnchor {
  /** Anchor if it is not yet, or was long ago. Rejects with `network` or Refused (T1). */
  anchor(): Promise<void>;
  /** The department's time; null before {@link anchor}. */
  now(): number | null;
  /** The same. Throws Refused (T1) before {@link anchor}. */
  requireNow(): number;
  /** The same, and rather too early than too late: by the clock that nobody sets. */
  earliest(): number | null;
  /** Ask for the department's time now. False: it waits for a second answer (T1), or nobody answers. */
  renew(): Promise<boolean>;
  /**
   * S1: the stamp is this head's, signed, within 10 min, and the head not below `named`, the highest
   * epoch of a head that was taken and in an accepted header or record. Anchors first if needed.
   */
  requireNewest(stamp: Uint8Array, head: RosterHead, named: number): Promise<void>;
  /** S1 again for the head that {@link requireNewest} accepted last. Throws Refused when too old. */
  requireStillNewest(head: RosterHead, named: number): void;
}

/** This device's own DeviceKeys. */
export interface OwnDeviceKeys {
  /**
   * Make what is missing or a week old, store it, publish it. Called after each connection; sends
   * identical bytes again until the server has them.
   */
  maintain(): Promise<void>;
  /** Opener of seals and shares that name this key id; null: not ours, or forgotten after 48 h. */
  opener(keyId: SealKeyId): Promise<SealOpener | null>;
  /** Every key id that seals to this device may name now, for finding its own among many. */
  keyIds(): Promise<readonly SealKeyId[]>;
}

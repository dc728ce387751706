/**
 * A ballot (docs/keys.md, "Ballot"): the options that somebody chooses in an anonymous poll, sealed to
 * one device of the poll's author. A ballot is recipient key id (16) ‖ enc ‖ ct (20), the same size
 * whatever is chosen; its plaintext is the options as 32 bits.
 *
 * Invariant: the seal is bound to conversation, poll and voting device. A ballot that somebody else
 * sends again as their own does not open, so nobody can copy a vote to learn of it from the totals.
 */
import { concat, equalBytes, type Bytes } from "../octets.ts";
import { KEY_ID_BYTES, sealKeyIdBytes, type SealTarget } from "./device-key.ts";
import type { SealOpener } from "./committed.ts";
import { Reader, Writer } from "./format/fields.ts";
import { tag } from "./format/hashing.ts";
import { ENC_BYTES, TAG_BYTES, hpkeOpen, hpkeSeal } from "./hpke.ts";
import { refuseUnless } from "./format/refused.ts";

const RULE = "P3";
const CHOICES_BYTES = 4;
const MOST_OPTIONS = 31;

export interface BallotPlace {
  readonly conversation: Uint8Array;
  /** Message id of the poll. */
  readonly poll: Uint8Array;
  /** The voting device. */
  readonly voter: Uint8Array;
}

function ballotInfo({ conversation, poll, voter }: BallotPlace, keyId: Uint8Array): Bytes {
  return concat(tag("copconnect ballot v1"), conversation, poll, voter, keyId);
}

/** Throws RangeError for options that no ballot can hold. */
export async function sealBallot(
  place: BallotPlace,
  choices: readonly number[],
  target: SealTarget,
): Promise<Bytes> {
  let bits = 0;
  for (const choice of choices) {
    if (!Number.isInteger(choice) || choice < 0 || choice >= MOST_OPTIONS)
      throw new RangeError("a ballot has 31 options");
    bits |= 1 << choice;
  }
  const keyId = sealKeyIdBytes(target);
  const plaintext = new Writer().uint(bits, CHOICES_BYTES).done();
  const info = ballotInfo(place, keyId);
  return concat(keyId, await hpkeSeal(target.kem, target.publicKey, info, plaintext, RULE));
}

/** The key id that a ballot names. */
export function ballotKeyId(ballot: Uint8Array): Uint8Array {
  return ballot.subarray(0, KEY_ID_BYTES);
}

/** The chosen options, ascending. Throws Refused (P3). */
export async function openBallot(
  place: BallotPlace,
  ballot: Uint8Array,
  opener: SealOpener,
): Promise<readonly number[]> {
  const size = KEY_ID_BYTES + ENC_BYTES[opener.kem] + CHOICES_BYTES + TAG_BYTES;
  refuseUnless(ballot.length === size, RULE, "ballot has the wrong length");
  refuseUnless(equalBytes(ballotKeyId(ballot), opener.keyId), RULE, "sealed to another key");
  const info = ballotInfo(place, opener.keyId);
  const sealed = ballot.subarray(KEY_ID_BYTES);
  const plaintext = await hpkeOpen(opener.kem, opener.privateKey, info, sealed, RULE);
  const reader = new Reader(plaintext, RULE);
  const bits = reader.uint(CHOICES_BYTES);
  reader.end();
  return Array.from({ length: MOST_OPTIONS }, (_, at) => at).filter((at) => (bits >>> at) & 1);
}

/**
 * Opening and judging a case's proof on a moderator's device (F1, F2).
 *
 * A device forgets its keys 48 h after it renewed them, so what it opened is kept in the vault. Nothing is
 * shown of a message whose proof does not hold.
 */
import type { DeviceContext } from "../context.ts";
import { idOf, type ReportId, type SealKeyId } from "../ids.ts";
import { Refused } from "../keys/format/refused.ts";
import { hash } from "../keys/format/hashing.ts";
import {
  REPORT,
  judgeProof,
  parseProof,
  type JudgedMessage,
  type Proof,
  type ReportPlace,
  type SenderKey,
} from "../keys/proof.ts";
import {
  openBody,
  openSeal,
  parseEnvelope,
  type EnvelopeKind,
  type EnvelopePlace,
} from "../keys/sealed-envelope.ts";
import { equalBytes, fromHex } from "../octets.ts";
import type { AddedSeal, Case } from "../wire.ts";
import { REPORT_STORES, type KeptRecord, type OpenedRecord } from "./record.ts";

type TrustContext = Pick<DeviceContext, "trust">;
type OpeningContext = Pick<DeviceContext, "vault" | "ownKeys">;

/** Sending devices by the department's certificates; a separate value says whether one is confirmed. */
export function senderKeyOf({ trust }: TrustContext): SenderKey {
  return async (personId, device) => {
    await trust.ensure([personId]);
    return (await trust.certificateOf(personId, device))?.publicKey ?? null;
  };
}

export function placeOf(given: Case): ReportPlace {
  return {
    report: fromHex(given.reportId),
    conversation: fromHex(given.conversationId),
    messageId: fromHex(given.messageId),
    headerHash: given.headerHash,
  };
}

/** The key of an opened envelope's rows in the vault. */
export function keptKey(kind: EnvelopeKind, id: ReportId): string {
  return `${kind.name} ${id}`;
}

/**
 * The content of an envelope, opened by one of this device's keys or kept. `added`: seals that moderators
 * made for later ones; one that lies about the secret is passed over (F3). Throws Refused.
 */
export async function openKept(
  { vault, ownKeys }: OpeningContext,
  kind: EnvelopeKind,
  id: ReportId,
  sealed: Uint8Array,
  place: EnvelopePlace,
  added: readonly AddedSeal[] = [],
): Promise<Uint8Array> {
  const key = keptKey(kind, id);
  const sealedHash = hash(sealed);
  const kept = await vault.get<OpenedRecord>(REPORT_STORES.proofs, key);
  if (kept !== null && equalBytes(kept.sealedHash, sealedHash)) return kept.content;
  const envelope = parseEnvelope(kind, sealed);
  const first = envelope.keyIds.map((keyId, at) => ({ keyId, seal: envelope.seals[at] }));
  const later = added.map(({ keyId, seal }) => ({ keyId: idOf<SealKeyId>(keyId), seal }));
  let refused = new Refused(kind.rule, "sealed to another key");
  for (const { keyId, seal } of [...first, ...later]) {
    const opener = await ownKeys.opener(keyId);
    if (opener === null || seal === undefined) continue;
    try {
      const secret = await openSeal(kind, place, opener, seal);
      const content = await openBody(kind, envelope, place, secret);
      const value: OpenedRecord = { id, sealedHash, content, secret };
      await vault.write([
        { op: "put", store: REPORT_STORES.proofs, key, value },
        { op: "put", store: REPORT_STORES.kept, key, value: { key, id } satisfies KeptRecord },
      ]);
      return content;
    } catch (error) {
      if (!(error instanceof Refused)) throw error;
      refused = error;
    }
  }
  throw refused;
}

/** Whether {@link openKept} would open a case's proof. */
export async function opens(
  { vault, ownKeys }: OpeningContext,
  { reportId, keyIds }: Pick<Case, "reportId" | "keyIds">,
): Promise<boolean> {
  const key = keptKey(REPORT, reportId);
  if ((await vault.get<KeptRecord>(REPORT_STORES.kept, key)) !== null) return true;
  const own = new Set(await ownKeys.keyIds());
  return keyIds.some((one) => own.has(idOf<SealKeyId>(one)));
}

export interface JudgedProof {
  readonly proof: Proof | null;
  readonly messages: readonly JudgedMessage[];
  /** Why the whole does not hold; null: it does. */
  readonly failed: string | null;
}

/** Judge opened content. Never throws Refused: it says why. */
export async function judgeContent(
  context: TrustContext,
  content: Uint8Array,
  place: ReportPlace,
): Promise<JudgedProof> {
  let proof: Proof | null = null;
  try {
    proof = parseProof(content);
    const messages = await judgeProof(proof, place, senderKeyOf(context));
    return { proof, messages, failed: null };
  } catch (error) {
    if (!(error instanceof Refused)) throw error;
    return { proof, messages: [], failed: error.message };
  }
}

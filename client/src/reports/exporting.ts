/**
 * A case as a file: everything that proves it, so that `copconnect reports verify` needs neither server
 * nor database. It holds the keys of the proven messages: anybody who has the file can read them.
 */
import type { DeviceContext } from "../context.ts";
import { failure } from "../failure.ts";
import { toBase64, toHex } from "../octets.ts";
import type { CaseDetail } from "../wire.ts";
import type { JudgedProof } from "./judging.ts";

export const FORMAT = "copconnect case v1";

/** Throws `case_unopened` where this device cannot open the proof. */
export async function exportedCase(
  { trust }: Pick<DeviceContext, "trust">,
  { case: given, decision, sanction }: CaseDetail,
  judged: JudgedProof | null,
  failed: string | null,
): Promise<Blob> {
  const proof = judged?.proof ?? null;
  if (judged === null || proof === null)
    throw failure("case_unopened", { details: { reason: failed ?? "" } });
  const messages = await Promise.all(
    proof.items.map(async ({ person, message, k }, at) => {
      const device = judged.messages[at]?.device ?? null;
      const certificate = device === null ? null : await trust.certificateOf(person, device);
      return {
        person,
        message: toBase64(message),
        key: toBase64(k),
        certificate: certificate === null ? "" : toBase64(certificate.der),
      };
    }),
  );
  const { reportId, conversationId, messageId, headerHash, createdMs, path, clause } = given;
  const file = {
    ...{ format: FORMAT, report: reportId, conversation: conversationId, message: messageId },
    ...{ headerHash: toHex(headerHash), createdMs, unit: path, clause, words: proof.words },
    ...{ reported: given.reportedId, messages, decision, sanction },
  };
  return new Blob([JSON.stringify(file, null, 1)], { type: "application/json" });
}

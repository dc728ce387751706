/**
 * The `external_senders` extension of the GroupContext: exactly the roster authority.
 *
 * RFC 9420 section 12.1.8.1 makes the extension a vector of ExternalSender; ts-mls reads and writes
 * a bare ExternalSender, one for each extension. The GroupContext is hashed into every epoch, so
 * the bytes must be the RFC's for OpenMLS to agree: we encode the vector ourselves, and we verify
 * external proposals ourselves (handshake.ts) instead of letting the library look for the key.
 */
import type { Extension } from "ts-mls";
import { encodeExternalSender } from "ts-mls";
import { encode } from "ts-mls/codec/tlsEncoder.js";
import { varLenDataEncoder } from "ts-mls/codec/variableLength.js";
import { credentialOf } from "./credential.ts";
import type { CredentialChecker } from "./types.ts";

export function externalSenders(authority: {
  readonly certificate: Uint8Array;
  readonly publicKey: Uint8Array;
}): Extension {
  const sender = encodeExternalSender({
    signaturePublicKey: authority.publicKey,
    credential: credentialOf(authority.certificate),
  });
  return { extensionType: "external_senders", extensionData: encode(varLenDataEncoder)(sender) };
}

export function pinnedSenders(checker: CredentialChecker): Extension {
  return externalSenders(checker.rosterAuthority());
}

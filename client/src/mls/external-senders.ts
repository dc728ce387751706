/**
 * The `external_senders` extension of the GroupContext: exactly the roster authority.
 *
 * RFC 9420 section 12.1.8.1 makes the extension a vector of ExternalSender; ts-mls reads and writes
 * a bare ExternalSender, one for each extension. The GroupContext is hashed into every epoch, so
 * the bytes must be the RFC's for OpenMLS to agree: we encode the vector ourselves, and we verify
 * external proposals ourselves (handshake.ts) instead of letting the library look for the key.
 */
import type { Extension, ExternalSender } from "ts-mls";
import { encodeExternalSender } from "ts-mls";
import { encode } from "ts-mls/codec/tlsEncoder.js";
import { varLenDataEncoder } from "ts-mls/codec/variableLength.js";
import { credentialOf } from "./credential.ts";
import type { CredentialChecker } from "./types.ts";

export function externalSenders(sender: ExternalSender): Extension {
  const encoded = encodeExternalSender(sender);
  return { extensionType: "external_senders", extensionData: encode(varLenDataEncoder)(encoded) };
}

export function pinnedSenders(checker: CredentialChecker): Extension {
  const { certificate, publicKey } = checker.rosterAuthority();
  return externalSenders({ signaturePublicKey: publicKey, credential: credentialOf(certificate) });
}

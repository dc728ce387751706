/** WebAuthn: the page's part of making a credential and of proving to be there. */
import type {
  AuthenticatorsView,
  MadeCredential,
  PresenceGiven,
  PresenceRequest,
} from "@copconnect/client/core";
import type { PersonId } from "@copconnect/client/wire";

/** ES256, RS256 and Ed25519, as COSE numbers them. */
const ALGORITHMS = [-7, -257, -8] as const;
const TIMEOUT_MS = 120_000;

/** Whether this browser reaches authenticators. */
export function canAuthenticate(): boolean {
  return typeof PublicKeyCredential === "function" && isSecureContext;
}

/** The answer of an authenticator that verified its user; null: cancelled, or none answered. */
export async function prove(request: PresenceRequest): Promise<PresenceGiven | null> {
  const found = await refusedAsNull(
    navigator.credentials.get({
      publicKey: {
        challenge: bytes(request.challenge),
        rpId: request.host,
        allowCredentials: request.credentials.map(described),
        userVerification: "required",
        timeout: TIMEOUT_MS,
      },
    }),
  );
  if (!(found instanceof PublicKeyCredential)) return null;
  const { response } = found;
  if (!(response instanceof AuthenticatorAssertionResponse)) return null;
  return {
    credential: new Uint8Array(found.rawId),
    authenticatorData: new Uint8Array(response.authenticatorData),
    clientData: new Uint8Array(response.clientDataJSON),
    signature: new Uint8Array(response.signature),
  };
}

/** A new credential of this person; null: cancelled, or none was made. */
export async function make(
  view: AuthenticatorsView,
  person: { readonly personId: PersonId; readonly name: string },
): Promise<MadeCredential | null> {
  if (view.host === null) return null;
  const found = await refusedAsNull(
    navigator.credentials.create({
      publicKey: {
        challenge: bytes(view.challenge),
        rp: { id: view.host, name: "Cop Connect" },
        user: {
          id: new TextEncoder().encode(person.personId),
          name: person.name,
          displayName: person.name,
        },
        pubKeyCredParams: ALGORITHMS.map((alg) => ({ type: "public-key", alg })),
        authenticatorSelection: { userVerification: "required", residentKey: "discouraged" },
        excludeCredentials: view.credentials.map(described),
        attestation: "none",
        timeout: TIMEOUT_MS,
      },
    }),
  );
  if (!(found instanceof PublicKeyCredential)) return null;
  const { response } = found;
  if (!(response instanceof AuthenticatorAttestationResponse)) return null;
  const publicKey = response.getPublicKey();
  if (publicKey === null) return null;
  return {
    credential: new Uint8Array(found.rawId),
    algorithm: response.getPublicKeyAlgorithm(),
    publicKey: new Uint8Array(publicKey),
    attestation: new Uint8Array(response.attestationObject),
    clientData: new Uint8Array(response.clientDataJSON),
  };
}

/** Browsers say no more than that it was not done. */
async function refusedAsNull(asked: Promise<Credential | null>): Promise<Credential | null> {
  try {
    return await asked;
  } catch (error) {
    if (error instanceof DOMException) return null;
    throw error;
  }
}

function described(id: Uint8Array): PublicKeyCredentialDescriptor {
  return { type: "public-key", id: bytes(id) };
}

function bytes(from: Uint8Array): Uint8Array<ArrayBuffer> {
  return new Uint8Array(from);
}

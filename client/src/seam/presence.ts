/** The person before an act of weight: who must be there, and how that is proven. */

/**
 * How the person proves it. authenticator: fingerprint, face, screen lock or security key; pin: this
 * device's PIN, where no authenticator was ever enrolled; set_pin: there is neither, and a PIN is set
 * first; lost: every authenticator is gone, and another admin enrols a new one.
 */
export type PresenceWay = "authenticator" | "pin" | "set_pin" | "lost";

/** An act that waits for its person. The page answers with `givePresence`. */
export interface PresenceRequest {
  readonly number: number;
  readonly way: PresenceWay;
  /** For an authenticator: the host name (RP id), the challenge, and the ids of credentials. */
  readonly host: string;
  readonly challenge: Uint8Array;
  readonly credentials: readonly Uint8Array[];
}

/** The person's answer: a PIN, or the answer of an authenticator. */
export type PresenceGiven =
  | { readonly pin: string }
  | {
      readonly credential: Uint8Array;
      readonly authenticatorData: Uint8Array;
      readonly clientData: Uint8Array;
      readonly signature: Uint8Array;
    };

/** This person's authenticators, and what a new credential is made with. */
export interface AuthenticatorsView {
  /** Null: this server takes none. */
  readonly host: string | null;
  readonly challenge: Uint8Array;
  /** Ids of the credentials that count. */
  readonly credentials: readonly Uint8Array[];
  /** One was enrolled before, so that a PIN proves nothing any more. */
  readonly ever: boolean;
  /** Digits of the one that waits for another admin, who sees the same; null: none waits. */
  readonly asked: string | null;
  /** This device enrols one without an admin, because nobody has confirmed it yet. */
  readonly enrols: boolean;
}

/** A credential that the page made. `algorithm`: as COSE numbers it. */
export interface MadeCredential {
  readonly credential: Uint8Array;
  readonly algorithm: number;
  /** SubjectPublicKeyInfo, DER. */
  readonly publicKey: Uint8Array;
  readonly attestation: Uint8Array;
  readonly clientData: Uint8Array;
}

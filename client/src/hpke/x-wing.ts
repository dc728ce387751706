/**
 * X-Wing (draft-connolly-cfrg-xwing-kem), the library's with three changes that leave every byte
 * as it was and make it several times faster:
 * - X25519 by WebCrypto where the platform has it;
 * - an encapsulation makes its ephemeral key by WebCrypto instead of importing random bytes;
 * - the public key of a derived key pair is computed when it is asked for. MLS derives most pairs of
 *   a commit only for their private keys, and a public key costs an ML-KEM key generation.
 */
import { XWing as LibraryXWing } from "@hpke/hybridkem-x-wing";
import { sha3_256, shake256 } from "@noble/hashes/sha3.js";
import { concat, copy, utf8 } from "../octets.ts";
import { view } from "./hkdf.ts";
import { ephemeralX25519, lacksX25519, x25519 } from "./x25519.ts";

const LABEL = utf8("\\.//^\\");
const MLKEM_PUBLIC_BYTES = 1184;

/** A public key that is not computed yet. */
class DerivedPublicKey implements CryptoKey {
  readonly type = "public";
  readonly extractable = true;
  readonly algorithm = { name: "X-Wing" };
  readonly usages: KeyUsage[] = [];
  readonly seed: Uint8Array;

  constructor(seed: Uint8Array) {
    this.seed = seed;
  }
}

type Encapsulation = Awaited<ReturnType<LibraryXWing["encap"]>>;

export class XWing extends LibraryXWing {
  constructor() {
    super();
    const library = this._x25519.derive.bind(this._x25519);
    this._x25519.derive = (secret, point) =>
      x25519(secret, point).catch((error: unknown) => {
        if (lacksX25519(error)) return library(secret, point);
        throw error;
      });
  }

  override async encap(params: Parameters<LibraryXWing["encap"]>[0]): Promise<Encapsulation> {
    const ephemeral = params.ekm === undefined ? await ephemeralX25519().catch(orNull) : null;
    if (ephemeral === null) return super.encap(params);
    const recipient = new Uint8Array(await this.serializePublicKey(params.recipientPublicKey));
    const point = recipient.subarray(MLKEM_PUBLIC_BYTES);
    const second = await x25519(ephemeral.privateKey, point);
    const [ciphertext, first] = await this._m.encap(recipient.subarray(0, MLKEM_PUBLIC_BYTES));
    const secret = sha3_256(concat(first, second, ephemeral.publicKey, point, LABEL));
    return {
      sharedSecret: copy(secret).buffer,
      enc: concat(ciphertext, ephemeral.publicKey).buffer,
    };
  }

  override async deriveKeyPair(ikm: ArrayBufferLike | ArrayBufferView): Promise<CryptoKeyPair> {
    const seed = shake256(view(ikm), { dkLen: 32 });
    return {
      privateKey: await this.deserializePrivateKey(copy(seed).buffer),
      publicKey: new DerivedPublicKey(seed),
    };
  }

  override async serializePublicKey(key: CryptoKey): Promise<ArrayBuffer> {
    if (!(key instanceof DerivedPublicKey)) return super.serializePublicKey(key);
    const { publicKey } = await this.generateKeyPairDerand(key.seed);
    return super.serializePublicKey(publicKey);
  }
}

function orNull(error: unknown): null {
  if (lacksX25519(error)) return null;
  throw error;
}

/**
 * The cipher suites this client speaks, by number, and nothing else: a conversation has one for ever.
 * Implementations are made once for each suite and shared.
 */
import type { CiphersuiteImpl, CiphersuiteName } from "ts-mls";
import { getCiphersuiteFromName } from "ts-mls";
import { CheckRefused } from "../check-failed.ts";
import { cryptoProvider } from "./provider.ts";

export interface Suite {
  readonly number: number;
  readonly name: CiphersuiteName;
  /** Clients in one cell at most (CELLS.md section 1). */
  readonly cellSize: number;
}

export const X25519_SUITE = 1;
export const XWING_SUITE = 83;

export const SUITES: readonly Suite[] = [
  {
    number: X25519_SUITE,
    name: "MLS_128_DHKEMX25519_AES128GCM_SHA256_Ed25519",
    cellSize: 256,
  },
  { number: XWING_SUITE, name: "MLS_256_XWING_AES256GCM_SHA512_Ed25519", cellSize: 128 },
];

const made = new Map<number, Promise<CiphersuiteImpl>>();

export function suiteOf(number: number): Suite {
  const suite = SUITES.find((candidate) => candidate.number === number);
  if (suite === undefined)
    throw new CheckRefused("malformed", `cipher suite ${String(number)} is not spoken here`);
  return suite;
}

export function implementationOf(suite: Suite): Promise<CiphersuiteImpl> {
  let implementation = made.get(suite.number);
  if (implementation === undefined) {
    implementation = cryptoProvider.getCiphersuiteImpl(getCiphersuiteFromName(suite.name));
    made.set(suite.number, implementation);
  }
  return implementation;
}

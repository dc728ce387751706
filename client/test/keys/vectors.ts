/** The golden vectors of spec/keys, read once. Values are bytes unless the story says text. */
import type { DeviceId } from "#core/ids.ts";
import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { fromHex, type Bytes } from "#core/octets.ts";
import { X25519, XWING, type Kem } from "#core/keys/hpke.ts";

interface DeviceVector {
  readonly person: string;
  readonly client: string;
  readonly signature_seed: string;
  readonly certificate: string;
  readonly device: DeviceId;
  readonly key_seed?: string;
  readonly device_key?: string;
  readonly key_id?: string;
}

export interface Negative {
  readonly name: string;
  readonly check: string;
  readonly rule: string;
  readonly data: string;
  readonly of?: string;
  readonly after?: string;
  readonly held?: string;
  readonly sender?: string;
  readonly named?: number;
  readonly used?: number;
  readonly record?: string;
  readonly head?: string;
}

interface CellKeyVector {
  readonly cell: string;
  readonly secret: string;
  readonly private_key: string;
  readonly record: string;
  readonly key_id: string;
  readonly seals: Readonly<Record<string, string>>;
}

export interface Vectors {
  readonly kem: Kem;
  readonly now: number;
  readonly root_key: string;
  readonly issuing_key: string;
  readonly department: string;
  readonly people: Readonly<
    Record<string, { person: string; card: string; fields: Readonly<Record<string, unknown>> }>
  >;
  readonly grants: Readonly<Record<string, string>>;
  readonly endorsements: Readonly<Record<string, string>>;
  readonly revocations: Readonly<Record<string, string>>;
  readonly person_devices: Readonly<Record<string, string>>;
  readonly devices: Readonly<Record<string, DeviceVector>>;
  readonly digits: Readonly<Record<"a" | "b" | "c" | "endorser" | "new" | "number", string>>;
  readonly direct: Readonly<Record<string, string>>;
  readonly conversation: string;
  readonly roster: Readonly<
    Record<
      string,
      { head: string; hash: string; stamp?: string; leaves: Readonly<Record<string, string>> }
    >
  >;
  readonly conversation_keys: Readonly<
    Record<
      string,
      {
        secret: string;
        record: string;
        key_id: string;
        seal_info_of_first: string;
        seals: Readonly<Record<string, string>>;
      }
    >
  >;
  readonly cell_keys: Readonly<Record<string, CellKeyVector>>;
  readonly messages: Readonly<
    Record<
      string,
      { message: string; plaintext: string; key: string; header_hash: string; body_key: string }
    >
  >;
  readonly log: readonly string[];
  readonly share_to_d: string;
  readonly negatives: readonly Negative[];
}

const FOLDER = new URL("../../../spec/keys/", import.meta.url);

export function read(name: string): string {
  return readFileSync(fileURLToPath(new URL(name, FOLDER)), "utf8");
}

export const ALL: readonly (readonly [string, Vectors])[] = (
  [
    ["X25519", "vectors_x25519.json", X25519],
    ["X-Wing", "vectors_xwing.json", XWING],
  ] as const
).map(([name, file, kem]) => {
  const vectors = JSON.parse(read(file)) as Vectors;
  if (vectors.kem !== kem) throw new Error("the file has vectors of another KEM");
  return [name, vectors] as const;
});

/** An entry that the story has. */
export function at<T>(entries: Readonly<Record<string, T>>, name: string): T {
  const found = entries[name];
  if (found === undefined) throw new Error(`the vectors have no ${name}`);
  return found;
}

export function hex(text: string | undefined): Bytes {
  if (text === undefined) throw new Error("the vectors lack a value");
  return fromHex(text);
}

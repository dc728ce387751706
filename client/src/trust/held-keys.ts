/**
 * The newest DeviceKey of each device and KEM that this device has seen. Generations never go back
 * (S3): an older one, or another of the same generation, is left out.
 */
import { equalBytes } from "../octets.ts";
import { DeviceKeyFormat, type DeviceKey } from "../keys/device-key.ts";
import { requirePublicKey, type Kem } from "../keys/hpke.ts";
import { idOf, type DeviceId, type PersonId } from "../ids.ts";
import { Refused } from "../keys/format/refused.ts";
import type { PersonTrustRow } from "./person-row.ts";
import type { TrustRecords } from "../keys/trust/trust-records.ts";

export class HeldKeys {
  readonly #keys = new Map<DeviceId, Map<Kem, DeviceKey>>();

  get(device: DeviceId, kem: Kem): DeviceKey | null {
    return this.#keys.get(device)?.get(kem) ?? null;
  }

  all(device: DeviceId): readonly DeviceKey[] {
    return [...(this.#keys.get(device)?.values() ?? [])];
  }

  /** The keys of a person's devices, as a row keeps them. */
  of(row: PersonTrustRow, records: TrustRecords): readonly Uint8Array[] {
    const devices = records.devicesOf(row.personId) ?? [];
    return devices.flatMap((device) => this.all(device).map(({ bytes }) => bytes));
  }

  /** Take what is right and newer. True if anything was. */
  async accept(
    keys: readonly Uint8Array[],
    person: PersonId,
    records: TrustRecords,
  ): Promise<boolean> {
    let accepted = false;
    for (const bytes of keys) {
      try {
        if (await this.#acceptOne(DeviceKeyFormat.parse(bytes), person, records)) accepted = true;
      } catch (error) {
        if (!(error instanceof Refused)) throw error;
      }
    }
    return accepted;
  }

  async #acceptOne(key: DeviceKey, person: PersonId, records: TrustRecords): Promise<boolean> {
    const device = idOf<DeviceId>(key.device);
    const [certificate] = records.certificatesOf(device);
    if (certificate?.person !== person) return false;
    const held = this.get(device, key.kem);
    if (held !== null && (held.generation >= key.generation || equalBytes(held.bytes, key.bytes)))
      return false;
    await DeviceKeyFormat.verify(key, certificate.publicKey);
    requirePublicKey(key.kem, key.publicKey, "H2");
    const own = this.#keys.get(device) ?? new Map<Kem, DeviceKey>();
    this.#keys.set(device, own.set(key.kem, key));
    return true;
  }
}

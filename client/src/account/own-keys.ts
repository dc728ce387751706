/**
 * This device's own DeviceKeys (docs/keys.md): one for each KEM in use, renewed weekly.
 *
 * A key is stored before it is published, and published with identical bytes until the server has
 * it. Once a newer one is published, the former private key opens late seals for 48 h more and is
 * then destroyed (K1); its row stays without it, so that the device still knows which of its keys it
 * made itself (E5). A crash between storing and publishing publishes at the next connection.
 * Concurrency: one {@link OwnKeys.maintain} at a time.
 */
import { copy, randomBytes, toHex } from "../octets.ts";
import type { Identity } from "../context.ts";
import { failure } from "../failure.ts";
import type { SealOpener } from "../keys/committed.ts";
import { DeviceKeyFormat, sealKeyId, sealKeyIdBytes, type DeviceKey } from "../keys/device-key.ts";
import { XWING, publicKeyOf, type Kem } from "../keys/hpke.ts";
import type { SealKeyId } from "../ids.ts";
import { CLOCKS_MS, DAY_MS, HOUR_MS } from "../keys/format/times.ts";
import type { Department } from "../keys/trust/department.ts";
import type { OwnDeviceKeys, TimeAnchor } from "../trust/ports.ts";
import type { Api } from "../transport/api.ts";
import type { Change, Vault } from "../vault/vault.ts";

export const OWN_KEYS_STORE = "own_keys";
const RENEWED_MS = 7 * DAY_MS;
/** Devices that registered together do not all renew at once. */
const SPREAD_MS = DAY_MS;
/** K1: how long a former private key opens seals. */
export const FORMER_MS = 48 * HOUR_MS;

/** One row of {@link OWN_KEYS_STORE}, by key id. */
interface OwnKeyRow {
  readonly keyId: SealKeyId;
  readonly kem: Kem;
  readonly generation: number;
  readonly createdMs: number;
  readonly record: Uint8Array;
  /** Null once it is destroyed. */
  readonly privateKey: Uint8Array | null;
  readonly published: boolean;
  /** When a newer one was published. */
  readonly formerSinceMs: number | null;
}

export interface OwnKeysOptions {
  readonly vault: Pick<Vault, "all" | "write">;
  readonly api: Pick<Api, "putDeviceKeys">;
  readonly time: Pick<TimeAnchor, "anchor" | "requireNow">;
  readonly department: () => Department;
  readonly identity: () => Pick<Identity, "deviceBytes" | "privateKey">;
}

export class OwnKeys implements OwnDeviceKeys {
  readonly #options: OwnKeysOptions;
  #rows: Map<SealKeyId, OwnKeyRow> | null = null;
  #loading: Promise<Map<SealKeyId, OwnKeyRow>> | null = null;
  #maintaining: Promise<void> | null = null;
  #again = false;

  constructor(options: OwnKeysOptions) {
    this.#options = options;
  }

  /**
   * Have the newest ones published again on the next {@link OwnKeys.maintain}: a server that was
   * restored from a backup may have lost them, and an unchanged repeat costs it nothing.
   */
  publishAgain(): void {
    this.#again = true;
  }

  maintain(): Promise<void> {
    this.#maintaining ??= this.#maintain().finally(() => {
      this.#maintaining = null;
    });
    return this.#maintaining;
  }

  async opener(keyId: SealKeyId): Promise<SealOpener | null> {
    const row = (await this.#load()).get(keyId);
    if (row === undefined || row.privateKey === null) return null;
    const record = DeviceKeyFormat.parse(row.record);
    return { kem: row.kem, keyId: sealKeyIdBytes(record), privateKey: row.privateKey };
  }

  async keyIds(): Promise<readonly SealKeyId[]> {
    const rows = [...(await this.#load()).values()];
    return rows.filter(({ privateKey }) => privateKey !== null).map(({ keyId }) => keyId);
  }

  /** E5: whether this device made this record about itself. */
  async hasMade(record: DeviceKey): Promise<boolean> {
    const row = (await this.#load()).get(sealKeyId(record));
    return row !== undefined && toHex(row.record) === toHex(record.bytes);
  }

  /** Forget what memory holds: the vault was locked or wiped. */
  reset(): void {
    this.#rows = null;
    this.#loading = null;
  }

  async #maintain(): Promise<void> {
    const { api, time } = this.#options;
    await time.anchor();
    const now = time.requireNow();
    const rows = await this.#load();
    const kems = new Set<Kem>([this.#options.department().lowestKem, XWING]);
    const made: OwnKeyRow[] = [];
    for (const kem of kems) {
      const newest = newestOf(rows, kem);
      if (newest === null || isDue(newest, now)) {
        made.push(await this.#make(kem, (newest?.generation ?? 0) + 1, now));
      }
    }
    await this.#store(made);
    // One that was replaced before it was published has no seals.
    const due = [...rows.values()].filter(
      (row) => (this.#again || !row.published) && newestOf(rows, row.kem) === row,
    );
    if (due.length > 0) await api.putDeviceKeys({ keys: due.map(({ record }) => copy(record)) });
    this.#again = false;
    await this.#store(afterPublishing(rows, now));
    const old = [...rows.values()].filter((row) => isOver(row, now));
    await this.#store(old.map((row) => ({ ...row, privateKey: null })));
  }

  async #make(kem: Kem, generation: number, created: number): Promise<OwnKeyRow> {
    const { deviceBytes: device, privateKey: signingKey } = this.#options.identity();
    const privateKey = randomBytes(32);
    const publicKey = await publicKeyOf(kem, privateKey);
    const values = { kem, device, generation, created, publicKey };
    const record = await DeviceKeyFormat.sign(values, signingKey);
    return {
      keyId: sealKeyId(record),
      kem,
      generation,
      createdMs: created,
      record: record.bytes,
      privateKey,
      published: false,
      formerSinceMs: null,
    };
  }

  async #store(changed: readonly OwnKeyRow[]): Promise<void> {
    const changes: Change[] = changed.map((value) => ({
      op: "put",
      store: OWN_KEYS_STORE,
      key: value.keyId,
      value,
    }));
    await this.#options.vault.write(changes, true);
    if (this.#rows === null) throw failure("locked");
    for (const row of changed) this.#rows.set(row.keyId, row);
  }

  #load(): Promise<Map<SealKeyId, OwnKeyRow>> {
    this.#loading ??= this.#options.vault
      .all<OwnKeyRow>(OWN_KEYS_STORE)
      .then((rows) => {
        this.#rows = new Map(rows.map((row) => [row.keyId, row]));
        return this.#rows;
      })
      .catch((error: unknown) => {
        // Work that was under way at the lock asks here too, and the next unlock reads again.
        this.#loading = null;
        throw error;
      });
    return this.#loading;
  }
}

type OwnKeyRows = ReadonlyMap<SealKeyId, OwnKeyRow>;

function newestOf(rows: OwnKeyRows, kem: Kem): OwnKeyRow | null {
  let newest: OwnKeyRow | null = null;
  for (const row of rows.values()) {
    if (row.kem === kem && row.generation > (newest?.generation ?? 0)) newest = row;
  }
  return newest;
}

/** One that is dated ahead was made while the department's clock was, and gets no seal (S3). */
function isDue(row: OwnKeyRow, now: number): boolean {
  return now >= renewalMs(row) || row.createdMs > now + CLOCKS_MS;
}

/** The same for one key whenever it is asked, up to a day before its week is over. */
function renewalMs(row: OwnKeyRow): number {
  const share = parseInt(row.keyId.slice(0, 4), 16) / 0x10000;
  return row.createdMs + RENEWED_MS - share * SPREAD_MS;
}

/** Everything is published now; whatever is not the newest of its KEM is former from now on. */
function afterPublishing(rows: OwnKeyRows, now: number): readonly OwnKeyRow[] {
  const changed: OwnKeyRow[] = [];
  for (const row of rows.values()) {
    const former = newestOf(rows, row.kem) !== row;
    const formerSinceMs = former ? (row.formerSinceMs ?? now) : null;
    if (row.published && row.formerSinceMs === formerSinceMs) continue;
    changed.push({ ...row, published: true, formerSinceMs });
  }
  return changed;
}

function isOver(row: OwnKeyRow, now: number): boolean {
  return (
    row.privateKey !== null && row.formerSinceMs !== null && now - row.formerSinceMs > FORMER_MS
  );
}

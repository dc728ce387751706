/** Damage that a bad disk does to a device's store, from outside. */
import { openDB } from "idb";
import { Vault } from "#core/vault/vault.ts";

/** The records of these stores vanish. */
export async function loseRecords(vaultName: string, ...stores: readonly string[]): Promise<void> {
  const database = await openDB(vaultName);
  for (const key of await database.getAllKeys("records")) {
    if (stores.includes((key as unknown as string[])[0] ?? ""))
      await database.delete("records", key);
  }
  database.close();
}

async function opened<T>(vaultName: string, step: (vault: Vault) => Promise<T>): Promise<T> {
  const vault = new Vault({ name: vaultName, now: Date.now });
  await vault.open();
  try {
    return await step(vault);
  } finally {
    vault.close();
  }
}

/** A record of a device that is closed. */
export function readRecord<T>(vaultName: string, store: string, key: string): Promise<T | null> {
  return opened(vaultName, (vault) => vault.get<T>(store, key));
}

/** All records of a store of a device that is closed. */
export function readRecords<T>(vaultName: string, store: string): Promise<readonly T[]> {
  return opened(vaultName, (vault) => vault.all<T>(store));
}

/** A record of a device that is closed becomes another one. */
export function changeRecord<T>(
  vaultName: string,
  store: string,
  key: string,
  change: (record: T) => T,
): Promise<void> {
  return opened(vaultName, async (vault) => {
    const record = await vault.get<T>(store, key);
    if (record === null) throw new Error(`no record in ${store}`);
    await vault.write([{ op: "put", store, key, value: change(record) }]);
  });
}

/** Damage the records of a store as a bad disk does: they vanish, or bits of them flip. */
export async function damageRecords(
  vaultName: string,
  store: string,
  how: "lost" | "garbled",
): Promise<void> {
  const database = await openDB(vaultName);
  for (const row of (await database.getAll("records")) as {
    s: string;
    k: string;
    d: Uint8Array;
  }[]) {
    if (row.s !== store) continue;
    row.d[row.d.length >> 1] = (row.d[row.d.length >> 1] ?? 0) ^ 4;
    if (how === "lost") await database.delete("records", [row.s, row.k]);
    else await database.put("records", row);
  }
  database.close();
}

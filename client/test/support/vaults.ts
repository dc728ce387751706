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

/** All records of a store of a device that is closed. */
export async function readRecords<T>(vaultName: string, store: string): Promise<readonly T[]> {
  const vault = new Vault({ name: vaultName, now: Date.now });
  await vault.open();
  try {
    return await vault.all<T>(store);
  } finally {
    vault.close();
  }
}

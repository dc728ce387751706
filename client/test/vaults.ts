/** What a bad disk does to a device's store, from outside. */
import { openDB } from "idb";

/** The records of these stores vanish. */
export async function loseRecords(vaultName: string, ...stores: readonly string[]): Promise<void> {
  const database = await openDB(vaultName);
  for (const key of await database.getAllKeys("records")) {
    if (stores.includes((key as unknown as string[])[0] ?? ""))
      await database.delete("records", key);
  }
  database.close();
}

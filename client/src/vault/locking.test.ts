import "fake-indexeddb/auto";
import { expect, it } from "vitest";
import { newId } from "../ids.ts";
import { Vault, type Change } from "./vault.ts";

it("answers nothing after the lock that was asked for before it", async () => {
  const vault = new Vault({
    ...{ name: newId(), now: () => 1_000_000, pinCost: { memoryKiB: 64, passes: 1 } },
  });
  await vault.open();
  const place = { store: "messages", key: "a", group: "g", order: 1 };
  const kept: Change = { op: "put", ...place, value: "kept" };
  await vault.write([kept]);
  await vault.setPin("471100", null);
  const query = { store: "messages", group: "g", limit: 1, descending: true };
  const reads = [
    () => vault.get("messages", "a"),
    () => vault.getMany("messages", ["a"]),
    () => vault.all("messages"),
    () => vault.page(query),
  ];
  for (const read of reads) {
    const asked = read().then(JSON.stringify, (error: unknown) => error);
    await vault.lock();
    expect(await asked).toMatchObject({ code: "locked" });
    await vault.unlock("471100");
    expect(JSON.stringify(await read())).toContain("kept");
  }
  vault.close();
});

/**
 * The roster authority's key of a real server is replaced by `copconnect admin
 * next-roster-authority`: real phones continue, also phones that were off meanwhile.
 */
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { forked } from "../support/forks.ts";
import { PLAIN } from "../support/interpreter.ts";
import type { Officer } from "../support/officer.ts";
import { compareDigits } from "../support/scenarios.ts";
import { serverWorld } from "../support/world.ts";

const LIMIT_MS = 240_000;
const PATIENCE_MS = 60_000;

const w = serverWorld({ COPCONNECT_ROSTER_BATCH_MS: "100" });

/** Run a command on the server's folder. */
function command(...given: string[]): Promise<string> {
  const env = { ...PLAIN, COPCONNECT_DATA_DIR: join(w.server.folder, "data") };
  return forked("copconnect", given, env);
}

/** `online`: phones that are on, which try again at once: each waits up to half a minute else. */
async function replaceAuthority(online: readonly Officer[]): Promise<void> {
  const { server } = w;
  await server.kill();
  const root = join(server.folder, "data", "keys", "root.key.pem");
  expect(await command("admin", "next-roster-authority", root)).toContain("Signed anew");
  await server.serve();
  for (const phone of online) await phone.reconnect();
}

describe("a replaced roster authority", { timeout: LIMIT_MS }, () => {
  it("is followed by phones that were on, that were off, and that come later", async () => {
    const [a, b, off] = [await w.join(), await w.join(), await w.join()];
    const index = w.index;
    const { conversationId: id } = await a.core.conversations.createGroup({
      title: "Night duty",
      photo: null,
      personIds: [b.person, off.person],
      whoMaySend: "everyone",
      history: "30_days",
    });
    await a.text(id, "before");
    for (const phone of [b, off]) await phone.receives(id, "before", PATIENCE_MS);
    await off.core.close();
    await b.text(id, "while one is off");
    await a.receives(id, "while one is off", PATIENCE_MS);

    for (const time of ["first", "second"]) {
      await replaceAuthority([a, b]);
      await a.text(id, `by a after the ${time}`);
      await b.receives(id, `by a after the ${time}`, PATIENCE_MS);
      await b.text(id, `by b after the ${time}`);
      await a.receives(id, `by b after the ${time}`, PATIENCE_MS);
    }
    // The phone that was off reads messages of all three authorities, and writes.
    await off.restart();
    await off.receives(id, "by b after the second", PATIENCE_MS);
    expect(await off.texts(id)).toEqual([
      "before",
      "while one is off",
      "by a after the first",
      "by b after the first",
      "by a after the second",
      "by b after the second",
    ]);
    await off.text(id, "by the one who was off");
    await a.receives(id, "by the one who was off", PATIENCE_MS);
    // A second phone of that person reads the history, and a newcomer joins.
    const second = await w.device(index);
    await compareDigits(off, second);
    await second.ready(id);
    await second.receives(id, "before", PATIENCE_MS);
    const late = await w.join();
    const { conversationId: direct } = await late.core.conversations.openDirect(a.person);
    await late.text(direct, "hello");
    await a.receives(direct, "hello", PATIENCE_MS);
    expect(await a.core.devices.alarms()).toEqual([]);
    expect((await a.core.conversations.get(id)).alarm).toBeNull();
  });
});

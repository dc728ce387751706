/**
 * A real server is backed up while it serves and restored by `copconnect backup` and `restore`: real
 * phones continue with it, and wait as long as the restore's last step is missing.
 */
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import type { ConversationId } from "#core/ids.ts";
import { forked } from "../support/forks.ts";
import { PLAIN } from "../support/interpreter.ts";
import type { Officer } from "../support/officer.ts";
import { compareDigits } from "../support/scenarios.ts";
import { serverWorld } from "../support/world.ts";

const LIMIT_MS = 240_000;
const PATIENCE_MS = 60_000;
/** Long enough for a message that is accepted to come. */
const IN_VAIN_MS = 6_000;

const w = serverWorld();

/** The restore of a backup without its last step, the new incarnation. */
const RESTORE_ALONE = "tests.deploy.without_last_step";

/** Run a module on the server's folder; return what it printed. */
async function run(module: string, ...given: string[]): Promise<string> {
  const env = { ...PLAIN, COPCONNECT_DATA_DIR: join(w.server.folder, "data") };
  return (await forked(module, given, env)).trim();
}

/** Serve, to phones that try again at once: each waits up to half a minute else. */
async function serve(...phones: readonly Officer[]): Promise<void> {
  await w.server.serve();
  for (const phone of phones) await phone.reconnect();
}

/** Somebody's view of a conversation, as text. */
async function shown({ core }: Officer, id: ConversationId): Promise<string> {
  const { messages } = await core.messages.page(id, null, 50);
  const lines = messages.map(({ seq, mine, status, body }) =>
    [seq, mine ? status : "theirs", body.kind === "text" ? body.text : body.kind].join(" "),
  );
  const { state, last } = await core.conversations.get(id);
  return JSON.stringify({ state, last: last?.preview.kind, lines });
}

describe("a restored server", { timeout: LIMIT_MS }, () => {
  it("makes phones wait without the last step, and continue with it", async () => {
    const { server } = w;
    const [a, b, c] = [await w.join(), await w.join(), await w.join()];
    const { conversationId: id } = await a.core.conversations.createGroup({
      title: "Night duty",
      photo: null,
      personIds: [b.person],
      whoMaySend: "everyone",
      history: "30_days",
    });
    const kept = await a.text(id, "in the backup");
    await b.receives(id, "in the backup", PATIENCE_MS);

    const archive = await run("copconnect", "backup", join(server.folder, "backups"));
    // The phones learn of a roster that the backup does not know.
    await a.core.members.change(id, { add: [c.person] });
    const lost = await b.text(id, "lost, by b");
    await a.receives(id, "lost, by b", PATIENCE_MS);
    await c.receives(id, "lost, by b", PATIENCE_MS);

    await server.kill();
    await run(RESTORE_ALONE, archive);
    expect(server.rows("SELECT * FROM log_entries WHERE message_id = ?", lost.messageId)).toEqual(
      [],
    );
    await serve(a, b, c);
    await a.text(id, "after, by a");
    await new Promise((resolve) => setTimeout(resolve, IN_VAIN_MS));
    expect(await b.texts(id)).not.toContain("after, by a");

    await server.kill();
    await run("copconnect", "restore", archive);
    await serve(a, b, c);
    await b.receives(id, "after, by a", PATIENCE_MS);
    await b.text(id, "after, by b");
    await a.receives(id, "after, by b", PATIENCE_MS).catch(async (error: unknown) => {
      const log = server.rows(
        "SELECT seq, message_id FROM log_entries WHERE conversation_id = ?",
        id,
      );
      const views = [await shown(a, id), await shown(b, id), JSON.stringify(log)];
      throw new Error(`a, b, log: ${views.join("; ")}`, { cause: error });
    });
    // The phones send again, once, the message that the log lost.
    const inLog = (messageId: string): number =>
      server.rows("SELECT seq FROM log_entries WHERE message_id = ?", messageId).length;
    expect(inLog(kept.messageId)).toBe(1);
    await b.until("sent again", () => Promise.resolve(inLog(lost.messageId) === 1), PATIENCE_MS);
    for (const phone of [a, b])
      expect([...(await phone.texts(id))].sort()).toEqual([
        "after, by a",
        "after, by b",
        "in the backup",
        "lost, by b",
      ]);
  });

  it("continues after the same backup is restored twice, and confirms phones", async () => {
    const { server } = w;
    const [a, b] = [await w.join(), await w.join()];
    const index = w.index;
    const { conversationId: id } = await a.core.conversations.openDirect(b.person);
    await a.text(id, "in the backup");
    await b.receives(id, "in the backup", PATIENCE_MS);
    const archive = await run("copconnect", "backup", join(server.folder, "backups"));
    for (const time of ["first", "second"]) {
      await server.kill();
      await run("copconnect", "restore", archive);
      await serve(a, b);
      await a.text(id, `by a after the ${time}`);
      await b.receives(id, `by a after the ${time}`, PATIENCE_MS);
      await b.text(id, `by b after the ${time}`);
      await a.receives(id, `by b after the ${time}`, PATIENCE_MS);
      // A person who comes now was never in the backup.
      const late = await w.join();
      const { conversationId: other } = await late.core.conversations.openDirect(a.person);
      await late.text(other, "hello");
      await a.receives(other, "hello", PATIENCE_MS);
      await a.text(other, "welcome");
      await late.receives(other, "welcome", PATIENCE_MS);
    }
    const second = await w.device(index);
    await compareDigits(b, second);
    await second.ready(id);
    await second.text(id, "by b's second phone");
    await a.receives(id, "by b's second phone", PATIENCE_MS);
  });
});

/**
 * Reports, sanctions and appeals with a real server: a later moderator reads and lifts, two moderators
 * mute, and the mute ends. How the screens show it is in tests/browser/test_reports.py.
 */
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, it } from "vitest";
import type { ConversationId, MessageId, ReportId } from "#core/ids.ts";
import type { NewDecision, PresenceRequest, SanctionKind, SanctionView } from "#core/core.ts";
import { numberOf } from "../support/people.ts";
import type { Officer } from "../support/officer.ts";
import { serverWorld } from "../support/world.ts";

const LIMIT_MS = 120_000;
const PIN = "271828";
const APPEAL = "The control room had told us so.";
const w = serverWorld({ COPCONNECT_ROSTER_BATCH_MS: "100" });

/** Let somebody set a PIN when an act asks for it, and prove by it to be there. */
function proves({ core }: Officer): void {
  const prove = async ({ number, way }: PresenceRequest): Promise<void> => {
    if (way === "set_pin") await core.app.setPin(PIN, null);
    await core.app.givePresence(number, { pin: PIN });
  };
  core.subscribe((event) => {
    if (event.type === "presence" && event.request !== null) void prove(event.request);
  });
}

/** A root admin. */
async function moderator(): Promise<Officer> {
  const made = await w.join();
  proves(made);
  const key = join(w.server.folder, "data", "keys", "root.key.pem");
  await w.server.command("admin", "grant", numberOf(w.index), key);
  await made.until("moderates", () => made.core.reports.moderates());
  return made;
}

/** Returns the message of a conversation that says this. */
async function said(officer: Officer, id: ConversationId, text: string): Promise<MessageId> {
  const { messages } = await officer.core.messages.page(id, null, 50);
  const found = messages.find(({ body }) => body.kind === "text" && body.text === text);
  if (found === undefined) throw new Error(`nobody said ${text}`);
  return found.messageId;
}

async function reported(by: Officer, id: ConversationId, text: string): Promise<ReportId> {
  const messageId = await said(by, id, text);
  const given = { conversationId: id, messageId, before: true, clause: 2, words: "Twice tonight." };
  const made = await by.core.reports.report(given);
  await by.until("the server has it", async () => {
    const own = await by.core.reports.myReports();
    return own.some((one) => one.id === made.id && one.state === "open");
  });
  return made.id;
}

function breach(kind: SanctionKind, days: number): NewDecision {
  return { finding: "upheld", clause: 2, reason: "A rumour.", sanction: { kind, days } };
}

/** The kind of the sanction that keeps an officer from sending in a conversation; null: none does. */
async function barred(officer: Officer, id: ConversationId): Promise<string | null> {
  return (await officer.core.conversations.get(id)).barred?.kind ?? null;
}

async function sanctionOf(officer: Officer, id: ReportId): Promise<SanctionView | undefined> {
  return (await officer.core.reports.sanctions()).find((one) => one.id === id);
}

it(
  "a report becomes a sanction, which is lifted on appeal or ends at its time",
  async () => {
    await w.server.command("conversations", "create", "--unit", "TG-CHAR", "--talk");
    const [sender, reporter] = [await w.join(), await w.join()];
    const [first, second] = [await moderator(), await moderator()];
    const large = await sender.until("the unit's chat", async () => {
      const all = await sender.core.conversations.list();
      return all.find(({ kind, state }) => kind === "unit" && state === "ready")?.conversationId;
    });
    const { conversationId: small } = await sender.core.conversations.openDirect(reporter.person);
    await reporter.text(small, "Who says so?");
    await sender.receives(small, "Who says so?");
    await sender.text(small, "The court has freed them.");
    await reporter.receives(small, "The court has freed them.");

    // One moderator warns, which closes nothing and is acknowledged.
    const warned = await reported(reporter, small, "The court has freed them.");
    expect(await first.core.reports.decideCase(warned, breach("warning", 0))).toBe("done");
    await sender.until(
      "warned",
      async () => (await sanctionOf(sender, warned))?.kind === "warning",
    );
    expect(await barred(sender, small)).toBeNull();
    await sender.core.reports.acknowledgeSanction(warned);
    expect((await sanctionOf(sender, warned))?.acknowledged).toBe(true);
    await sender.core.reports.appeal(warned, APPEAL);
    expect((await sanctionOf(sender, warned))?.appeal).toBe("open");

    // A moderator of later reads the proof and the appeal: a device that opened both seals them to it.
    const later = await moderator();
    await second.restart();
    proves(second);
    const view = await later.until("the appeal", async () => {
      const opened = await later.core.reports.openCase(warned);
      return opened.appeal?.words === APPEAL && opened.proven.length === 2 && opened;
    });
    expect([view.failed, view.words, view.reported?.personId]).toEqual([
      ...[null, "Twice tonight.", sender.person],
    ]);
    expect(view.proven.map(({ body }) => body?.kind === "text" && body.text)).toEqual([
      ...["The court has freed them.", "Who says so?"],
    ]);
    const { appealBar, decision } = await first.core.reports.openCase(warned);
    expect(appealBar).toBe("decided_first");
    expect(decision?.by.map((one) => one?.personId)).toEqual([first.person]);
    await later.core.reports.decideAppeal(warned, "lifted", "Confirmed.");
    await sender.until(
      "lifted",
      async () => (await sanctionOf(sender, warned))?.appeal === "lifted",
    );

    // One moderator cannot mute, nor agree with themselves.
    await sender.text(large, "Nobody will come on duty.");
    await reporter.receives(large, "Nobody will come on duty.");
    const rumour = await reported(reporter, large, "Nobody will come on duty.");
    expect(await first.core.reports.decideCase(rumour, breach("muted", 7))).toBe("waiting");
    expect((await first.core.reports.openCase(rumour)).proposal).toMatchObject({ own: true });
    await expect(first.core.reports.answerProposal(rumour, true)).rejects.toMatchObject({
      code: "needs_another",
    });
    expect(await barred(sender, large)).toBeNull();
    expect((await second.core.reports.openCase(rumour)).proposal).toMatchObject({
      ...{ own: false, genuine: true, by: { personId: first.person } },
    });
    await second.core.reports.answerProposal(rumour, true);
    const { decision: agreed } = await later.core.reports.openCase(rumour);
    expect(agreed?.by.map((one) => one?.personId)).toEqual([first.person, second.person]);

    // Muted in large chats alone, until the time is over.
    await sender.until("muted", async () => (await barred(sender, large)) === "muted");
    await expect(sender.text(large, "No word.")).rejects.toMatchObject({ code: "sanctioned" });
    expect(await barred(sender, small)).toBeNull();
    await sender.text(small, "I am on beat four.");
    await reporter.receives(small, "I am on beat four.");
    const end = String(Date.now() + 3_000);
    w.server.rows("UPDATE sanctions SET until_ms = ? WHERE report_id = ?", end, rumour);
    await sender.restart();
    expect(await barred(sender, large)).toBe("muted");
    await sender.until("its end", async () => (await barred(sender, large)) === null);
    await sender.text(large, "There is no strike.");
    await reporter.receives(large, "There is no strike.");
    const own = await reporter.core.reports.myReports();
    expect(own.map(({ state, finding }) => [state, finding])).toEqual(
      own.map(() => ["decided", "upheld"]),
    );

    // The case as a file that verifies without the server, and counts without names.
    const file = join(w.server.folder, "case.json");
    writeFileSync(file, await (await first.core.reports.exportCase(rumour)).text());
    const verified = (await w.server.command("reports", "verify", file)).trim().split("\n");
    const { messages } = JSON.parse(verified.at(-1) ?? "") as {
      messages: readonly { content: string; failed: string | null }[];
    };
    expect(messages.map(({ failed }) => failed)).toEqual([null]);
    expect(Buffer.from(messages[0]?.content ?? "", "base64").toString()).toContain(
      "Nobody will come on duty.",
    );
    const { upheld, lifted } = await first.core.reports.reportStatistics("");
    expect([own.length, upheld, lifted]).toEqual([2, 2, 1]);
  },
  LIMIT_MS,
);

/** A report between real cores: gathered, sealed, opened and judged; and a server that lies about it. */
import { describe, expect, it } from "vitest";
import type { CaseView, NewReport } from "#core/core.ts";
import type { ConversationId, MessageId, ReportId } from "#core/ids.ts";
import { REPORT } from "#core/keys/proof.ts";
import { parseEnvelope } from "#core/keys/sealed-envelope.ts";
import type { CaseDetail } from "#core/wire.ts";
import type { Officer } from "./support/officer.ts";
import { Network } from "./support/network.ts";
import { memoryWorld } from "./support/world.ts";

const w = memoryWorld({ policy: "approval" });

interface Scene {
  /** The reader's and the moderator's. */
  readonly networks: readonly [Network, Network];
  readonly sender: Officer;
  readonly reader: Officer;
  readonly moderator: Officer;
  readonly id: ConversationId;
  readonly sent: readonly MessageId[];
}

/** The sender writes `texts`; the reader has read them; the moderator is in no conversation of theirs. */
async function scene(texts: readonly string[]): Promise<Scene> {
  const networks = [new Network(w.fetch), new Network(w.fetch)] as const;
  const sender = await w.join();
  const reader = await w.join({ fetch: networks[0].fetch });
  const moderator = await w.join({ fetch: networks[1].fetch });
  w.server.reports.moderators = [moderator.person];
  const { conversationId: id } = await sender.core.conversations.openDirect(reader.person);
  const sent: MessageId[] = [];
  for (const text of texts) {
    const outgoing = { kind: "text", text, mentions: [] } as const;
    sent.push((await sender.core.messages.send(id, outgoing, null)).messageId);
  }
  await reader.until("it has all", async () => {
    const there = await reader.core.messages.page(id, null, 50).catch(() => null);
    const ids = there?.messages.map(({ messageId }) => messageId) ?? [];
    return sent.every((one) => ids.includes(one)) ? true : null;
  });
  return { networks: [...networks], sender, reader, moderator, id, sent };
}

async function report(
  { reader, id, sent }: Scene,
  change: Partial<NewReport> = {},
): Promise<ReportId> {
  const messageId = sent.at(-1) as MessageId;
  const given = { conversationId: id, messageId, before: true, clause: 2, words: "A rumour." };
  const { id: made } = await reader.core.reports.report({ ...given, ...change });
  await reader.until("the server has it", async () => {
    const own = await reader.core.reports.myReports();
    return own.find((one) => one.id === made)?.state === "open" ? true : null;
  });
  return made;
}

function texts({ proven }: CaseView): readonly unknown[] {
  return proven.map(({ body }) => (body?.kind === "text" ? body.text : null));
}

describe("a report", () => {
  it("F1 proves the reported message and those before it, and nothing else", async () => {
    const here = await scene(["one", "two", "three"]);
    const { sender, reader, moderator, id, sent } = here;
    const readers = await reader.core.reports.reportReaders(id, sent[2] as MessageId);
    expect(readers.people.map(({ personId }) => personId)).toEqual([moderator.person]);
    expect(readers.before).toBe(2);
    const made = await report(here);
    const view = await moderator.core.reports.openCase(made);
    expect([view.failed, view.words, view.clauseDiffers]).toEqual([null, "A rumour.", false]);
    expect(texts(view)).toEqual(["three", "one", "two"]);
    const said = view.proven.map((one) => [one.sender?.personId, one.failed, one.confirmed]);
    expect(said).toEqual([1, 2, 3].map(() => [sender.person, null, true]));
    expect(view.proven.map(({ reported }) => reported)).toEqual([true, false, false]);
    // Nothing in the proof names the reporter, and no key of the conversation came along.
    const { body } = w.server.reports.stored.get(made) ?? {};
    expect(body?.messages).toBe(3);
    const file = await (await moderator.core.reports.exportCase(made)).text();
    expect(file).not.toContain(reader.person);
    const alone = await report(here, { before: false });
    expect(texts(await moderator.core.reports.openCase(alone))).toEqual(["three"]);
  });

  it("proves all words of the reported message, the last ones first", async () => {
    const here = await scene(["one", "two"]);
    const { sender, reader, moderator, id, sent } = here;
    for (const text of ["three", "four", "five"]) {
      await sender.core.messages.edit(id, sent[1] as MessageId, text, []);
      await reader.receives(id, text);
    }
    expect((await reader.core.reports.reportReaders(id, sent[1] as MessageId)).before).toBe(1);
    const view = await moderator.core.reports.openCase(await report(here));
    expect([view.failed, texts(view)]).toEqual([null, ["five", "one", "two", "three", "four"]]);
  });

  it("waits for the network, and reports nothing of one's own", async () => {
    const here = await scene(["one"]);
    const { sender, reader, id, sent } = here;
    const own = { conversationId: id, messageId: sent[0] as MessageId, before: false };
    await expect(
      sender.core.reports.report({ ...own, clause: 1, words: "" }),
    ).rejects.toMatchObject({ code: "not_found" });
    const [network] = here.networks;
    network.path = /reports/u;
    network.cut = true;
    const waiting = await reader.core.reports.report({ ...own, clause: 1, words: "" });
    expect(waiting.state).toBe("sending");
    expect((await reader.core.reports.myReports()).map((one) => one.state)).toEqual(["sending"]);
    network.cut = false;
    await reader.until("it is sent by itself", async () => {
      const states = (await reader.core.reports.myReports()).map((one) => one.state);
      return states[0] === "open" ? true : null;
    });
    expect(w.server.reports.stored.has(waiting.id)).toBe(true);
  });

  it("F2 does not open where the server moves a proof to another case, or changes it", async () => {
    const here = await scene(["one", "two"]);
    const { moderator, sent } = here;
    const first = await report(here, { messageId: sent[0] as MessageId, before: false });
    const second = await report(here, { before: false });
    const stored = w.server.reports.stored;
    const [, network] = here.networks;
    let lie: (detail: CaseDetail) => CaseDetail = (detail) => detail;
    network.rewrite = (path, body) => (path.endsWith(second) ? lie(body as CaseDetail) : body);
    const open = () => moderator.core.reports.openCase(second);
    lie = (detail) => ({ ...detail, sealed: stored.get(first)?.body.sealed ?? null });
    expect(await open()).toMatchObject({ words: null, proven: [], opens: false });
    expect((await open()).failed).toMatch(/^F2: /u);
    lie = (detail) => {
      const { case: given } = detail;
      const { messageId, headerHash } = stored.get(first)?.body ?? given;
      return { ...detail, case: { ...given, messageId, headerHash } };
    };
    expect((await open()).failed).toMatch(/^F2: /u);
    lie = (detail) => {
      const sealed = Uint8Array.from(detail.sealed ?? []);
      sealed[sealed.length - 1] = (sealed[sealed.length - 1] ?? 0) ^ 1;
      return { ...detail, sealed };
    };
    expect((await open()).failed).toMatch(/^F2: /u);
    lie = (detail) => ({ ...detail, case: { ...detail.case, clause: 9 } });
    expect(await open()).toMatchObject({ failed: null, clauseDiffers: true });
    lie = (detail) => detail;
    expect(texts(await open())).toEqual(["two"]);
  });

  it("E0 is sealed to no device that nobody confirmed, whomever the server names", async () => {
    const here = await scene(["one"]);
    const { reader, moderator, id, sent } = here;
    w.server.approves = false;
    const { person: stranger } = await w.join();
    w.server.approves = true;
    w.server.reports.moderators = [stranger, moderator.person];
    const told = await reader.core.reports.reportReaders(id, sent[0] as MessageId);
    expect(told.people.map(({ personId }) => personId)).toEqual([moderator.person]);
    expect(told.unreached.map(({ personId }) => personId)).toEqual([stranger]);
    const made = await report(here);
    const sealed = w.server.reports.stored.get(made)?.body.sealed ?? new Uint8Array();
    expect(parseEnvelope(REPORT, sealed).keyIds).toHaveLength(1);
    expect((await moderator.core.reports.openCase(made)).failed).toBeNull();
  });
});

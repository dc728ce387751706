/** Orders in several languages and with checklists, between real cores. */
import { expect, it } from "vitest";
import type { MessageId } from "#core/ids.ts";
import type { Officer } from "../support/officer.ts";
import { PLAIN, group, held, issue, owed, settled } from "../support/ordering.ts";
import { memoryWorld } from "../support/world.ts";

const w = memoryWorld();

function counted(orderId: MessageId, officer: Officer) {
  return w.server.state.orders.get(orderId)?.records.get(officer.person)?.record ?? null;
}

it("has a checklist that each person ticks, without a network too, until it is withdrawn", async () => {
  const [a, b] = [await w.join(), await w.join()];
  const id = await group(a, [b]);
  const orderId = await issue(a, id, { items: ["Lock-up", "Kote", "CCTV"] });
  await owed(b, orderId);
  await expect(
    b.core.orders.acknowledge(orderId, { choice: 0, done: 0b1000, answer: null }),
  ).rejects.toMatchObject({ code: "message_invalid" });
  const tick = (done: number) =>
    b.core.orders.acknowledge(orderId, { choice: 0, done, answer: null });
  await tick(0b001);
  expect((await settled(b, orderId)).acknowledgement?.done).toBe(0b001);
  const network = w.current.network(b);
  network.cut = true;
  await tick(0b011);
  expect((await tick(0b110)).sending?.done).toBe(0b110);
  expect(counted(orderId, b)?.done).toBe(0b001);
  network.cut = false;
  await b.core.app.networkChanged(true);
  await b.until("ticked", () => Promise.resolve(counted(orderId, b)?.done === 0b110));
  const { acknowledgement } = await settled(b, orderId);
  expect(acknowledgement?.done).toBe(0b110);
  await a.core.messages.send(
    id,
    {
      ...({ kind: "order_change", orderId, change: "withdrawn", asksAgain: false } as const),
      ...({ language: "en", title: "", text: "", translations: [], reference: "" } as const),
      ...{ reason: "Over", attachments: [] },
    },
    null,
  );
  await b.until("withdrawn", async () => (await held(b, orderId))?.withdrawnMs);
  await expect(tick(0b111)).rejects.toMatchObject({ code: "order_over" });
});

it("is issued and corrected in several languages, and found by the words of each", async () => {
  const [a, b] = [await w.join(), await w.join()];
  const id = await group(a, [b]);
  const telugu = { language: "te", title: "బందోబస్తు", text: "రండి" } as const;
  const translations = [{ ...telugu, choices: [], items: [] }];
  const orderId = await issue(a, id, { translations });
  expect((await owed(b, orderId)).body?.translations).toEqual(translations);
  await a.core.messages.send(
    id,
    {
      ...({ kind: "order_change", orderId, change: "corrected", asksAgain: true } as const),
      ...{ language: "en", title: PLAIN.title, text: "Report at 05:30.", reference: "" },
      translations: [{ language: "te", title: "బందోబస్తు", text: "05:30 కి రండి" }],
      ...{ reason: "", attachments: [] },
    },
    null,
  );
  const [change] = await b.until("corrected", async () => {
    const changes = (await held(b, orderId))?.changes ?? [];
    return changes.length === 1 ? changes : null;
  });
  expect(change?.body.translations[0]?.text).toBe("05:30 కి రండి");
  const found = await b.core.orders.page({ box: "all", text: "05:30 కి" });
  expect(found.orders.map((one) => one.orderId)).toEqual([orderId]);
  await b.core.orders.acknowledge(orderId, { choice: 0, done: 0, answer: null });
  expect((await settled(b, orderId)).owed).toBe(false);
});

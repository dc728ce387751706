import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { Officer } from "./officer.ts";
import { TestServer } from "./server.ts";

let server: TestServer;
const officers: Officer[] = [];

async function register(index: number): Promise<Officer> {
  const officer = await Officer.register(server, index);
  officers.push(officer);
  return officer;
}

beforeAll(async () => {
  server = await TestServer.start();
});

afterAll(async () => {
  await Promise.all(officers.map((officer) => officer.close()));
  await server.close();
});

describe("direct", () => {
  it("carries the first text from one device to another, and ticks come back", async () => {
    const a = await register(0);
    const b = await register(1);
    const { conversationId } = await a.core.openDirect(await b.personId);
    const sent = await a.text(conversationId, "Vehicle check at the junction");
    await b.receives(conversationId, "Vehicle check at the junction");
    await a.until(
      "delivered",
      async () => (await a.status(sent.messageId, conversationId)) === "delivered",
    );
    await b.core.markRead(conversationId, sent.messageId);
    await a.until("read", async () => (await a.status(sent.messageId, conversationId)) === "read");
    const answer = await b.text(conversationId, "Received");
    await a.receives(conversationId, "Received");
    expect(answer.mine).toBe(true);
  });
});

/** The shortest certificates that can be set, and what others can do while a device renews its own. */
import { describe, expect, it } from "vitest";
import { Network } from "./network.ts";
import type { Officer } from "./officer.ts";
import { world } from "./world.ts";

const LIMIT_MS = 120_000;
const w = world({ COPCONNECT_CERTIFICATE_DAYS: "21" });
const PACKAGES = /\/key-packages$/u;

async function first(from: Officer, to: Officer): Promise<string> {
  const { conversationId: id } = await from.core.openDirect(await to.personId);
  await from.text(id, "first");
  return id;
}

function certificatesOf(client: string): number {
  return w.server.rows("SELECT 1 FROM auth_certificates WHERE client_id = ?", client).length;
}

describe("the first message of a new conversation arrives", { timeout: LIMIT_MS }, () => {
  it("with certificates of 21 days, which a new connection does not renew", async () => {
    const [a, b] = [await w.join(), await w.join()];
    const id = await first(a, b);
    await b.receives(id, "first");
    await b.text(id, "answer");
    await a.receives(id, "answer");
    await b.restart();
    await a.text(id, "second");
    await b.receives(id, "second");
    expect(certificatesOf((await b.core.state()).clientId ?? "")).toBe(1);
  });

  it("while the other has renewed its certificate and not uploaded key packages yet", async () => {
    const network = new Network();
    let aheadMs = 0;
    const now = (): number => Date.now() + aheadMs;
    const [a, b] = [await w.join(), await w.join({ fetch: network.fetch, now })];
    const client = (await b.core.state()).clientId ?? "";
    await b.until("key packages", () =>
      Promise.resolve(
        w.server.rows("SELECT 1 FROM key_packages WHERE client_id = ? AND last_resort", client)
          .length > 0,
      ),
    );
    w.server.ageCertificates(client, 1);
    network.path = PACKAGES;
    network.cut = true;
    // It looks after its certificate every few hours.
    aheadMs = 7 * 3_600_000;
    await b.restart();
    await b.until("renewed", () => Promise.resolve(certificatesOf(client) === 2));
    await b.core.close();
    const id = await first(a, b);
    await a.until("sent", async () => (await a.core.state()).outbox === 0);
    expect((await a.core.encryption(id)).clients).toBe(2);
    network.cut = false;
    await b.restart();
    await b.receives(id, "first");
  });

  it("once the other has come in, where it had no key package to be let in with", async () => {
    const network = new Network();
    network.path = PACKAGES;
    network.cut = true;
    const [a, b] = [await w.join(), await w.join({ fetch: network.fetch })];
    await b.core.close();
    const id = await first(a, b);
    await a.until("founded alone", async () => (await a.core.encryption(id)).clients === 1);
    expect((await a.core.state()).outbox).toBe(1);
    await b.restart();
    await b.receives(id, "first");
    await a.until("sent", async () => (await a.core.state()).outbox === 0);
    expect(await b.texts(id)).toEqual(["first"]);
  });
});

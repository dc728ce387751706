/**
 * Certificates that run out while people talk: renewed on the real server, brought into the cell by
 * a commit, the old one dropped from the roster; also when another issuing CA has taken over.
 */
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { CoreOptions } from "../src/create.ts";
import { Officer } from "./officer.ts";
import { TestServer } from "./server.ts";

const LIMIT_MS = 120_000;
let server: TestServer;
const officers: Officer[] = [];
/** How far a device's clock is ahead: it looks at its certificate only now and then. */
const aheadMs = new Map<number, number>();
const HOURS_MS = 7 * 3600_000;

/** What the server's roster names in a conversation: client id to its certificates. */
function named(conversationId: string): Map<string, readonly string[]> {
  const rows = server.rows(
    "SELECT client_id, certificate_hash FROM roster_leaves WHERE conversation_id = ?",
    conversationId,
  );
  const found = new Map<string, string[]>();
  for (const [client, hash] of rows) {
    found.set(String(client), [...(found.get(String(client)) ?? []), String(hash)]);
  }
  return found;
}

async function enter(index: number, options: Partial<CoreOptions> = {}): Promise<Officer> {
  const now = (): number => Date.now() + (aheadMs.get(index) ?? 0);
  const officer = await Officer.register(server, index, { now, ...options });
  officers.push(officer);
  return officer;
}

async function clientOf(officer: Officer): Promise<string> {
  return (await officer.core.state()).clientId ?? "";
}

/** Restart a device whose certificate runs out soon, so that it renews; wait until its new certificate alone is named and in the tree. */
async function renewed(index: number, conversationId: string): Promise<string> {
  const officer = officers[index];
  if (officer === undefined) throw new Error("nobody");
  const client = await clientOf(officer);
  const [before] = named(conversationId).get(client) ?? [];
  server.ageCertificates(client);
  aheadMs.set(index, HOURS_MS);
  await officer.restart();
  return officer.until("the old certificate replaced", () => {
    const now = named(conversationId).get(client) ?? [];
    const [only] = now;
    return Promise.resolve(now.length === 1 && only !== undefined && only !== before && only);
  });
}

async function talk(
  conversationId: string,
  said: string,
  from: Officer,
  to: Officer,
): Promise<void> {
  await from.text(conversationId, said);
  await to.receives(conversationId, said);
}

beforeAll(async () => {
  server = await TestServer.start();
}, LIMIT_MS);

afterAll(async () => {
  await Promise.all(officers.map((officer) => officer.close()));
  await server.close();
}, LIMIT_MS);

describe("a certificate", () => {
  it("is renewed, replaced in the cell by a commit, and talk goes on", async () => {
    const [a, b] = [await enter(0), await enter(1)];
    const { conversationId: id } = await a.core.openDirect(await b.personId);
    await talk(id, "before", a, b);
    await talk(id, "also before", b, a);
    const epoch = (await a.core.encryption(id)).epochCode;
    await renewed(1, id);
    await a.until("the commit", async () => (await a.core.encryption(id)).epochCode !== epoch);
    await talk(id, "after", a, b);
    await talk(id, "also after", b, a);
    expect((await a.core.encryption(id)).clients).toBe(2);
    expect(await b.texts(id)).toEqual(expect.arrayContaining(["before", "also after"]));
  });

  it("of the next issuing CA is accepted beside those of the former one", async () => {
    let next = false;
    let asked = 0;
    let release: () => void = () => undefined;
    const again = new Promise<void>((resolve) => (release = resolve));
    // What the device asks for when it is back comes late, so that the other's new certificate is
    // there first; until it asks once more.
    const a = await enter(2, {
      fetch: async (url, init) => {
        if (next && new URL(url).pathname === "/v1/trust") {
          if (++asked === 1) await again;
          else release();
        }
        return fetch(url, init);
      },
    });
    const b = await enter(3);
    const { conversationId: id } = await a.core.openDirect(await b.personId);
    await talk(id, "under the first", a, b);
    next = true;
    const keys = join(server.folder, "data", "keys");
    server.command("admin", "next-issuing-ca", join(keys, "root.key.pem"));
    await server.kill();
    await server.serve();
    const hash = await renewed(3, id);
    const [[issuer]] = server.rows(
      "SELECT certificate FROM auth_certificates WHERE certificate_hash = ?",
      hash,
    ) as [[string]];
    expect(Buffer.from(issuer, "hex").includes("Issuing CA 2")).toBe(true);
    await talk(id, "under both", a, b);
    expect(asked).toBeGreaterThan(1);
    const c = await enter(4);
    const { conversationId: other } = await a.core.openDirect(await c.personId);
    await talk(other, "hello", a, c);
    await talk(other, "hello yourself", c, a);
  });
});

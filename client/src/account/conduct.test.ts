/**
 * The code of conduct: which text counts as accepted, which rules are new, and reading it without
 * network.
 */
import { expect, test } from "vitest";
import { failure } from "../failure.ts";
import type { Change } from "../vault/vault.ts";
import type { ConductCode, Language, Me } from "../wire.ts";
import { Conduct, hasAccepted } from "./conduct.ts";

const code = (version: number, language: Language = "en"): ConductCode => ({
  ...{ version, language, createdMs: version, title: "Code" },
  rules: Array.from({ length: version }, (_, index) => `Rule ${String(index + 1)}`),
});
const me = (conductVersion: number | null, conductRequired: number): Me =>
  ({ conductVersion, conductRequired, conductAcceptedMs: 7 }) as Me;

function device(newest: number, account: () => Me | null) {
  const rows = new Map<string, unknown>();
  const server = { offline: false, newest, asked: [] as string[] };
  const make = (): Conduct =>
    new Conduct({
      context: {
        vault: {
          get: (_: string, key: string) => Promise.resolve(rows.get(key) ?? null),
          write: (changes: readonly Change[]) => {
            for (const one of changes) if (one.op === "put") rows.set(String(one.key), one.value);
            return Promise.resolve();
          },
        },
        api: {
          conduct: ({ language, version }: { language: Language; version?: number }) => {
            server.asked.push(`${language} ${String(version ?? "newest")}`);
            if (server.offline) return Promise.reject(failure("network", { retry: true }));
            return Promise.resolve(code(version ?? server.newest, language));
          },
        },
      } as never,
      me: account,
    });
  return { server, make };
}

test("an acceptance counts until a version asks again; a correction changes nothing", () => {
  expect(hasAccepted(null)).toBe(false);
  expect(hasAccepted(me(null, 1))).toBe(false);
  expect(hasAccepted(me(1, 1))).toBe(true);
  expect(hasAccepted(me(3, 2))).toBe(true);
  expect(hasAccepted(me(1, 2))).toBe(false);
});

test("what is new is shown beside the text that was accepted", async () => {
  const { make, server } = device(3, () => me(1, 2));
  const view = await make().view("te");
  expect([view.code.version, view.former?.version, view.owed]).toEqual([3, 1, true]);
  expect(view.accepted).toEqual({ version: 1, atMs: 7 });
  expect(server.asked).toEqual(["te newest", "te 1"]);
});

test("a first reader and a reader of the newest version see no former text", async () => {
  const first = device(3, () => me(null, 1));
  expect(await first.make().view("en")).toMatchObject({ accepted: null, former: null, owed: true });
  const known = device(3, () => me(3, 2));
  expect(await known.make().view("en")).toMatchObject({ former: null, owed: false });
  expect(known.server.asked).toEqual(["en newest"]);
});

test("without network the version that was read last is there, in its language alone", async () => {
  const { make, server } = device(2, () => me(1, 1));
  await make().code("ur");
  server.offline = true;
  const view = await make().view("ur");
  // The differences need the former text; the whole text is still there.
  expect([view.code.version, view.former, view.owed]).toEqual([2, null, false]);
  await expect(make().code("hi")).rejects.toMatchObject({ code: "network" });
});

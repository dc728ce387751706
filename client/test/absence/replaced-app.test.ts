/** An app that stays open over an update, without a service worker that keeps its files. */
import { afterAll, expect, it, vi } from "vitest";
import { asFailure } from "#core/as-failure.ts";
import { XWING, publicKeyOf } from "#core/keys/hpke.ts";
import { memoryWorld } from "../support/world.ts";

const server = vi.hoisted(() => {
  // An earlier file's core in this process may have loaded the code.
  vi.resetModules();
  return { hasFile: false };
});
vi.mock("#core/hpke/kems.ts", (original) => {
  if (!server.hasFile) throw new Error("Failed to fetch dynamically imported module");
  return original();
});

afterAll(() => {
  vi.doUnmock("#core/hpke/kems.ts");
  vi.resetModules();
});

const w = memoryWorld();

it("asks for a reload while the code of HPKE cannot be fetched, and then works on", async () => {
  const a = await w.join();
  const failed = await publicKeyOf(XWING, new Uint8Array(32)).catch(asFailure);
  expect(failed).toMatchObject({ code: "update_required", retry: true });
  expect(await a.core.app.state()).toMatchObject({ updateRequired: true });

  const told: boolean[] = [];
  a.core.subscribe((event) => {
    if (event.type === "app") told.push(event.state.updateRequired);
  });
  server.hasFile = true;
  expect(await publicKeyOf(XWING, new Uint8Array(32))).toHaveLength(1216);
  await vi.waitFor(() => expect(told.at(-1)).toBe(false));

  await a.reconnect();
  const b = await w.join();
  const { conversationId } = await a.core.conversations.openDirect(b.person);
  await a.text(conversationId, "Report at 6.");
  await b.receives(conversationId, "Report at 6.");
});

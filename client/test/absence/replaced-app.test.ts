/** An app that stays open over an update, without a service worker that keeps its files. */
import { expect, it, vi } from "vitest";
import { asFailure } from "#core/failure.ts";
import { XWING, publicKeyOf } from "#core/keys/hpke.ts";
import { memoryWorld } from "../support/world.ts";

const server = vi.hoisted(() => ({ hasFile: false }));
vi.mock("#core/hpke/kems.ts", (original) => {
  if (!server.hasFile) throw new Error("Failed to fetch dynamically imported module");
  return original();
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

import type { PersonId } from "@copconnect/client/wire";
import type { ConnectedCore, CoreListener } from "@copconnect/client/core";
import { expect, it, vi } from "vitest";
import { useCore } from "../core.ts";
import { followCore } from "./app.svelte.ts";
import { blocked, followBlocked } from "./blocked.svelte.ts";

it("follows what another device of this person blocks, and forgets it when left", async () => {
  const personId = "p" as PersonId;
  let stored: readonly { personId: PersonId }[] = [];
  let tell: CoreListener = () => undefined;
  useCore({
    subscribe: (listener: CoreListener) => (tell = listener),
    app: { start: () => Promise.resolve(null) },
    people: { blocked: () => Promise.resolve(stored) },
  } as unknown as ConnectedCore);
  await followCore();
  const stop = followBlocked();
  await vi.waitFor(() => expect(blocked.people).toEqual([]));
  stored = [{ personId }];
  tell({ type: "oneself" });
  await vi.waitFor(() => expect(blocked.has(personId)).toBe(true));
  stop();
  expect(blocked.people).toBeNull();
});

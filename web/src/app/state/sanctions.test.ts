import type { AppState, ConnectedCore, CoreListener, SanctionView } from "@copconnect/client/core";
import type { ReportId } from "@copconnect/client/wire";
import { expect, it, vi } from "vitest";
import { useCore } from "../core.ts";
import { followCore } from "./app.svelte.ts";
import { followSanctions, strictest } from "./sanctions.svelte.ts";

const sanction = (kind: SanctionView["kind"], untilMs: number): SanctionView => ({
  ...{
    id: `${kind}${String(untilMs)}` as ReportId,
    kind,
    fromMs: 0,
    untilMs,
    clause: 1,
    reason: "r",
  },
  ...{ appeal: "none", appealReason: null, mayAppeal: true, acknowledged: false, over: false },
});
const [warned, muted, suspended] = [
  sanction("warning", 0),
  sanction("muted", 9),
  sanction("suspended", 5),
];

it("names the strictest, and of that kind the one that lasts longest", () => {
  expect(strictest([warned, muted, suspended])).toBe(suspended);
  expect(strictest([muted, warned, sanction("muted", 7)])).toBe(muted);
  expect(strictest([])).toBeNull();
});

it("asks the core, whose code for it is fetched then, only for somebody who has a sanction", async () => {
  let tell: CoreListener = () => undefined;
  const asked = vi.fn(() => Promise.resolve([warned]));
  const be = (state: Partial<AppState>): void =>
    tell({ type: "app", state: { sanctioned: false, ...state } as AppState });
  useCore({
    subscribe: (listener: CoreListener) => (tell = listener),
    app: { start: () => Promise.resolve({ sanctioned: false, connection: "offline" }) },
    reports: { sanctions: asked },
  } as unknown as ConnectedCore);
  await followCore();
  const stop = followSanctions();
  be({ connection: "online" });
  be({ connection: "offline" });
  be({ connection: "online" });
  expect(asked).toHaveBeenCalledTimes(0);
  be({ connection: "online", sanctioned: true });
  be({ connection: "online", sanctioned: true });
  expect(asked).toHaveBeenCalledTimes(1);
  be({ connection: "offline", sanctioned: true });
  be({ connection: "online", sanctioned: true });
  expect(asked).toHaveBeenCalledTimes(2);
  tell({ type: "reports" });
  expect(asked).toHaveBeenCalledTimes(3);
  stop();
});

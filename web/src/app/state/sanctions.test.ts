import type { SanctionView } from "@copconnect/client/core";
import type { ReportId } from "@copconnect/client/wire";
import { expect, it } from "vitest";
import { strictest } from "./sanctions.svelte.ts";

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

import type { VerifiedExport } from "@copconnect/client/core";
import type { ConversationId, Names, PersonId } from "@copconnect/client/wire";
import { render } from "svelte/server";
import { beforeAll, expect, it, vi } from "vitest";
import { loadLater } from "#i18n/index.svelte.ts";
import en from "#i18n/locales/en/exports.json";
import PrintPage from "./PrintPage.svelte";

const NAMES: Names = { en: "Kavitha", te: "", ur: "", hi: "" };
const EXPORTER = {
  ...{ personId: "00000000000000000000000000" as PersonId, names: NAMES },
  ...{ rank: NAMES, post: NAMES, unit: NAMES },
};

function found(more: Partial<VerifiedExport> = {}): VerifiedExport {
  return {
    ...{ sha256: "9f86d081", bytes: 1_024, conversationId: "conversation" as ConversationId },
    ...{ title: "Bandobast", exporter: EXPORTER, madeMs: Date.UTC(2026, 10, 3, 4) },
    ...{ first: 3, last: 9, messages: [], gaps: [], witnesses: [], problems: [], ...more },
  };
}

function printed(one: VerifiedExport): string {
  const props = { found: one, fileName: "export.zip", signer: null, onclose: () => undefined };
  return render(PrintPage, { props }).body;
}

beforeAll(async () => {
  await Promise.all([loadLater("rest"), loadLater("exports")]);
});

it("dates the draft certificate by this device, not by the file", () => {
  vi.useFakeTimers({ now: Date.UTC(2026, 11, 1, 13, 30) });
  try {
    const page = printed(found());
    expect(page).toContain("01/12/2026");
    expect(page).toContain("19:00");
    expect(page).not.toContain("03/11/2026");
  } finally {
    vi.useRealTimers();
  }
});

it("offers no certificate about a file in which something is wrong", () => {
  const problem = { at: 4, rule: "S1", reason: "a signature is wrong" };
  expect(printed(found())).toContain("Part A");
  expect(printed(found({ problems: [problem] }))).not.toContain("Part A");
});

it("has the facts that nobody signs under their heading on paper too", () => {
  const page = printed(found({ gaps: [{ from: 4, to: 6, why: "not_chosen" }] }));
  const order = [en.verify.gaps, "4 to 6", en.verify.limits, en.verify.limitName];
  const places = order.map((text) => page.indexOf(text));
  expect(places).not.toContain(-1);
  expect(places).toEqual(places.toSorted((a, b) => a - b));
});

it("claims of a file that its signatures are right, and nothing of its contents", () => {
  const page = printed(found());
  expect(page).toContain("Every signature in this file is right");
  expect(page).not.toContain("genuine");
});

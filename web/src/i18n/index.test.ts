import { expect, it } from "vitest";
import { formatNumber, hasText, loadLater, t, textsIn, type TextKey } from "./index.svelte.ts";

it("keeps a suffix apart from a name that ends in a bare consonant", async () => {
  await loadLater("rest");
  const telugu = await textsIn("te");
  const call = (name: string): string => telugu("people.callPerson", { name });
  expect(call("రవీందర్ నాయక్")).toBe("రవీందర్ నాయక్\u200cకు కాల్ చేయండి");
  expect(call("కవిత")).toBe("కవితకు కాల్ చేయండి");
  // Before a space nothing is joined.
  const hindi = await textsIn("hi");
  expect(hindi("people.callPerson", { name: "अहमद्" })).not.toContain("\u200c");
});

it("says the plural form of a count, groups numbers as in India, and a key that has no text as it is", async () => {
  await loadLater("rest");
  expect(t("orders.owed", { count: 1 })).toBe("1 order to acknowledge");
  expect(t("orders.owed", { count: 123_456 })).toBe("1,23,456 orders to acknowledge");
  expect(["0", "999", "1,000", "-5", "2.5"]).toEqual([0, 999, 1_000, -5, 2.5].map(formatNumber));
  expect(["errors.network", "orders.owed", "errors.toString"].map(hasText)).toEqual([
    ...[true, false, false],
  ]);
  expect(t("chats.nothing" as TextKey)).toBe("chats.nothing");
});

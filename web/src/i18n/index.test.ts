import { expect, it } from "vitest";
import { loadLater, textsIn } from "./index.svelte.ts";

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

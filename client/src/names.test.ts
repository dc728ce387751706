import { expect, it } from "vitest";
import { inEnglish, spellings } from "./names.ts";
import { LANGUAGES } from "./wire.ts";

it("gives the spellings that there are, English first", () => {
  const names = { en: "Imran Khan", te: "", ur: "عمران خان", hi: "इमरान ख़ान" };
  expect(spellings(names)).toEqual(["Imran Khan", "عمران خان", "इमरान ख़ान"]);
  expect(spellings(inEnglish("Ravi"))).toEqual(["Ravi"]);
  expect(Object.keys(inEnglish("Ravi"))).toEqual([...LANGUAGES]);
});

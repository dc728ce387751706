import { readFileSync } from "node:fs";
import { expect, test } from "vitest";
import { copy } from "../octets.ts";
import { fold, skeleton } from "./folding.ts";
import { Model } from "./model.ts";

const WEIGHTS = new URL("../../../src/copconnect/conduct/guard/weights.bin", import.meta.url);
const model = await Model.read(copy(readFileSync(WEIGHTS)));

test.each([
  "Good morning sir, accident at NH-44, two injured, sending ambulance",
  "Ganesh bandobast duty roster",
  "ok sir",
  "Deepest condolences to the family, funeral tomorrow 10 am",
  "All points checked. Jai Hind sir",
  "శుభోదయం సార్, రోడ్డు ప్రమాదం, ఇద్దరికి గాయాలు",
  "",
  " \n",
])("duty talk passes: %s", (text) => {
  expect(model.classify(text)).toBe("fine");
});

test.each([
  "good morning",
  "g o o d  m o r n i n g  a l l",
  "GOOOOOD MORNIIIING ALL",
  "g00d m0rning all",
  "gооd mоrning all", // Cyrillic o.
  "good\u200d mor\u200bning all",
  "𝗚𝗼𝗼𝗱 𝗺𝗼𝗿𝗻𝗶𝗻𝗴 𝗮𝗹𝗹",
  "good🌹morning🌹all",
  "gud mrng sir",
  "Gm",
  "good evening",
  "శుభోదయం",
  "صبح بخیر",
  "सुप्रभात",
  "శుభో\u200cదయం",
  "shubhodayam andariki",
  "सुप्रभात मित्रों",
  "صبح بخیر دوستو",
])("a disguised greeting is found: %s", (text) => {
  expect(model.classify(text)).toBe("greeting");
});

test("words fold alike in every script", () => {
  const words = (text: string): readonly string[] => fold(text, new Map()).words;
  expect(words("G.O.O.D  M-O-R-N-I-N-G")).toEqual(["good", "morning"]);
  for (const word of ["shubhodayam", "subodayam", "శుభోదయం"])
    expect(words(word).map(skeleton)).toEqual(["sbdm"]);
  for (const word of ["congress", "కాంగ్రెస్", "कांग्रेस", "کانگریس"])
    expect(skeleton(word)).toBe("kngrs");
});

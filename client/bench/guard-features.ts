/**
 * Prints the features of texts, one JSON array of the three blocks a line, for training the guard
 * (guard/features.py). Standard input: `texts`, `lookalikes` and the number of `buckets`, as JSON.
 */
import { readFileSync } from "node:fs";
import { features } from "../src/guard/features.ts";
import { fold } from "../src/guard/folding.ts";

interface Asked {
  readonly texts: readonly string[];
  readonly lookalikes: Readonly<Record<string, string>>;
  readonly buckets: number;
}

const asked = JSON.parse(readFileSync(0, "utf-8")) as Asked;
const lookalikes = new Map(Object.entries(asked.lookalikes));
for (const text of asked.texts) {
  const { chars, words, shape } = features(fold(text, lookalikes), asked.buckets);
  const blocks = [chars, words, shape].map((block) => [...block].sort((one, two) => one - two));
  process.stdout.write(`${JSON.stringify(blocks)}\n`);
}

/** Texts of benchmarks: lines of the guard's corpus, with names, numbers and places that make most differ. */
import { readFileSync, readdirSync } from "node:fs";

const CORPUS = new URL("../../guard/corpus/", import.meta.url);

let seed = 7;
/** In [0, 1), the same in each run. */
export function random(): number {
  seed = (seed * 1_103_515_245 + 12_345) % 2_147_483_648;
  return seed / 2_147_483_648;
}

export function oneOf<T>(all: readonly T[]): T {
  return all[Math.floor(random() * all.length)] as T;
}

/** A line with one choice of each of its `{a|b}`. */
function chosen(line: string): string {
  return line.replace(/\{([^{}]*)\}/g, (_, choices: string) => oneOf(choices.split("|")));
}

function corpus(): readonly string[] {
  const texts = readdirSync(CORPUS).filter((name) => name.endsWith(".txt") && name !== "emoji.txt");
  return texts
    .flatMap((name) => readFileSync(new URL(name, CORPUS), "utf8").split("\n"))
    .filter((line) => line !== "" && !/^[[#]/.test(line));
}

const SYLLABLES = [
  ..."ra ma na ti ki su va la pa du sri ka ni ya re ddy".split(" "),
  ..."రా మ న తి కి సు వ ల ప డు శ్రీ క ని య రె డ్డి".split(" "),
  ..."रा म न ति कि सु व ल प डु श्री क नी य रे ड्डी".split(" "),
  ..."را م ن تی کی سو و ل پ ڈو شری ک نی ی رے ڈی".split(" "),
];

function name(): string {
  const script = 16 * Math.floor(random() * 4);
  const part = (): string => SYLLABLES[script + Math.floor(random() * 16)] ?? "";
  return Array.from({ length: 2 + Math.floor(random() * 3) }, part).join("");
}

function particular(): string {
  const number = Math.floor(random() * 10_000);
  return oneOf([
    () => name(),
    () => `${name()} ${name()}`,
    () => `FIR ${String(number % 900)}/2026`,
    () => `TS09E${oneOf(["A", "B", "C"])}${String(number)}`,
    () => `${String(number % 24)}:${String(number % 60).padStart(2, "0")}`,
    () => `98${String(Math.floor(random() * 1e8)).padStart(8, "0")}`,
  ])();
}

const lines = corpus();

/** The next generated text. */
export function generatedText(): string {
  return [chosen(oneOf(lines)), ...(random() < 0.5 ? [particular()] : [])].join(" ");
}

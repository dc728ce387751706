/** The events of a run, as plain steps that can be written down and run again. */
import fc from "fast-check";

/** How often each act comes, of all. */
export const ACTS = {
  say: 12,
  goes: 6,
  comes: 6,
  adds: 4,
  removes: 3,
  registers: 2,
  device: 2,
  confirms: 3,
  revokes: 1,
  forgets: 2,
  sleeps: 2,
  deaf: 3,
  loses: 2,
  rubbish: 2,
  restarts: 1,
  restores: 1,
} as const;

export type Act = keyof typeof ACTS;

/** `who` and `more` choose among the ones that there are then; afterwards `thenMs` pass. */
export class Step {
  readonly act: Act;
  readonly who: number;
  readonly more: number;
  readonly thenMs: number;

  constructor(act: Act, who: number, more: number, thenMs: number) {
    this.act = act;
    this.who = who;
    this.more = more;
    this.thenMs = thenMs;
  }

  toString(): string {
    return `${this.act} ${[this.who, this.more, this.thenMs].join(" ")}`;
  }
}

export interface Schedule {
  /** The seed of everything random but the steps: ids, delays. */
  readonly seed: number;
  /** How many people there are in the beginning. */
  readonly people: number;
  /** Devices in a cell, at most. */
  readonly cellSize: number;
  readonly policy: "none" | "approval";
  /** The history that new members of the group see. */
  readonly historyDays: 0 | 30;
  readonly steps: readonly Step[];
}

/** Long enough for nothing, an answer, a whole change, questions to others, and a stamp that ends. */
const REST_MS = [0, 0, 60, 400, 3_000, 12_000, 700_000];

function steps(without: readonly Act[]): fc.Arbitrary<Step> {
  const acts = Object.entries(ACTS).map(([act, weight]) => [act as Act, weight] as const);
  const chosen = acts
    .filter(([act]) => !without.includes(act))
    .map(([act, weight]) => ({ weight, arbitrary: fc.constant(act) }));
  return fc
    .tuple(fc.oneof(...chosen), fc.nat(99), fc.nat(99), fc.constantFrom(...REST_MS))
    .map((fields) => new Step(...fields));
}

/** So many people in the beginning, so many steps at most, and none of these acts. */
export function schedules(
  people: readonly number[],
  most: number,
  without: readonly Act[] = [],
): fc.Arbitrary<Schedule> {
  return fc.record({
    seed: fc.nat(1_000_000),
    people: fc.constantFrom(...people),
    cellSize: fc.constantFrom(3, 256),
    policy: fc.constantFrom("none", "approval"),
    historyDays: fc.constantFrom(0, 30),
    steps: fc.array(steps(without), { minLength: most / 3, maxLength: most }),
  });
}

/** As {@link readSchedule} reads it. */
export function writeSchedule(schedule: Schedule): string {
  const { seed, people, cellSize, policy, historyDays, steps } = schedule;
  const numbers = { seed, people, cellSize, historyDays, approval: policy === "approval" ? 1 : 0 };
  const head = Object.entries(numbers).map(([name, value]) => `${name} ${String(value)}`);
  return [...head, ...steps.map(String)].join("; ");
}

export function readSchedule(text: string): Schedule {
  const lines = text.split(";").map((line) => line.trim().split(/\s+/u));
  const number = (name: string): number => Number(lines.find(([word]) => word === name)?.[1]);
  const steps = lines.flatMap(([act = "", ...numbers]) => {
    const [who = 0, more = 0, thenMs = 0] = numbers.map(Number);
    return act in ACTS ? [new Step(act as Act, who, more, thenMs)] : [];
  });
  return {
    ...{ seed: number("seed"), people: number("people"), cellSize: number("cellSize"), steps },
    policy: number("approval") === 1 ? "approval" : "none",
    historyDays: number("historyDays") === 30 ? 30 : 0,
  };
}

/** An order and a file about it in words of one language, whatever language the screen has. */
import type { ExportState, ExportWords } from "@copconnect/client/core";
import type { Directory, Language, Names, UnitId } from "@copconnect/client/wire";
import { momentIn } from "#i18n/format.ts";
import type { TextKey, TextValues } from "#i18n/index.svelte.ts";

/** An order as its overseer reads it. */
export interface OrderFacts {
  readonly title: string;
  readonly text: string;
  readonly reference: string;
  readonly issuer: { readonly names: Names } | null;
  readonly choices: readonly string[];
  /** It asks for a free answer. */
  readonly answers: boolean;
  readonly issuedMs: number;
  readonly validUntilMs: number | null;
  readonly withdrawnMs: number | null;
}

export type Say = (key: TextKey, values?: TextValues) => string;

export function nameIn(language: Language, names: Names | null): string {
  return names === null ? "" : names[language] || names.en;
}

/** Lines that say which order it is. */
export function factsOf(
  facts: OrderFacts,
  language: Language,
  say: Say,
  made: { readonly ms: number; readonly by: string },
): readonly (readonly [string, string])[] {
  const time = (ms: number | null): string => (ms === null ? "" : momentIn(language, ms));
  const lines: readonly (readonly [TextKey, string])[] = [
    ["oversee.file.order", facts.title],
    ["oversee.file.text", facts.text],
    ["oversee.file.reference", facts.reference],
    ["oversee.file.issuer", nameIn(language, facts.issuer?.names ?? null)],
    ["oversee.file.issued", time(facts.issuedMs)],
    ["oversee.file.validUntil", time(facts.validUntilMs)],
    ["oversee.file.withdrawn", time(facts.withdrawnMs)],
    ["oversee.file.made", time(made.ms)],
    ["oversee.file.madeBy", made.by],
  ];
  return lines.flatMap(([key, value]) => (value === "" ? [] : [[say(key), value] as const]));
}

const STATES: readonly ExportState[] = [
  "waiting",
  "received",
  "read",
  "acknowledged",
  "unreadable",
  "left",
];

export function exportWords(
  order: OrderFacts,
  language: Language,
  say: Say,
  directory: Directory | null,
  facts: readonly (readonly [string, string])[],
): ExportWords {
  const states = Object.fromEntries(STATES.map((one) => [one, say(`oversee.state.${one}`)]));
  return {
    language,
    rightToLeft: language === "ur",
    sheets: {
      summary: say("oversee.file.summary"),
      units: say("oversee.file.units"),
      people: say("oversee.file.people"),
      refused: say("oversee.file.refused"),
    },
    columns: {
      name: say("oversee.file.name"),
      rank: say("oversee.file.rank"),
      post: say("oversee.file.post"),
      unit: say("oversee.file.unit"),
      state: say("oversee.file.state"),
      choice: say("oversee.file.choice"),
      answer: say("oversee.file.answer"),
      signed: say("oversee.file.signed"),
      received: say("oversee.file.received"),
      toldBy: say("oversee.file.toldBy"),
      verified: say("oversee.file.verified"),
      recordHash: say("oversee.file.recordHash"),
    },
    counts: {
      owed: say("oversee.file.owed"),
      received: say("oversee.file.countReceived"),
      read: say("oversee.file.countRead"),
      acknowledged: say("oversee.file.acknowledged"),
      told: say("oversee.file.told"),
      unreadable: say("oversee.file.unreadable"),
    },
    states: states as Record<ExportState, string>,
    verified: say("oversee.file.yes"),
    unit: say("oversee.file.unit"),
    reason: say("oversee.file.reason"),
    facts,
    choices: order.choices,
    ranks: Object.fromEntries(
      (directory?.ranks ?? []).map(({ code, names }) => [code, nameIn(language, names)]),
    ),
    unitNames: new Map<UnitId, string>(
      (directory?.units ?? []).map(({ unitId, names }) => [unitId, nameIn(language, names)]),
    ),
  };
}

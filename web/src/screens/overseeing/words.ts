/** An order and a file about it in words of one language, whatever language the screen has. */
import {
  wordingIn,
  wordingsOf,
  type ExportState,
  type ExportWords,
  type OrderBody,
  type TitledText,
  type Translated,
} from "@copconnect/client/core";
import {
  ORDER_CHOICES,
  ORDER_ITEMS,
  type Directory,
  type Language,
  type Names,
  type UnitId,
} from "@copconnect/client/wire";
import { momentIn } from "#i18n/format.ts";
import { LANGUAGE_NAMES, type TextKey, type TextValues } from "#i18n/index.svelte.ts";
import { listsIn } from "#parts/orders/wording.ts";

/** An order as its overseer reads it. */
export interface OrderFacts {
  /** As issued; null: its text is not here. */
  readonly body: OrderBody | null;
  /** Title and text as they are now, in every language. */
  readonly words: Translated<TitledText> | null;
  readonly reference: string;
  readonly issuer: { readonly names: Names } | null;
  readonly issuedMs: number;
  readonly validUntilMs: number | null;
  readonly withdrawnMs: number | null;
}

export type Say = (key: TextKey, values?: TextValues) => string;

export function nameIn(language: Language, names: Names | null): string {
  return names === null ? "" : names[language] || names.en;
}

export function titleIn(language: Language, { words }: OrderFacts): string {
  return words === null ? "" : wordingIn<TitledText>(words, language).title;
}

/** Lines that say which order it is. */
export function factsOf(
  facts: OrderFacts,
  language: Language,
  say: Say,
  made: { readonly ms: number; readonly by: string },
): readonly (readonly [string, string])[] {
  const time = (ms: number | null): string => (ms === null ? "" : momentIn(language, ms));
  const shown = facts.words === null ? null : wordingIn<TitledText>(facts.words, language);
  const others = facts.words === null ? [] : wordingsOf<TitledText>(facts.words);
  const lines: readonly (readonly [TextKey, string])[] = [
    ["oversee.file.order", shown?.title ?? ""],
    ["oversee.file.text", shown?.text ?? ""],
    ["oversee.file.reference", facts.reference],
    ["oversee.file.issuer", nameIn(language, facts.issuer?.names ?? null)],
    ["oversee.file.issued", time(facts.issuedMs)],
    ["oversee.file.validUntil", time(facts.validUntilMs)],
    ["oversee.file.withdrawn", time(facts.withdrawnMs)],
    ["oversee.file.made", time(made.ms)],
    ["oversee.file.madeBy", made.by],
  ];
  return [
    ...lines.map(([key, value]) => [say(key), value] as const),
    ...others
      .filter((one) => one !== shown)
      .map(({ language: other, title, text }) => {
        const label = `${say("oversee.file.order")} (${LANGUAGE_NAMES[other]})`;
        return [label, [title, text].filter(Boolean).join("\n")] as const;
      }),
  ].filter(([, value]) => value !== "");
}

const STATES: readonly ExportState[] = [
  "waiting",
  "received",
  "read",
  "acknowledged",
  "unreadable",
  "left",
];

function numbered(most: number, named: (number: string) => string): readonly string[] {
  return Array.from({ length: most }, (_, at) => named(String(at + 1)));
}

export function exportWords(
  order: OrderFacts,
  language: Language,
  say: Say,
  directory: Directory | null,
  facts: readonly (readonly [string, string])[],
): ExportWords {
  const states = Object.fromEntries(STATES.map((one) => [one, say(`oversee.state.${one}`)]));
  const lists = listsIn(order.body, language);
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
      items: say("oversee.file.items"),
      answer: say("oversee.file.answer"),
      photo: say("oversee.file.photo"),
      acknowledged: say("oversee.file.firstAcknowledged"),
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
      photos: say("oversee.photo.sent"),
    },
    states: states as Record<ExportState, string>,
    verified: say("oversee.file.yes"),
    photo: say("oversee.file.yes"),
    unit: say("oversee.file.unit"),
    reason: say("oversee.file.reason"),
    facts,
    ...{ choices: lists.choices, items: lists.items },
    unnamed: {
      choices: numbered(ORDER_CHOICES, (number) => say("oversee.choice", { number })),
      items: numbered(ORDER_ITEMS, (number) => say("orders.compose.item", { number })),
    },
    ranks: Object.fromEntries(
      (directory?.ranks ?? []).map(({ code, names }) => [code, nameIn(language, names)]),
    ),
    unitNames: new Map<UnitId, string>(
      (directory?.units ?? []).map(({ unitId, names }) => [unitId, nameIn(language, names)]),
    ),
  };
}

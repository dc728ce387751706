/** The contents of a verified export in the reader's words. */
import type {
  CoreEvent,
  ProofGap,
  ProofProblem,
  ProvenPerson,
  VerifiedExport,
} from "@copconnect/client/core";
import type { Names } from "@copconnect/client/wire";
import { formatBytes, formatList, formatMoment, formatNumber, nameOf } from "#i18n/format.ts";
import { t } from "#i18n/index.svelte.ts";

/** How much of a file is verified: messages, then bytes of its files. */
export type VerifyProgress = Pick<
  Extract<CoreEvent, { type: "conversation_export" }>,
  "step" | "done" | "total"
>;

/** "Sub-Inspector, Charminar PS". */
export function officerOf(
  { rank, post, unit }: ProvenPerson,
  nameFor: (names: Names) => string,
): string {
  return [rank, post, unit]
    .map(nameFor)
    .filter((one) => one !== "")
    .join(", ");
}

/**
 * Whether everything holds, and facts that keep the verdict from being green. Two people at least confirm
 * the order: the file names its exporter unsigned, so any one of them may be the exporter.
 */
export function verdictOf(found: VerifiedExport): {
  readonly verdict: "holds" | "partly" | "wrong";
  readonly doubts: readonly string[];
} {
  const unsigned = unsignedFiles(found);
  const doubts = [
    ...(found.witnesses.length >= 2 ? [] : [t("exports.verify.unconfirmed")]),
    ...(unsigned === null ? [] : [unsigned]),
  ];
  if (found.problems.length > 0) return { verdict: "wrong", doubts };
  return { verdict: doubts.length === 0 ? "holds" : "partly", doubts };
}

function unsignedFiles({ messages }: VerifiedExport): string | null {
  const files = messages.flatMap((one) => one.files);
  const count = files.filter(({ state }) => state === "unsigned").length;
  if (count === 0) return null;
  return t("exports.verify.unsigned", { count, number: formatNumber(count) });
}

export function summaryOf(found: VerifiedExport): readonly (readonly [string, string])[] {
  const { messages, first, last } = found;
  const witnesses = found.witnesses.map(({ person, upTo }) =>
    t("exports.verify.witness", { name: nameOf(person.names), position: formatNumber(upTo) }),
  );
  return [
    [t("exports.verify.chat"), found.title],
    [
      t("exports.verify.proven"),
      t("exports.verify.count", { count: messages.length, number: formatNumber(messages.length) }),
    ],
    [
      t("exports.verify.range"),
      t("exports.verify.positions", { first: formatNumber(first), last: formatNumber(last) }),
    ],
    [
      t("exports.verify.order"),
      witnesses.length === 0 ? t("exports.verify.noWitness") : formatList(witnesses),
    ],
    [t("exports.verify.by"), `${nameOf(found.exporter.names)}, ${formatMoment(found.madeMs)}`],
    [t("exports.hash"), `${found.sha256} · ${formatBytes(found.bytes)}`],
  ];
}

/** Facts that nobody signs. */
export function limitsOf(found: VerifiedExport): readonly string[] {
  const { first, last } = found;
  const { doubts } = verdictOf(found);
  return [
    ...doubts,
    t("exports.verify.limitName"),
    first === 1
      ? t("exports.verify.limitEnd", { last: formatNumber(last) })
      : t("exports.verify.limitEnds", { first: formatNumber(first), last: formatNumber(last) }),
    t("exports.verify.limitTimes"),
    t("exports.verify.limitLost"),
  ];
}

export function gapText({ from, to, why }: ProofGap): string {
  return t(`exports.gap.${why}`, { from: formatNumber(from), to: formatNumber(to) });
}

/** Subjects of the rules of docs/keys.md, for readers. */
const WHAT = [
  [/^(E\d|R2)$/u, "sender"],
  [/^R[13]$/u, "signature"],
  [/^R[45]$/u, "order"],
  [/^R[67]$/u, "words"],
  [/^file$/u, "file"],
] as const;

export function problemText({ at, rule, reason }: ProofProblem): string {
  if (at === null)
    return t("exports.verify.ofFile", { what: t("exports.verify.what.part"), reason });
  const [, about = "other"] = WHAT.find(([rules]) => rules.test(rule)) ?? [];
  const what = t(`exports.verify.what.${about}`);
  return t("exports.verify.problem", { position: formatNumber(at), what, rule, reason });
}

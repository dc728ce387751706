/**
 * Sanctions in words, and the rules of the code of conduct, which reports and sanctions name by their
 * numbers from 1.
 */
import type { ConductCode } from "@copconnect/client/wire";
import { core } from "#app/core.ts";
import { Loading } from "#app/state/loading.svelte.ts";
import { language, t } from "#i18n/index.svelte.ts";
import type { Barred, SanctionView } from "@copconnect/client/core";
import { formatMoment } from "#i18n/format.ts";

const code = new Loading<ConductCode>();

export const clauses = {
  /** Null until the code is here. */
  get rules(): readonly string[] | null {
    return code.value?.language === language.current ? code.value.rules : null;
  },
  get error(): unknown {
    return code.error;
  },
  get slow(): boolean {
    return code.slow;
  },
  /** Read the code in the reader's language. Run in an effect, it follows the language. */
  want(): void {
    const wanted = language.current;
    if (code.value?.language !== wanted) void code.load(() => core().conduct.code(wanted));
  },
  /** "Rule 3: Write what you know…"; the number alone while the code is not here. */
  text(clause: number): string {
    const text = clauses.rules?.[clause - 1];
    return text === undefined
      ? t("reports.clauseShort", { number: clause })
      : t("reports.clause", { number: clause, text });
  },
};

/** "You cannot write in large groups until 4 December, 18:00." */
export function lineOf({ kind, untilMs }: SanctionView): string {
  return t(`reports.sanction.line.${kind}`, { until: formatMoment(untilMs) });
}

/** The same in the place of the composer that a sanction closes. */
export function barredLine({ kind, untilMs }: Barred): string {
  if (kind === "unknown" || untilMs === null) return t("conversation.barred.now");
  return t(`reports.sanction.line.${kind}`, { until: formatMoment(untilMs) });
}

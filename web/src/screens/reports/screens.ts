/** The screens of reports and sanctions: each comes with its words, when it is first shown. */
import { loadLater } from "#i18n/index.svelte.ts";

/** A module, once the words of reports are here too. */
export async function withReportWords<M>(module: Promise<M>): Promise<M> {
  const [loaded] = await Promise.all([module, loadLater("reports")]);
  return loaded;
}

export const reportSheet = () => withReportWords(import("./ReportSheet.svelte"));
export const myReports = () => withReportWords(import("./MyReports.svelte"));
export const sanctionsPage = () => withReportWords(import("./SanctionsPage.svelte"));
export const sanctionBanner = () => withReportWords(import("./SanctionBanner.svelte"));
export const sanctionNote = () => withReportWords(import("./SanctionNote.svelte"));

/** The screens of reports and sanctions: each comes with its words, when it is first shown. */
import { loadLater } from "../../i18n/index.svelte.ts";

async function worded<M>(module: Promise<M>): Promise<M> {
  const [loaded] = await Promise.all([module, loadLater("reports")]);
  return loaded;
}

export const reportSheet = () => worded(import("./ReportSheet.svelte"));
export const myReports = () => worded(import("./MyReports.svelte"));
export const sanctionsPage = () => worded(import("./SanctionsPage.svelte"));
export const sanctionBanner = () => worded(import("./SanctionBanner.svelte"));
export const sanctionNote = () => worded(import("./SanctionNote.svelte"));
